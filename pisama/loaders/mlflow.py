"""MLflow traces: `Trace.to_json()` of all versions, the stored `traces.json`, rows of `search_traces()`.

Every attribute of a span is JSON text of its own. Version 3 has the ids of OpenTelemetry in base64;
version 2 wrote them as `0x` hexadecimal in a `context`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import ClassVar

from pisama.loaders.base import Document, Loaded, Record
from pisama.loaders.items import items, sample_items
from pisama.loaders.otlp_json import STATUS, read_id
from pisama.loaders.span_traces import assemble
from pisama.loaders.spans import SpanEvent, SpanRecord
from pisama.loaders.values import as_list, as_mapping, as_nanoseconds, as_string, first, open_json
from pisama.report import LoadError
from pisama.trace import JSON

_OWN = "mlflow."
_TRACE_ID = "mlflow.traceRequestId"
_ERRORS = frozenset(("ERROR", "STATUS_CODE_ERROR"))


class MlflowLoader:
    """MLflow traces: `info` with `data.spans`, the `data` alone, or rows that have `spans`."""

    id: ClassVar[str] = "mlflow"
    title: ClassVar[str] = "MLflow traces"
    recognised_by: ClassVar[str] = "`spans`, alone or under `data`, with attributes that begin with `mlflow.`"

    def sniff(self, document: Document) -> float:
        """Certain of spans with `mlflow.` attributes."""
        for value in sample_items(document)[:5]:
            for span in _spans(value)[0][:5]:
                if any(name.startswith(_OWN) for name in as_mapping(as_mapping(span).get("attributes"))):
                    return 1.0
        return 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """One trace for each that was exported."""
        for record in items(document):
            if isinstance(record, LoadError):
                yield record
                continue
            listed, pointer = _spans(record.value)
            if not listed:
                yield LoadError("not an object with spans", record.at)
                continue
            spans: list[SpanRecord] = []
            listed = [open_json(value) for value in listed]
            numbered = _numbered(listed)
            session = _session(as_mapping(record.value))
            for place, value in enumerate(listed):
                at = replace(record.at, pointer=f"{record.at.pointer}{pointer}/{place}")
                span = _read_span(as_mapping(value), session, Record(None, at))
                if span is None:
                    yield LoadError("a span without an id", at)
                else:
                    spans.append(replace(span, name=numbered.get(span.name, span.name)))
            yield from assemble(spans, format_id=self.id, growing=document.growing)


def _spans(value: JSON) -> tuple[list[JSON], str]:
    """The spans of a trace, and where they are in it."""
    record = as_mapping(value)
    for pointer in ("data", "trace", ""):
        inner = as_mapping(open_json(record.get(pointer))) if pointer else record
        if pointer == "trace":
            inner = as_mapping(inner.get("data"))
        spans = as_list(open_json(inner.get("spans")))
        if spans:
            return spans, {"data": "/data/spans", "trace": "/trace/data/spans"}.get(pointer, "/spans")
    return [], ""


def _numbered(spans: list[JSON]) -> dict[str, str]:
    """The true names of spans that version 2 numbered because several had the same one."""
    named = [as_string(span.get("name")) for span in map(as_mapping, spans) if "context" in span]
    names = set(filter(None, named))
    found: dict[str, str] = {}
    for name in names:
        base, _, number = name.rpartition("_")
        if base and number.isdecimal() and {f"{base}_1", f"{base}_2"} <= names:
            found[name] = base
    return found


def _session(record: Mapping[str, JSON]) -> dict[str, JSON]:
    """What the trace as a whole tells about its session."""
    info = as_mapping(record.get("info")) or record
    told = as_mapping(first(info, "trace_metadata", "request_metadata"))
    session = told.get("mlflow.trace.session")
    return {"mlflow.trace.session": session} if session else {}


def _read_span(span: Mapping[str, JSON], session: Mapping[str, JSON], record: Record) -> SpanRecord | None:
    context = as_mapping(span.get("context"))
    span_id = read_id(first(span, "span_id") or context.get("span_id"))
    if span_id is None:
        return None
    raw = as_mapping(span.get("attributes"))
    # Text is opened; objects stay the text they are, which is the one that a model was given.
    attributes = {
        name: open_json(value) if isinstance(value, str) and value.startswith('"') else value
        for name, value in raw.items()
    }
    status = as_mapping(span.get("status"))
    code = as_string(status.get("code") or span.get("status_code")) or ""
    trace_id = as_string(attributes.get(_TRACE_ID)) or read_id(
        span.get("trace_id") or context.get("trace_id")
    )
    return SpanRecord(
        id=span_id,
        parent_id=read_id(first(span, "parent_span_id", "parent_id")),
        trace_id=trace_id or "",
        name=as_string(span.get("name")) or "",
        start=as_nanoseconds(first(span, "start_time_unix_nano", "start_time")),
        end=as_nanoseconds(first(span, "end_time_unix_nano", "end_time")),
        status="error" if code in _ERRORS else STATUS.get(code),
        status_message=as_string(first(status, "message", "description") or span.get("status_message")),
        attributes=attributes,
        events=[_event(as_mapping(event)) for event in as_list(span.get("events"))],
        resource=session,
        at=record.at,
    )


def _event(event: Mapping[str, JSON]) -> SpanEvent:
    return SpanEvent(
        as_string(event.get("name")) or "",
        as_mapping(event.get("attributes")),
        as_nanoseconds(first(event, "time_unix_nano", "timestamp")),
    )
