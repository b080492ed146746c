"""Spans of OpenTelemetry for JavaScript, written down as the SDK keeps them.

Test fixtures and custom exporters serialize the SDK's `ReadableSpan` objects, with their times as
pairs of seconds and nanoseconds. File exporters that serialize whatever they are given mix spans, log
records and metrics in one file; Gemini CLI does so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pisama.loaders.base import Document, Loaded, Record
from pisama.loaders.gemini_telemetry import gemini_spans
from pisama.loaders.items import items, sample_items
from pisama.loaders.otlp_json import STATUS, read_id
from pisama.loaders.span_logs import LogRecord, with_logs
from pisama.loaders.span_traces import assemble
from pisama.loaders.spans import SpanEvent, SpanLink, SpanRecord
from pisama.loaders.values import (
    NANOSECONDS,
    as_integer,
    as_list,
    as_mapping,
    as_nanoseconds,
    as_string,
    first,
)
from pisama.report import LoadError
from pisama.trace import JSON

_CONTEXTS = ("_spanContext", "spanContext")
_PAIR = 2


class OtelJavaScriptLoader:
    """Spans and log records of OpenTelemetry for JavaScript, as its SDK keeps or prints them."""

    id: ClassVar[str] = "otel-js"
    title: ClassVar[str] = "OpenTelemetry JavaScript spans"
    recognised_by: ClassVar[str] = (
        "`spanContext` or `_spanContext` with `traceId`, times as [seconds, nanoseconds]"
    )

    def sniff(self, document: Document) -> float:
        """Certain of a span context beside a time in two parts."""
        for value in sample_items(document)[:40]:
            record = as_mapping(value)
            if "traceId" in _context(record) and ("startTime" in record or "hrTime" in record):
                return 1.0
            if "traceId" in record and "id" in record and isinstance(record.get("timestamp"), int | float):
                # What the ConsoleSpanExporter shows of a span.
                return 0.8 if "instrumentationScope" in record or "traceState" in record else 0.0
        return 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """The runs whose spans are in it, in any order; metrics are passed over."""
        spans: list[SpanRecord] = []
        logs: list[LogRecord] = []
        for record in items(document):
            if isinstance(record, LoadError):
                yield record
                continue
            value = as_mapping(record.value)
            if "hrTime" in value:
                log = _read_log(value, record)
                logs += [log] if log is not None else []
            elif "scopeMetrics" in value:
                continue
            elif (span := _read_span(value, record)) is not None:
                spans.append(span)
            else:
                yield LoadError("a span without an id", record.at)
        spans = gemini_spans(spans, logs)
        yield from assemble(with_logs(spans, logs), format_id=self.id, growing=document.growing)


def _context(record: Mapping[str, JSON]) -> dict[str, JSON]:
    return as_mapping(first(record, *_CONTEXTS))


def _read_span(span: Mapping[str, JSON], record: Record) -> SpanRecord | None:
    context = _context(span) or {"traceId": span.get("traceId"), "spanId": span.get("id")}
    span_id = read_id(context.get("spanId"))
    if span_id is None:
        return None
    status = as_mapping(span.get("status"))
    parent = as_mapping(span.get("parentSpanContext")).get("spanId")
    scope = as_mapping(first(span, "instrumentationScope", "instrumentationLibrary"))
    start = _time(first(span, "startTime", "timestamp"))
    end = _time(span.get("endTime"))
    duration = as_integer(span.get("duration"))
    if end is None and start is not None and duration is not None:
        end = start + duration * 1000
    return SpanRecord(
        id=span_id,
        parent_id=read_id(parent if parent is not None else first(span, "parentSpanId", "parentId")),
        trace_id=read_id(context.get("traceId")) or "",
        name=as_string(span.get("name")) or "",
        start=start,
        end=end,
        status=STATUS.get(as_string(status.get("code")) or ""),
        status_message=as_string(status.get("message")),
        attributes=as_mapping(span.get("attributes")),
        events=[_read_event(as_mapping(event)) for event in as_list(span.get("events"))],
        links=list(_links(span.get("links"))),
        scope=as_string(scope.get("name")),
        resource=_resource(span),
        at=record.at,
    )


def _links(value: JSON) -> Iterator[SpanLink]:
    for item in as_list(value):
        context = as_mapping(as_mapping(item).get("context"))
        trace_id, span_id = read_id(context.get("traceId")), read_id(context.get("spanId"))
        if trace_id is not None and span_id is not None:
            yield SpanLink(trace_id, span_id)


def _read_event(event: Mapping[str, JSON]) -> SpanEvent:
    return SpanEvent(
        as_string(event.get("name")) or "", as_mapping(event.get("attributes")), _time(event.get("time"))
    )


def _read_log(log: Mapping[str, JSON], record: Record) -> LogRecord | None:
    attributes = as_mapping(log.get("attributes"))
    name = as_string(log.get("eventName")) or as_string(attributes.get("event.name"))
    if name is None:
        return None
    context = _context(log)
    body = first(log, "_body", "body")
    return LogRecord(
        trace_id=read_id(context.get("traceId")) or "",
        span_id=read_id(context.get("spanId")),
        name=name,
        fields={**(body if isinstance(body, dict) else {"content": body}), **attributes},
        time=_time(log.get("hrTime")),
        resource=_resource(log),
        at=record.at,
    )


def _resource(record: Mapping[str, JSON]) -> dict[str, JSON]:
    """The attributes of the resource; the SDK keeps them as a list of pairs until all are known."""
    resource = as_mapping(record.get("resource"))
    plain = as_mapping(first(resource, "attributes", "_attributes"))
    pairs = [
        pair
        for pair in as_list(resource.get("_rawAttributes"))
        if isinstance(pair, list) and len(pair) == _PAIR
    ]
    return plain or {str(name): value for name, value in pairs}


def _time(value: JSON) -> int | None:
    """A time as [seconds, nanoseconds], or any other point in time."""
    if isinstance(value, list) and len(value) == _PAIR:
        seconds, nanoseconds = as_integer(value[0]), as_integer(value[1])
        if seconds is None or nanoseconds is None:
            return None
        return seconds * NANOSECONDS + nanoseconds or None
    return as_nanoseconds(value)
