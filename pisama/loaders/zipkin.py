"""Zipkin v2 spans: all tags are text, and events are squeezed into annotations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import ClassVar

from pisama.loaders.base import Document, Loaded, Record
from pisama.loaders.items import items, read_each, sample_items
from pisama.loaders.otlp_json import STATUS, read_id
from pisama.loaders.span_traces import assemble_read
from pisama.loaders.spans import SpanEvent, SpanRecord
from pisama.loaders.values import as_integer, as_list, as_mapping, as_nanoseconds, as_string, open_json
from pisama.report import LoadError
from pisama.trace import JSON

_MICROSECOND = 1000
_MARKS = frozenset(("localEndpoint", "tags", "annotations", "duration"))


class ZipkinLoader:
    """Zipkin v2 spans: a list of them, a list of traces, or one span a line."""

    id: ClassVar[str] = "zipkin"
    title: ClassVar[str] = "Zipkin spans"
    recognised_by: ClassVar[str] = "`traceId`, `id` and `timestamp` with `localEndpoint` or text `tags`"

    def sniff(self, document: Document) -> float:
        """Nearly certain of a span with `localEndpoint`, or with `tags` that is an object."""
        for value in sample_items(document)[:20]:
            for item in value if isinstance(value, list) else [value]:
                span = as_mapping(item)
                known = {"traceId", "id"} <= span.keys() and bool(_MARKS & span.keys())
                if known and ("localEndpoint" in span or isinstance(span.get("tags"), dict)):
                    return 0.95
        return 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """The runs whose spans are in it."""
        yield from assemble_read(
            read_each(items(document), _read), format_id=self.id, growing=document.growing
        )


def _read(record: Record) -> Iterator[SpanRecord | LoadError]:
    for item in _spans(record):
        yield _read_span(as_mapping(item.value), item) or LoadError("a span without an id", item.at)


def _spans(record: Record) -> Iterator[Record]:
    """The span, or the spans of a list of them."""
    if not isinstance(record.value, list):
        yield record
        return
    for place, value in enumerate(record.value):
        yield Record(value, replace(record.at, pointer=f"{record.at.pointer}/{place}"))


def _read_span(span: Mapping[str, JSON], record: Record) -> SpanRecord | None:
    span_id = read_id(span.get("id"))
    if span_id is None:
        return None
    tags = as_mapping(span.get("tags"))
    start = as_nanoseconds(span.get("timestamp"))
    duration = as_integer(span.get("duration"))
    failed = "error" in tags
    return SpanRecord(
        id=span_id,
        parent_id=read_id(span.get("parentId")),
        trace_id=read_id(span.get("traceId")) or "",
        name=as_string(span.get("name")) or "",
        start=start,
        end=start + duration * _MICROSECOND if start is not None and duration is not None else None,
        status="error" if failed else STATUS.get(as_string(tags.get("otel.status_code")) or ""),
        status_message=as_string(tags.get("error")) if tags.get("error") != "true" else None,
        attributes=tags,
        events=[_event(as_mapping(item)) for item in as_list(span.get("annotations"))],
        scope=as_string(tags.get("otel.scope.name") or tags.get("otel.library.name")),
        resource={"service.name": as_mapping(span.get("localEndpoint")).get("serviceName")},
        at=record.at,
    )


def _event(annotation: Mapping[str, JSON]) -> SpanEvent:
    """An annotation: a name, or the name of an event with its attributes as JSON text."""
    value = annotation.get("value")
    text = as_string(value) or ""
    opened = open_json(value)
    attributes: JSON = None
    if isinstance(opened, dict) and len(opened) == 1:
        text, attributes = next(iter(opened.items()))
    elif ": {" in text:
        text, _, rest = text.partition(": ")
        attributes = open_json(rest)
    return SpanEvent(text.strip('"'), as_mapping(attributes), as_nanoseconds(annotation.get("timestamp")))
