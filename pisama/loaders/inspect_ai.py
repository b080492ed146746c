"""Inspect AI: logs of evaluations, as `.eval` archives, as JSON, and single samples of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pisama.loaders.base import Document, Loaded, Record
from pisama.loaders.inspect_samples import read_sample
from pisama.loaders.items import items, sample_items
from pisama.loaders.members import member_items
from pisama.loaders.runs import inside, run_name
from pisama.loaders.values import as_list, as_mapping, as_string
from pisama.patterns import lazy
from pisama.report import LoadError
from pisama.trace import JSON, Location, Trace

_HEADERS = ("header.json", "_journal/start.json")
_SAMPLE = lazy(r"samples/[^/]+\.json")
_LOG = frozenset(("version", "status", "plan", "samples"))


class InspectLoader:
    """A sample is a run. Its score and target are not read."""

    id: ClassVar[str] = "inspect"
    title: ClassVar[str] = "Inspect AI log"
    recognised_by: ClassVar[str] = (
        "an archive with `header.json` or `_journal/start.json`; JSON with `eval` and `plan`"
    )

    def sniff(self, document: Document) -> float:
        """By the names of an archive's entries, and by the fields of a log or of a sample."""
        if any(name in document.members for name in _HEADERS):
            return 1.0
        values = [as_mapping(value) for value in sample_items(document)]
        if any(map(_is_log, values)):
            return 1.0
        return 0.9 if any(map(_is_sample, values)) else 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each sample."""
        header: Mapping[str, JSON] = {}
        for name in _HEADERS:
            for _, record in member_items(document, name.__eq__):
                header = header or (as_mapping(record.value) if isinstance(record, Record) else {})
        found = False
        for _, record in member_items(document, lambda name: _SAMPLE.fullmatch(name) is not None):
            found = True
            yield (
                record if isinstance(record, LoadError) else _trace(record.value, header, record.at, document)
            )
        if document.members and not found:
            yield LoadError(
                "no samples in this log: it was ended before one was done", Location(document.path)
            )
        yield from _plain(document)


def _plain(document: Document) -> Iterator[Loaded]:
    """Logs in JSON."""
    for record in items(document):
        if isinstance(record, LoadError):
            yield record
            continue
        value = as_mapping(record.value)
        if _is_sample(value):
            yield _trace(record.value, {}, record.at, document)
        elif not _is_log(value):
            yield LoadError("neither a log nor a sample of Inspect AI", record.at)
        for number, sample in enumerate(as_list(value.get("samples"))):
            yield _trace(sample, value, inside(record.at, "samples", number), document)


def _is_log(value: Mapping[str, JSON]) -> bool:
    return isinstance(value.get("eval"), dict) and len(_LOG & value.keys()) >= 2


def _is_sample(value: Mapping[str, JSON]) -> bool:
    return "epoch" in value and "target" in value and isinstance(value.get("messages"), list)


def _trace(sample: JSON, header: Mapping[str, JSON], at: Location, document: Document) -> Trace | LoadError:
    if not isinstance(sample, dict):
        return LoadError("not a sample", at)
    run = read_sample(sample, at)
    task = as_mapping(header.get("eval"))
    place = f"{as_string(sample.get('id')) or run_name(document)}:{as_string(sample.get('epoch')) or 1}"
    metadata: dict[str, JSON] = {
        "task": as_string(task.get("task")),
        "model": as_string(task.get("model")),
        "sample": as_string(sample.get("id")),
        "epoch": sample.get("epoch"),
    }
    return run.trace(
        as_string(sample.get("uuid")) or place,
        InspectLoader.id,
        metadata={name: value for name, value in metadata.items() if value is not None},
    )
