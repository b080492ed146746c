"""The parts of OTLP in JSON that several formats share: spans, log records, ids, attributes.

JSON is walked by hand because its ids are hexadecimal, which the protobuf JSON reader takes for
base64 without complaint. Read leniently: names in camelCase or snake_case, enums as numbers or
names, 64-bit integers as strings or numbers, ids in hexadecimal or base64.
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping

from pisama.loaders.span_logs import LogRecord
from pisama.loaders.spans import SpanEvent, SpanLink, SpanRecord, Status
from pisama.loaders.values import as_list, as_mapping, as_nanoseconds, as_string, first
from pisama.report import LoadError
from pisama.trace import JSON, Location

MAX_DEPTH = 32
"""Nesting of attribute values that is followed; deeper values are left out."""

MAX_DIGITS = 19
"""Digits of the largest 64-bit integer."""

STATUS: Mapping[str, Status] = {
    "1": "ok",
    "2": "error",
    "STATUS_CODE_OK": "ok",
    "STATUS_CODE_ERROR": "error",
    "OK": "ok",
    "ERROR": "error",
}
"""Status codes of every spelling; anything else is unset."""

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


def read_span(
    value: JSON, scope: str | None, resource: Mapping[str, JSON], at: Location
) -> SpanRecord | LoadError:
    """One span in OTLP/JSON, or the reason why it is none."""
    span = as_mapping(value)
    span_id = read_id(first(span, "spanId", "span_id"))
    if span_id is None:
        return LoadError("a span without an id", at)
    status = as_mapping(span.get("status"))
    return SpanRecord(
        id=span_id,
        parent_id=read_id(first(span, "parentSpanId", "parent_span_id")),
        trace_id=read_id(first(span, "traceId", "trace_id")) or "",
        name=as_string(span.get("name")) or "",
        start=as_nanoseconds(first(span, "startTimeUnixNano", "start_time_unix_nano")),
        end=as_nanoseconds(first(span, "endTimeUnixNano", "end_time_unix_nano")),
        status=STATUS.get(as_string(status.get("code")) or ""),
        status_message=as_string(status.get("message")),
        attributes=read_attributes(span.get("attributes")),
        events=[_read_event(as_mapping(event)) for event in as_list(span.get("events"))],
        links=read_links(span.get("links")),
        scope=scope,
        resource=resource,
        at=at,
    )


def _read_event(event: Mapping[str, JSON]) -> SpanEvent:
    return SpanEvent(
        as_string(event.get("name")) or "",
        read_attributes(event.get("attributes")),
        as_nanoseconds(first(event, "timeUnixNano", "time_unix_nano")),
    )


def read_links(value: JSON) -> list[SpanLink]:
    """The links of a span, in OTLP or in the console's form with a `context`."""
    links: list[SpanLink] = []
    for item in as_list(value):
        link = as_mapping(item)
        link = as_mapping(link.get("context")) or link
        trace_id = read_id(first(link, "traceId", "trace_id"))
        span_id = read_id(first(link, "spanId", "span_id"))
        if trace_id is not None and span_id is not None:
            links.append(SpanLink(trace_id, span_id))
    return links


def read_log(value: JSON, scope: str | None, resource: Mapping[str, JSON], at: Location) -> LogRecord | None:
    """One log record in OTLP/JSON; None when it names no event."""
    log = as_mapping(value)
    attributes = read_attributes(log.get("attributes"))
    name = as_string(first(log, "eventName", "event_name")) or as_string(attributes.get("event.name"))
    if name is None:
        return None
    body = _any_value(log.get("body"), 0)
    times = ("timeUnixNano", "time_unix_nano", "observedTimeUnixNano", "observed_time_unix_nano")
    return LogRecord(
        trace_id=read_id(first(log, "traceId", "trace_id")) or "",
        span_id=read_id(first(log, "spanId", "span_id")),
        name=name,
        fields={**(body if isinstance(body, dict) else {"content": body}), **attributes},
        time=next((time for key in times if (time := as_nanoseconds(log.get(key))) is not None), None),
        scope=scope,
        resource=resource,
        at=at,
    )


def read_id(value: JSON) -> str | None:
    """A span or trace id as lower-case hexadecimal; all zeros means none."""
    if not isinstance(value, str) or not value:
        return as_string(value)
    text = value.lower().removeprefix("0x")
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
