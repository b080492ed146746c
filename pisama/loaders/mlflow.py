"""MLflow traces: `Trace.to_json()` of all versions, the stored `traces.json`, rows of `search_traces()`, the database.

Every attribute of a span is JSON text of its own. Version 3 has the ids of OpenTelemetry in base64;
version 2 wrote them as `0x` hexadecimal in a `context`. The database of a tracking server has a span of
version 3 in each row of its table `spans`, unless it was set up to keep them in files of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from pisama.loaders.base import Document, Loaded, Record
from pisama.loaders.items import items, sample_items
from pisama.loaders.otlp_json import STATUS, read_id
from pisama.loaders.span_traces import assemble
from pisama.loaders.spans import SpanEvent, SpanRecord
from pisama.loaders.values import as_list, as_mapping, as_nanoseconds, as_string, first, open_json
from pisama.report import LoadError
from pisama.trace import JSON, Location

_OWN = "mlflow."
_TRACE_ID = "mlflow.traceRequestId"
_SESSION = "mlflow.trace.session"
_SPANS, _TRACES, _METADATA = "spans", "trace_info", "trace_request_metadata"
_SPAN_COLUMNS = frozenset(("trace_id", "span_id", "content"))
_TRACE_COLUMNS = frozenset(("request_id", "timestamp_ms"))
_ERRORS = frozenset(("ERROR", "STATUS_CODE_ERROR"))


@dataclass(slots=True)
class _Stored:
    """One trace: its spans, and what tells of its session."""

    spans: list[Record] = field(default_factory=list)
    session: dict[str, JSON] = field(default_factory=dict)


class MlflowLoader:
    """MLflow traces: `info` with `data.spans`, the `data` alone, rows that have `spans`, or a server's database."""

    id: ClassVar[str] = "mlflow"
    title: ClassVar[str] = "MLflow traces"
    recognised_by: ClassVar[str] = (
        "`spans`, alone or under `data`, with attributes that begin with `mlflow.`; a database with `trace_info`"
    )

    def sniff(self, document: Document) -> float:
        """Certain of spans with `mlflow.` attributes, and of the tables of a tracking server."""
        if _has(document, _SPANS, _SPAN_COLUMNS) or _has(document, _TRACES, _TRACE_COLUMNS):
            return 1.0
        for value in sample_items(document)[:5]:
            for span in _spans(value)[0][:5]:
                if any(name.startswith(_OWN) for name in as_mapping(as_mapping(span).get("attributes"))):
                    return 1.0
        return 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """One trace for each that was exported or is stored."""
        for stored in _in_database(document) if document.tables else _exported(document):
            if isinstance(stored, LoadError):
                yield stored
                continue
            spans: list[SpanRecord] = []
            numbered = _numbered([record.value for record in stored.spans])
            for record in stored.spans:
                span = _read_span(as_mapping(record.value), stored.session, record)
                if span is None:
                    yield LoadError("a span without an id", record.at)
                else:
                    spans.append(replace(span, name=numbered.get(span.name, span.name)))
            yield from assemble(spans, format_id=self.id, growing=document.growing)


def _exported(document: Document) -> Iterator[_Stored | LoadError]:
    for record in items(document):
        if isinstance(record, LoadError):
            yield record
            continue
        listed, pointer = _spans(record.value)
        if not listed:
            yield LoadError("not an object with spans", record.at)
            continue
        places = (replace(record.at, pointer=f"{record.at.pointer}{pointer}/{n}") for n in range(len(listed)))
        spans = [Record(open_json(value), at) for value, at in zip(listed, places, strict=True)]
        yield _Stored(spans, _session(as_mapping(record.value)))


def _has(document: Document, table: str, columns: frozenset[str]) -> bool:
    return table in document.tables and columns <= set(document.tables[table].columns)


def _in_database(document: Document) -> Iterator[_Stored | LoadError]:
    """The traces of a tracking server, in the order of their first spans."""
    traces: dict[str, _Stored] = {}
    if _has(document, _SPANS, _SPAN_COLUMNS):
        for number, row in enumerate(document.tables[_SPANS].rows()):
            at = Location(document.path, pointer=f"/{_SPANS}/{number}/content")
            stored = traces.setdefault(as_string(row.get("trace_id")) or "", _Stored())
            stored.spans.append(Record(open_json(row.get("content")), at))
    if _METADATA in document.tables:
        for row in document.tables[_METADATA].rows():
            of = traces.get(as_string(row.get("request_id")) or "")
            if of is not None and row.get("key") == _SESSION:
                of.session = {_SESSION: row.get("value")}
    yield from traces.values()
    if _has(document, _TRACES, _TRACE_COLUMNS):
        known = (as_string(row.get("request_id")) or "" for row in document.tables[_TRACES].rows())
        elsewhere = sum(name not in traces for name in known)
        if elsewhere:
            which = "a trace" if elsewhere == 1 else f"{elsewhere} traces"
            reason = f"the spans of {which} are not in the database but in files of their own (`traces.json`)"
            yield LoadError(reason, Location(document.path, pointer=f"/{_TRACES}"))


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
    session = told.get(_SESSION)
    return {_SESSION: session} if session else {}


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
