"""OTLP: spans as OpenTelemetry exports them, in JSON or protobuf.

JSON is walked by hand because its ids are hexadecimal, which the protobuf JSON reader takes for
base64 without complaint. Read leniently: names in camelCase or snake_case, enums as numbers or
names, 64-bit integers as strings or numbers, ids in hexadecimal or base64.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator, Mapping
from typing import ClassVar, TypeAlias

from pisama.loaders.base import Document, Loaded
from pisama.loaders.otlp_protobuf import looks_like_protobuf, read_protobuf
from pisama.loaders.span_traces import assemble
from pisama.loaders.spans import SpanEvent, SpanRecord, Status
from pisama.loaders.values import as_list, as_mapping, as_nanoseconds, as_string, first
from pisama.report import LoadError
from pisama.trace import JSON, Location

Read: TypeAlias = SpanRecord | LoadError

MAX_DEPTH = 32
"""Nesting of attribute values that is followed; deeper values are left out."""

MAX_DIGITS = 19
"""Digits of the largest 64-bit integer."""

_RESOURCE_SPANS = ("resourceSpans", "resource_spans", "batches")
_SCOPE_SPANS = (
    "scopeSpans",
    "scope_spans",
    "instrumentationLibrarySpans",
    "instrumentation_library_spans",
)
_STATUS: Mapping[str, Status] = {
    "1": "ok",
    "2": "error",
    "STATUS_CODE_OK": "ok",
    "STATUS_CODE_ERROR": "error",
    "OK": "ok",
    "ERROR": "error",
}
_SCALARS = (
    "stringValue",
    "string_value",
    "boolValue",
    "bool_value",
    "doubleValue",
    "double_value",
    "bytesValue",
    "bytes_value",
)
_HEXADECIMAL = frozenset("0123456789abcdef")


class OtlpLoader:
    """OTLP traces: one request, JSON lines of requests as the Collector writes them, or protobuf."""

    id: ClassVar[str] = "otlp"
    title: ClassVar[str] = "OpenTelemetry (OTLP JSON or protobuf)"
    recognised_by: ClassVar[str] = (
        "`resourceSpans` in any spelling, or protobuf bytes that parse as a request with spans"
    )

    def sniff(self, document: Document) -> float:
        """Certain of `resourceSpans`, and of bytes that parse as a request with spans."""
        if document.raw is not None:
            return 0.95 if looks_like_protobuf(document.raw) else 0.0
        for value in document.sample:
            items = value if isinstance(value, list) else [value]
            if any(_resource_spans(as_mapping(item)) is not None for item in items[:5]):
                return 1.0
        return 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """One trace for each trace id of the document, whatever lines its spans stand on."""
        spans: list[SpanRecord] = []
        if document.raw is not None:
            read: Iterator[Read] = read_protobuf(document.raw, document.path)
        else:
            read = _read_json(document)
        for item in read:
            if isinstance(item, LoadError):
                yield item
            else:
                spans.append(item)
        yield from assemble(spans, format_id=self.id, growing=document.growing)


def _resource_spans(record: Mapping[str, JSON]) -> tuple[str, list[JSON]] | None:
    """The name and the value of the field that holds the spans, with its pointer below the record."""
    for name in _RESOURCE_SPANS:
        value = record.get(name)
        if isinstance(value, list):
            return name, value
    inner = record.get("trace")
    if isinstance(inner, dict) and "trace" not in inner:
        found = _resource_spans(inner)
        return (f"trace/{found[0]}", found[1]) if found is not None else None
    return None


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
            found = _resource_spans(as_mapping(item))
            if found is not None:
                yield from _read_resources(found[1], at, found[0])
            elif not isinstance(item, dict):
                yield LoadError("not an object with spans", at)


def _read_resources(resources: list[JSON], at: Location, name: str) -> Iterator[Read]:
    for number, value in enumerate(resources):
        entry = as_mapping(value)
        resource = read_attributes(as_mapping(entry.get("resource")).get("attributes"))
        scopes_name = next((name for name in _SCOPE_SPANS if name in entry), "scopeSpans")
        for scope_number, scope_value in enumerate(as_list(entry.get(scopes_name))):
            scoped = as_mapping(scope_value)
            scope = as_mapping(first(scoped, "scope", "instrumentationLibrary"))
            scope_name = as_string(scope.get("name"))
            above = f"{at.pointer}/{name}/{number}/{scopes_name}/{scope_number}/spans"
            for span_number, span in enumerate(as_list(scoped.get("spans"))):
                place = Location(at.path, at.line, f"{above}/{span_number}")
                yield read_span(span, scope_name, resource, place)


def read_span(value: JSON, scope: str | None, resource: Mapping[str, JSON], at: Location) -> Read:
    """One span in OTLP/JSON, or the reason why it is none."""
    span = as_mapping(value)
    span_id = read_id(first(span, "spanId", "span_id"))
    if span_id is None:
        return LoadError("a span without an id", at)
    status = as_mapping(span.get("status"))
    code = as_string(status.get("code")) or ""
    events = [as_mapping(event) for event in as_list(span.get("events"))]
    return SpanRecord(
        id=span_id,
        parent_id=read_id(first(span, "parentSpanId", "parent_span_id")),
        trace_id=read_id(first(span, "traceId", "trace_id")) or "",
        name=as_string(span.get("name")) or "",
        start=as_nanoseconds(first(span, "startTimeUnixNano", "start_time_unix_nano")),
        end=as_nanoseconds(first(span, "endTimeUnixNano", "end_time_unix_nano")),
        status=_STATUS.get(code),
        status_message=as_string(status.get("message")),
        attributes=read_attributes(span.get("attributes")),
        events=[
            SpanEvent(
                as_string(event.get("name")) or "",
                read_attributes(event.get("attributes")),
                as_nanoseconds(first(event, "timeUnixNano", "time_unix_nano")),
            )
            for event in events
        ],
        scope=scope,
        resource=resource,
        at=at,
    )


def read_id(value: JSON) -> str | None:
    """A span or trace id as lower-case hexadecimal; all zeros means none."""
    if not isinstance(value, str) or not value:
        return as_string(value)
    text = value.lower()
    if not _HEXADECIMAL.issuperset(text) or len(text) not in (16, 32):
        text = _from_base64(value) or value
    return text if text.strip("0") else None


def _from_base64(value: str) -> str | None:
    """Ids of 8 or 16 bytes in base64 have 12 or 24 characters and end in padding."""
    if len(value) not in (12, 24) or not value.endswith("="):
        return None
    try:
        return binascii.a2b_base64(value, strict_mode=True).hex()
    except binascii.Error:
        return None


def read_attributes(value: JSON, depth: int = 0) -> dict[str, JSON]:
    """The attributes of a list of key-value pairs; a plain object is taken as it is."""
    if isinstance(value, dict):
        return value
    attributes: dict[str, JSON] = {}
    for item in as_list(value):
        pair = as_mapping(item)
        key = pair.get("key")
        if isinstance(key, str):
            attributes[key] = _any_value(pair.get("value"), depth)
    return attributes


def _any_value(value: JSON, depth: int) -> JSON:
    if not isinstance(value, dict):
        return value
    for name in _SCALARS:
        found = value.get(name)
        if found is not None:
            return found
    integer = first(value, "intValue", "int_value")
    if integer is not None:
        return int(integer) if isinstance(integer, str) and _is_integer(integer) else integer
    if depth >= MAX_DEPTH:
        return None
    array = first(value, "arrayValue", "array_value")
    if array is not None:
        return [_any_value(item, depth + 1) for item in as_list(as_mapping(array).get("values"))]
    pairs = first(value, "kvlistValue", "kvlist_value")
    return read_attributes(as_mapping(pairs).get("values"), depth + 1) if pairs is not None else None


def _is_integer(text: str) -> bool:
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdecimal() and len(digits) <= MAX_DIGITS
