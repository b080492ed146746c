"""Jaeger: what its user interface downloads, its query service answers, and its storage holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import ClassVar

from pisama.loaders.base import Document, Loaded, Record
from pisama.loaders.items import items, read_each, sample_items
from pisama.loaders.otlp_json import STATUS, read_id
from pisama.loaders.span_traces import assemble_read
from pisama.loaders.spans import SpanEvent, SpanLink, SpanRecord
from pisama.loaders.values import as_integer, as_list, as_mapping, as_nanoseconds, as_string
from pisama.report import LoadError
from pisama.trace import JSON

_MICROSECOND = 1000
_CHILD_OF = "CHILD_OF"


class JaegerLoader:
    """Jaeger traces: `{"data": [{"traceID", "spans", "processes"}]}`, one of those traces, or single spans."""

    id: ClassVar[str] = "jaeger"
    title: ClassVar[str] = "Jaeger traces"
    recognised_by: ClassVar[str] = (
        "`traceID` with `spans`, under `data` or alone, or spans with `operationName`"
    )

    def sniff(self, document: Document) -> float:
        """Certain of spans with a `spanID` and an `operationName`."""
        for value in sample_items(document)[:5]:
            for trace in _traces(value)[:5]:
                spans = as_list(trace.get("spans")) or [trace]
                if {"spanID", "operationName"} <= as_mapping(spans[0]).keys():
                    return 1.0
        return 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """The runs whose spans are in it."""
        yield from assemble_read(
            read_each(items(document), _read), format_id=self.id, growing=document.growing
        )


def _traces(value: JSON) -> list[dict[str, JSON]]:
    record = as_mapping(value)
    listed = as_list(record.get("data"))
    return [as_mapping(item) for item in listed] if listed else [record]


def _read(record: Record) -> Iterator[SpanRecord | LoadError]:
    outer = as_mapping(record.value)
    for number, trace in enumerate(_traces(record.value)):
        above = f"/data/{number}" if isinstance(outer.get("data"), list) else ""
        processes = as_mapping(trace.get("processes"))
        listed = trace.get("spans")
        places = (
            [("", trace)]
            if not isinstance(listed, list)
            else [(f"/spans/{place}", as_mapping(span)) for place, span in enumerate(listed)]
        )
        for pointer, span in places:
            at = replace(record.at, pointer=f"{record.at.pointer}{above}{pointer}")
            read = _read_span(span, processes, Record(None, at))
            yield read if read is not None else LoadError("a span without an id", at)


def _read_span(span: Mapping[str, JSON], processes: Mapping[str, JSON], record: Record) -> SpanRecord | None:
    span_id = read_id(span.get("spanID"))
    if span_id is None:
        return None
    trace_id = read_id(span.get("traceID")) or ""
    process = as_mapping(span.get("process")) or as_mapping(
        processes.get(as_string(span.get("processID")) or "")
    )
    tags = _tags(span.get("tags"))
    start = as_nanoseconds(span.get("startTime"))
    duration = as_integer(span.get("duration"))
    parent, links = _references(span, trace_id)
    failed = tags.get("error") in (True, "true")
    return SpanRecord(
        id=span_id,
        parent_id=parent,
        trace_id=trace_id,
        name=as_string(span.get("operationName")) or "",
        start=start,
        end=start + duration * _MICROSECOND if start is not None and duration is not None else None,
        status="error" if failed else STATUS.get(as_string(tags.get("otel.status_code")) or ""),
        status_message=as_string(tags.get("otel.status_description")),
        attributes=tags,
        events=[_event(as_mapping(log)) for log in as_list(span.get("logs"))],
        links=links,
        scope=as_string(tags.get("otel.scope.name") or tags.get("otel.library.name")),
        resource={"service.name": process.get("serviceName"), **_tags(process.get("tags"))},
        at=record.at,
    )


def _references(span: Mapping[str, JSON], trace_id: str) -> tuple[str | None, list[SpanLink]]:
    """The parent, and spans of other traces that this one follows from."""
    parent = read_id(span.get("parentSpanID"))
    links: list[SpanLink] = []
    for item in as_list(span.get("references")):
        reference = as_mapping(item)
        span_id = read_id(reference.get("spanID"))
        other = read_id(reference.get("traceID")) or trace_id
        if span_id is None:
            continue
        if other != trace_id:
            links.append(SpanLink(other, span_id))
        elif parent is None or reference.get("refType") == _CHILD_OF:
            parent = span_id
    return parent, links


def _event(log: Mapping[str, JSON]) -> SpanEvent:
    fields = _tags(log.get("fields"))
    return SpanEvent(as_string(fields.pop("event", None)) or "", fields, as_nanoseconds(log.get("timestamp")))


def _tags(value: JSON) -> dict[str, JSON]:
    """Tags as a list of keys and values; some storages keep them as an object."""
    if isinstance(value, dict):
        return dict(value)
    tags = (as_mapping(item) for item in as_list(value))
    return {key: tag.get("value") for tag in tags if (key := as_string(tag.get("key"))) is not None}
