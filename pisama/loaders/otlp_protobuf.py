"""OTLP in protobuf: one serialized request, or a sequence of them with their lengths before them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING

from pisama.loaders.spans import SpanEvent, SpanRecord, Status
from pisama.report import LoadError
from pisama.trace import JSON, Location

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
    from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span

MAX_DEPTH = 32
"""Nesting of attribute values that is followed; deeper values are left out."""
_LENGTH_BYTES = 4
_FIRST_FIELD = b"\x0a"
_STATUS: Mapping[int, Status] = {1: "ok", 2: "error"}
_ID_BYTES = 8


def looks_like_protobuf(raw: bytes) -> bool:
    """Whether these bytes are OTLP spans: they begin like a request and their first message has spans."""
    if raw[:1] != _FIRST_FIELD and raw[_LENGTH_BYTES : _LENGTH_BYTES + 1] != _FIRST_FIELD:
        return False
    for message in islice(_messages(raw), 1):
        for resource in _parse(message) or ():
            for scope in resource.scope_spans:
                return any(len(span.span_id) == _ID_BYTES for span in scope.spans)
    return False


def read_protobuf(raw: bytes, path: str | None) -> Iterator[SpanRecord | LoadError]:
    """The spans of the request, or of each request when they follow one another."""
    for number, message in enumerate(_messages(raw)):
        resources = _parse(message)
        if resources is None:
            yield LoadError("not an OTLP trace request", Location(path, None, f"/{number}"))
            continue
        yield from _read_resources(resources, path)


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
