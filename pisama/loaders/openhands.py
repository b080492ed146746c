"""Trajectories of OpenHands 0.x: lists of events, folders of event files, and rows of an evaluation's output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import ClassVar

from pisama.loaders.base import Document, Loaded
from pisama.loaders.items import items, sample_items
from pisama.loaders.members import member_items, member_samples, named_members
from pisama.loaders.openhands_events import Events
from pisama.loaders.values import as_integer, as_list, as_mapping, as_number, as_string, first
from pisama.patterns import lazy
from pisama.report import LoadError
from pisama.trace import JSON, Location, Usage

_FILE = lazy(r"(?:events/)?(\d{1,9})\.json\Z")
_SOURCES = ("agent", "user", "environment")


class OpenHandsLoader:
    """One list of events, or one row with a `history` of them, is one run."""

    id: ClassVar[str] = "openhands"
    title: ClassVar[str] = "OpenHands trajectory (0.x)"
    recognised_by: ClassVar[str] = (
        "events with `source` and `action` or `observation`; or rows with a `history` of such"
    )

    def sniff(self, document: Document) -> float:
        """By the fields of an event."""
        values = (*sample_items(document), *member_samples(document, _is_event_file))
        return max((_mark(as_mapping(value)) for value in values), default=0.0)

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each row; one for all events that stand alone."""
        alone: Events | None = None
        for record in items(document):
            if isinstance(record, LoadError):
                yield record
                continue
            row = as_mapping(record.value)
            if isinstance(row.get("history"), list):
                yield from _row(row, record.at, document)
                continue
            alone = alone or Events(record.at)
            if not alone.add(row, record.at):
                yield LoadError("neither an event nor a row with a history", record.at)
        files = dict(
            sorted(named_members(document, _is_event_file).items(), key=lambda item: _number(item[0]))
        )
        for _, record in member_items(replace(document, members=files), _is_event_file):
            if isinstance(record, LoadError):
                yield record
                continue
            alone = alone or Events(record.at)
            if not alone.add(as_mapping(record.value), record.at):
                yield LoadError("not an event", record.at)
        if alone is not None:
            yield alone.trace(document, self.id, None)


def _is_event_file(name: str) -> bool:
    return _FILE.match(name) is not None


def _number(name: str) -> int:
    found = _FILE.match(name)
    return int(found.group(1)) if found is not None else 0


def _mark(record: Mapping[str, JSON]) -> float:
    if record.get("source") in _SOURCES and "kind" not in record:
        if isinstance(record.get("action"), str) and "args" in record:
            return 0.95
        return 0.95 if isinstance(record.get("observation"), str) and "extras" in record else 0.0
    history = record.get("history")
    if not isinstance(history, list) or not ("instance_id" in record or "instruction" in record):
        return 0.0
    events = [
        as_mapping(event)
        for entry in history[:4]
        for event in (entry if isinstance(entry, list) else [entry])
    ]
    acted = (
        isinstance(first(event, "action", "observation"), str) and "role" not in event for event in events
    )
    return 0.9 if any(acted) else 0.0


def _row(row: Mapping[str, JSON], at: Location, document: Document) -> Iterator[Loaded]:
    """A row of an evaluation: the oldest ones pair each action with its observation."""
    events = Events(at)
    instruction = as_string(row.get("instruction"))
    events.task = instruction
    for place, entry in enumerate(as_list(row.get("history"))):
        group = entry if isinstance(entry, list) else [entry]
        for number, event in enumerate(group):
            inner = f"/{number}" if isinstance(entry, list) else ""
            where = Location(at.path, at.line, f"{at.pointer}/history/{place}{inner}")
            if not events.add(as_mapping(event), where):
                yield LoadError("not an event", where)
    metrics = as_mapping(row.get("metrics"))
    counted = as_mapping(metrics.get("accumulated_token_usage"))
    events.add_totals(
        Usage(
            as_integer(counted.get("prompt_tokens")),
            as_integer(counted.get("completion_tokens")),
            as_integer(counted.get("cache_read_tokens")),
            as_number(metrics.get("accumulated_cost")),
        )
    )
    error = as_string(row.get("error"))
    if error:
        events.outcome = "error"
    name = as_string(row.get("instance_id"))
    issue = as_integer(as_mapping(row.get("issue")).get("number"))
    yield events.trace(
        document, OpenHandsLoader.id, name or (f"issue-{issue}" if issue is not None else None)
    )
