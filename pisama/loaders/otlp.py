"""OTLP: spans, and the log records that belong to them, as OpenTelemetry exports them in JSON or protobuf."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar

from pisama.loaders.base import Document, Loaded, Members
from pisama.loaders.companions import groups_by_signal
from pisama.loaders.otlp_json import read_attributes, read_log, read_span
from pisama.loaders.otlp_protobuf import looks_like_protobuf, read_protobuf
from pisama.loaders.span_logs import Read
from pisama.loaders.span_overlaps import adopted
from pisama.loaders.span_traces import assemble_read
from pisama.loaders.values import as_list, as_mapping, as_string, first
from pisama.report import LoadError
from pisama.trace import JSON, Location

_SPANS = ("resourceSpans", "resource_spans", "batches")
_LOGS = ("resourceLogs", "resource_logs")
_SIGNALS = (*_SPANS, *_LOGS, "resourceMetrics", "resource_metrics")
_ENVELOPES = ("trace", "result")
"""Tempo and Jaeger put the request into a field of their answers."""
_SCOPE_FIELDS: Mapping[str, tuple[str, ...]] = {
    "spans": (
        "scopeSpans",
        "scope_spans",
        "instrumentationLibrarySpans",
        "instrumentation_library_spans",
    ),
    "logs": (
        "scopeLogs",
        "scope_logs",
        "instrumentationLibraryLogs",
        "instrumentation_library_logs",
    ),
}
_RECORD_FIELDS: Mapping[str, tuple[str, ...]] = {
    "spans": ("spans",),
    "logs": ("logRecords", "log_records", "logs"),
}


class OtlpLoader:
    """OTLP traces and logs: one request, JSON lines of requests as the Collector writes them, or protobuf."""

    id: ClassVar[str] = "otlp"
    title: ClassVar[str] = "OpenTelemetry (OTLP JSON or protobuf)"
    recognised_by: ClassVar[str] = (
        "`resourceSpans` or `resourceLogs` in any spelling, or bytes that parse as such"
    )

    def sniff(self, document: Document) -> float:
        """Certain of `resourceSpans` and its spellings, and of bytes that parse as a request with spans."""
        if document.raw is not None:
            return 0.95 if looks_like_protobuf(document.raw) else 0.0
        for value in document.sample:
            items = value if isinstance(value, list) else [value]
            if any(True for item in items[:5] for _ in _signals(as_mapping(item))):
                return 1.0
        return 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """The runs of the document, whatever lines their spans stand on."""
        yield from runs_of(_read(document), growing=document.growing)

    def companions(self, members: Members) -> Iterator[Sequence[str]]:
        """Spans and the log records written beside them, in which the messages may lie."""
        for group in groups_by_signal(members):
            opened = [members[name]() for name in group]
            if all(isinstance(each, Document) and self.sniff(each) > 0 for each in opened):
                yield group


def runs_of(reads: Iterable[Read], *, growing: bool = False) -> Iterator[Loaded]:
    """The runs in these spans and in the log records that belong to them, and what could not be read."""
    yield from assemble_read(reads, format_id=OtlpLoader.id, growing=growing, refine=adopted)


def read_request(request: Mapping[str, JSON], at: Location) -> Iterator[Read]:
    """The spans and log records of one request to export them, as OTLP/JSON writes it."""
    for signal, name, resources in _signals(request):
        if signal:
            yield from _read_resources(resources, at, name, signal)


def _read(document: Document) -> Iterator[Read]:
    if document.raw is not None:
        yield from read_protobuf(document.raw, document.path)
    elif not document.members:
        yield from _read_json(document)
    for opened in document.members.values():
        member = opened()
        if isinstance(member, LoadError):
            yield member
        elif member.raw is not None:
            yield from read_protobuf(member.raw, member.path)
        else:
            yield from _read_json(member)


def _signals(record: Mapping[str, JSON]) -> Iterator[tuple[str, str, list[JSON]]]:
    """What is in a request: `spans`, `logs` or neither, its pointer, and its list of resources."""
    above = ""
    for envelope in _ENVELOPES:
        inner = record.get(envelope)
        if isinstance(inner, dict) and not any(name in record for name in _SIGNALS):
            record, above = inner, f"{envelope}/"
            break
    for name in _SIGNALS:
        value = record.get(name)
        if isinstance(value, list):
            signal = "spans" if name in _SPANS else "logs" if name in _LOGS else ""
            yield signal, above + name, value


def _read_json(document: Document) -> Iterator[Read]:
    for record in document.records():
        if isinstance(record, LoadError):
            yield record
            continue
        items: list[tuple[str, JSON]] = [("", record.value)]
        if isinstance(record.value, list):
            items = [(f"/{number}", item) for number, item in enumerate(record.value)]
        for pointer, item in items:
            at = Location(record.at.path, record.at.line, record.at.pointer + pointer)
            if not isinstance(item, dict):
                yield LoadError("not an object with spans", at)
                continue
            yield from read_request(item, at)


def _read_resources(resources: list[JSON], at: Location, name: str, signal: str) -> Iterator[Read]:
    for number, value in enumerate(resources):
        entry = as_mapping(value)
        resource = read_attributes(as_mapping(entry.get("resource")).get("attributes"))
        scopes_name = next((found for found in _SCOPE_FIELDS[signal] if found in entry), "")
        for scope_number, scope_value in enumerate(as_list(entry.get(scopes_name))):
            scoped = as_mapping(scope_value)
            scope = as_mapping(first(scoped, "scope", "instrumentationLibrary", "instrumentation_library"))
            scope_name = as_string(scope.get("name"))
            field_name = next((found for found in _RECORD_FIELDS[signal] if found in scoped), "")
            above = f"{at.pointer}/{name}/{number}/{scopes_name}/{scope_number}/{field_name}"
            for place, item in enumerate(as_list(scoped.get(field_name))):
                where = Location(at.path, at.line, f"{above}/{place}")
                if signal == "spans":
                    yield read_span(item, scope_name, resource, where)
                elif (log := read_log(item, scope_name, resource, where)) is not None:
                    yield log
