"""OTLP in protobuf: one serialized request, or a sequence of them with their lengths before them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from pisama.loaders.span_logs import LogRecord
from pisama.loaders.spans import SpanEvent, SpanLink, SpanRecord, Status
from pisama.loaders.values import as_string
from pisama.report import LoadError
from pisama.trace import JSON, Location

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord as Log
    from opentelemetry.proto.logs.v1.logs_pb2 import ResourceLogs
    from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span

Read: TypeAlias = SpanRecord | LogRecord | LoadError

MAX_DEPTH = 32
"""Nesting of attribute values that is followed; deeper values are left out."""
_LENGTH_BYTES = 4
_FIRST_FIELD = b"\x0a"
_STATUS: Mapping[int, Status] = {1: "ok", 2: "error"}
_ID_BYTES = 8


def looks_like_protobuf(raw: bytes) -> bool:
    """Whether these bytes are OTLP: they begin like a request and their first message has spans or logs."""
    if raw[:1] != _FIRST_FIELD and raw[_LENGTH_BYTES : _LENGTH_BYTES + 1] != _FIRST_FIELD:
        return False
    for message in islice(_messages(raw), 1):
        return _has_spans(_parse(message) or ()) or _has_logs(_parse_logs(message))
    return False


def read_protobuf(raw: bytes, path: str | None) -> Iterator[Read]:
    """The spans or logs of the request, or of each request when they follow one another."""
    for number, message in enumerate(_messages(raw)):
        resources = _parse(message)
        if resources is not None and _has_spans(resources):
            yield from _read_resources(resources, path)
            continue
        logs = _parse_logs(message)
        if _has_logs(logs):
            yield from _read_logs(logs, path)
        elif resources is None:
            yield LoadError("not an OTLP trace request", Location(path, None, f"/{number}"))
        else:
            yield from _read_resources(resources, path)


def _has_spans(resources: Iterable[ResourceSpans]) -> bool:
    """A message of another signal parses too, but its spans have no ids."""
    for resource in resources:
        for scope in resource.scope_spans:
            return any(len(span.span_id) == _ID_BYTES for span in scope.spans)
    return False


def _has_logs(resources: Iterable[ResourceLogs]) -> bool:
    for resource in resources:
        for scope in resource.scope_logs:
            return any(log.event_name or log.attributes for log in scope.log_records)
    return False


def _parse_logs(message: bytes) -> Iterable[ResourceLogs]:
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.logs.v1.logs_pb2 import LogsData

    try:
        return LogsData.FromString(message).resource_logs
    except DecodeError:
        return ()


def _read_logs(resources: Iterable[ResourceLogs], path: str | None) -> Iterator[LogRecord]:
    for number, entry in enumerate(resources):
        resource = _attributes(entry.resource.attributes)
        for scope_number, scoped in enumerate(entry.scope_logs):
            for place, log in enumerate(scoped.log_records):
                pointer = f"/resourceLogs/{number}/scopeLogs/{scope_number}/logRecords/{place}"
                attributes = _attributes(log.attributes)
                name = log.event_name or as_string(attributes.get("event.name"))
                if name:
                    at = Location(path, None, pointer)
                    yield _read_log(log, name, attributes, scoped.scope.name or None, resource, at)


def _read_log(
    log: Log,
    name: str,
    attributes: Mapping[str, JSON],
    scope: str | None,
    resource: Mapping[str, JSON],
    at: Location,
) -> LogRecord:
    body = _value(log.body, 0)
    return LogRecord(
        trace_id=log.trace_id.hex(),
        span_id=log.span_id.hex() or None,
        name=name,
        fields={**(body if isinstance(body, dict) else {"content": body}), **attributes},
        time=log.time_unix_nano or log.observed_time_unix_nano or None,
        scope=scope,
        resource=resource,
        at=at,
    )


def _messages(raw: bytes) -> Iterator[bytes]:
    """The serialized requests: all of it, or what the lengths written before each delimit.

    The Collector's file exporter writes a big-endian length of four bytes before every message.
    """
    length = int.from_bytes(raw[:_LENGTH_BYTES], "big")
    framed = raw[_LENGTH_BYTES : _LENGTH_BYTES + 1] == _FIRST_FIELD and length + _LENGTH_BYTES <= len(raw)
    if not framed:
        yield raw
        return
    view = memoryview(raw)
    place = 0
    while place + _LENGTH_BYTES <= len(raw):
        begin = place + _LENGTH_BYTES
        place = begin + int.from_bytes(view[place:begin], "big")
        yield bytes(view[begin:place])


def _parse(message: bytes) -> Iterable[ResourceSpans] | None:
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

    try:
        return TracesData.FromString(message).resource_spans
    except DecodeError:
        return None


def _read_resources(resources: Iterable[ResourceSpans], path: str | None) -> Iterator[SpanRecord | LoadError]:
    for number, entry in enumerate(resources):
        resource = _attributes(entry.resource.attributes)
        for scope_number, scoped in enumerate(entry.scope_spans):
            for span_number, span in enumerate(scoped.spans):
                pointer = f"/resourceSpans/{number}/scopeSpans/{scope_number}/spans/{span_number}"
                at = Location(path, None, pointer)
                if span.span_id:
                    yield _read_span(span, scoped.scope.name or None, resource, at)
                else:
                    yield LoadError("a span without an id", at)


def _read_span(span: Span, scope: str | None, resource: Mapping[str, JSON], at: Location) -> SpanRecord:
    return SpanRecord(
        id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex() if any(span.parent_span_id) else None,
        trace_id=span.trace_id.hex(),
        name=span.name,
        start=span.start_time_unix_nano or None,
        end=span.end_time_unix_nano or None,
        status=_STATUS.get(span.status.code),
        status_message=span.status.message or None,
        attributes=_attributes(span.attributes),
        events=[
            SpanEvent(event.name, _attributes(event.attributes), event.time_unix_nano or None)
            for event in span.events
        ],
        links=[SpanLink(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
        scope=scope,
        resource=resource,
        at=at,
    )


def _attributes(pairs: Iterable[KeyValue], depth: int = 0) -> dict[str, JSON]:
    return {pair.key: _value(pair.value, depth) for pair in pairs}


def _value(value: AnyValue, depth: int) -> JSON:
    kind = value.WhichOneof("value")
    if kind is None or depth > MAX_DEPTH:
        return None
    if kind == "array_value":
        return [_value(item, depth + 1) for item in value.array_value.values]
    if kind == "kvlist_value":
        return _attributes(value.kvlist_value.values, depth + 1)
    if kind == "bytes_value":
        return value.bytes_value.hex()
    scalar: JSON = getattr(value, kind)
    return scalar
