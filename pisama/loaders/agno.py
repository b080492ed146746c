"""Agno: the output of a run of an agent or of a team."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import ClassVar

from pisama.loaders.base import Document, Loaded, Record
from pisama.loaders.items import items, sample_items
from pisama.loaders.messages import ChatMessage, ToolResult, read_message
from pisama.loaders.runs import Act, RunBuilder, inside, run_name
from pisama.loaders.usages import usage_of
from pisama.loaders.values import as_list, as_mapping, as_nanoseconds, as_string, first
from pisama.report import LoadError
from pisama.trace import JSON, Location

_NAMES = ("agent_name", "team_name", "agent_id", "team_id")
_OUTCOMES: Mapping[str, str] = {"completed": "success", "cancelled": "aborted"}
_MEMBERS = ("member_responses", "member_runs")


class AgnoLoader:
    """An output is a run; what the members of a team did is part of it."""

    id: ClassVar[str] = "agno"
    title: ClassVar[str] = "Agno run"
    recognised_by: ClassVar[str] = "`run_id` and messages beside `agent_name`, `agent_id` or `team_id`"

    def sniff(self, document: Document) -> float:
        """By the ids and messages of an output."""
        return 0.95 if any(_is_run(as_mapping(value)) for value in sample_items(document)) else 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each output."""
        number = 0
        for record in items(document):
            if isinstance(record, LoadError):
                yield record
                continue
            for output in _outputs(record):
                if isinstance(as_mapping(output.value).get("messages"), list):
                    yield from _load(output, document, number)
                    number += 1
                else:
                    yield LoadError("not an output of Agno", output.at)


def _outputs(record: Record) -> Iterator[Record]:
    """The outputs in a record: itself, or the runs of a stored session."""
    runs = as_mapping(record.value).get("runs")
    if not isinstance(runs, list):
        yield record
        return
    for place, run in enumerate(runs):
        yield Record(run, inside(record.at, "runs", place))


def _is_run(value: Mapping[str, JSON]) -> bool:
    runs = as_list(value.get("runs"))
    value = as_mapping(runs[0]) if runs else value
    return "run_id" in value and isinstance(value.get("messages"), list) and first(value, *_NAMES) is not None


def _load(record: Record, document: Document, number: int) -> Iterator[Loaded]:
    value = as_mapping(record.value)
    run = RunBuilder(record.at, task=_asked(value))
    # Without recursion: the members of a team may be teams.
    todo: deque[tuple[Mapping[str, JSON], Location]] = deque([(value, record.at)])
    outputs: list[tuple[Mapping[str, JSON], Location]] = []
    while todo:
        output, at = todo.popleft()
        outputs.append((output, at))
        for name in _MEMBERS:
            members = as_list(output.get(name))
            todo += ((as_mapping(member), inside(at, name, place)) for place, member in enumerate(members))
    alone = len(outputs) == 1
    for place, (output, at) in enumerate(outputs):
        yield from _output(run, output, at, context="" if alone else str(place), numbered=alone)
    status = (as_string(value.get("status")) or "").lower()
    run.outcome = _OUTCOMES.get(status, status) or None
    if isinstance(value.get("content"), str) and not alone:
        run.answer = str(value["content"])
    yield run.trace(
        as_string(value.get("run_id")) or run_name(document, number),
        AgnoLoader.id,
        complete=not document.growing,
    )


def _asked(output: Mapping[str, JSON]) -> str | None:
    """What the user asked in this run, and not in those before it."""
    said = map(as_mapping, as_list(output.get("messages")))
    asked = (
        message
        for message in said
        if message.get("role") == "user" and message.get("from_history") is not True
    )
    return next((read_message(message).text or None for message in asked), None)


def _output(
    run: RunBuilder, output: Mapping[str, JSON], at: Location, *, context: str, numbered: bool
) -> Iterator[LoadError]:
    """What one agent did."""
    agent = as_string(first(output, *_NAMES)) or "assistant"
    for index, recorded in enumerate(as_list(output.get("messages"))):
        place = inside(at, "messages", index)
        value = as_mapping(recorded)
        if not isinstance(value.get("role"), str):
            yield LoadError("not a message: it has no role", place)
            continue
        message = read_message(value, place)
        if value.get("from_history") is True or message.role != "assistant":
            run.hear(_heard(value, message), context)
            continue
        act = Act(
            agent,
            model=as_string(output.get("model")),
            usage=usage_of(value.get("metrics")),
            start=as_nanoseconds(value.get("created_at")),
        )
        run.act(message, act, index=index if numbered else None, context=context)


def _heard(value: Mapping[str, JSON], message: ChatMessage) -> ChatMessage:
    """A message that is no act; results with the failure that Agno notes."""
    if value.get("from_history") is True:
        return ChatMessage(message.role, message.text, at=message.at)
    if not message.results:
        return message
    failed = value.get("tool_call_error") is True
    name = as_string(value.get("tool_name"))
    results = tuple(
        ToolResult(
            result.text,
            result.call_id,
            result.name or name,
            (result.text or "failed") if failed else result.error,
        )
        for result in message.results
    )
    return ChatMessage("tool", results=results, at=message.at)
