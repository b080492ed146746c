"""Spans as the ConsoleSpanExporter of OpenTelemetry for Python prints them: one JSON object after another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pisama.loaders.base import Document, Loaded, Record
from pisama.loaders.items import items, read_each, sample_items
from pisama.loaders.otlp_json import STATUS, read_id, read_links
from pisama.loaders.span_logs import LogRecord, Read
from pisama.loaders.span_traces import assemble_read
from pisama.loaders.spans import SpanEvent, SpanRecord
from pisama.loaders.values import as_list, as_mapping, as_nanoseconds, as_string, first
from pisama.report import LoadError
from pisama.trace import JSON


class OtelPythonLoader:
    """Spans and log records as OpenTelemetry for Python prints them, one JSON object after another."""

    id: ClassVar[str] = "otel-python-console"
    title: ClassVar[str] = "OpenTelemetry Python console output"
    recognised_by: ClassVar[str] = (
        "`context` with a `trace_id` in `0x` hexadecimal, beside `start_time` and `attributes`"
    )

    def sniff(self, document: Document) -> float:
        """Certain of a span whose `context` has hexadecimal ids that begin with `0x`."""
        return 1.0 if any(_is_span(as_mapping(value)) for value in sample_items(document)[:20]) else 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """The runs whose spans are printed, in any order."""
        yield from assemble_read(
            read_each(items(document), _read), format_id=self.id, growing=document.growing
        )


def _read(record: Record) -> Iterator[Read]:
    """The span or the log record; metrics are passed over."""
    value = as_mapping(record.value)
    if "severity_text" in value or "severity_number" in value:
        log = _read_log(value, record)
        if log is not None:
            yield log
    elif "resource_metrics" not in value:
        yield _read_span(value, record) or LoadError("a span without an id", record.at)


def _is_span(record: Mapping[str, JSON]) -> bool:
    context = as_mapping(record.get("context"))
    return (
        all(str(context.get(name)).startswith("0x") for name in ("trace_id", "span_id"))
        and "start_time" in record
        and not _is_mlflow(record)
    )


def _is_mlflow(record: Mapping[str, JSON]) -> bool:
    return any(name.startswith("mlflow.") for name in as_mapping(record.get("attributes")))


def _read_span(span: Mapping[str, JSON], record: Record) -> SpanRecord | None:
    context = as_mapping(span.get("context"))
    span_id = read_id(context.get("span_id"))
    if span_id is None:
        return None
    status = as_mapping(span.get("status"))
    resource = as_mapping(span.get("resource"))
    scope = as_mapping(first(span, "instrumentation_scope", "instrumentation_info", "scope"))
    return SpanRecord(
        id=span_id,
        parent_id=read_id(span.get("parent_id")),
        trace_id=read_id(context.get("trace_id")) or "",
        name=as_string(span.get("name")) or "",
        start=as_nanoseconds(span.get("start_time")),
        end=as_nanoseconds(span.get("end_time")),
        status=STATUS.get(as_string(first(status, "status_code", "canonical_code")) or ""),
        status_message=as_string(status.get("description")),
        attributes=as_mapping(span.get("attributes")),
        events=[_read_event(as_mapping(event)) for event in as_list(span.get("events"))],
        links=read_links(span.get("links")),
        scope=as_string(scope.get("name")),
        # Before 1.13 the attributes stood in the resource itself.
        resource=as_mapping(resource.get("attributes")) or resource,
        at=record.at,
    )


def _read_event(event: Mapping[str, JSON]) -> SpanEvent:
    return SpanEvent(
        as_string(event.get("name")) or "",
        as_mapping(event.get("attributes")),
        as_nanoseconds(event.get("timestamp")),
    )


def _read_log(log: Mapping[str, JSON], record: Record) -> LogRecord | None:
    attributes = as_mapping(log.get("attributes"))
    name = as_string(first(log, "event_name", "eventName")) or as_string(attributes.get("event.name"))
    if name is None:
        return None
    body = log.get("body")
    return LogRecord(
        trace_id=read_id(log.get("trace_id")) or "",
        span_id=read_id(log.get("span_id")),
        name=name,
        fields={**(body if isinstance(body, dict) else {"content": body}), **attributes},
        time=as_nanoseconds(first(log, "timestamp", "observed_timestamp")),
        resource=as_mapping(as_mapping(log.get("resource")).get("attributes")),
        at=record.at,
    )
