"""OTLP requests of either encoding as OTLP/JSON, whose ids are hexadecimal."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator

import orjson

from pisama.loaders.values import as_list, as_mapping
from pisama.trace import JSON
from pisama.watch.answers import decoded
from pisama.watch.captured import Exported

_IDS = ("traceId", "spanId", "parentSpanId")


class BadExportError(ValueError):
    """Bytes that are no OTLP request."""


def read_export(exported: Exported) -> dict[str, JSON]:
    """The request. Raises `BadExportError`."""
    body = decoded(exported.body, exported.encoding)
    if exported.is_json:
        try:
            return as_mapping(orjson.loads(body))
        except orjson.JSONDecodeError as error:
            raise BadExportError(str(error)) from error
    return _from_protobuf(exported.signal, body)


def _from_protobuf(signal: str, body: bytes) -> dict[str, JSON]:
    from google.protobuf.json_format import MessageToDict
    from google.protobuf.message import DecodeError, Message
    from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
    from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

    kinds: dict[str, type[Message]] = {"traces": TracesData, "logs": LogsData}
    try:
        request: dict[str, JSON] = MessageToDict(kinds[signal].FromString(body), use_integers_for_enums=True)
    except DecodeError as error:
        raise BadExportError(str(error)) from error
    for record in _records(request):
        for name in _IDS:
            if isinstance(record.get(name), str):
                record[name] = b64decode(str(record[name])).hex()
        for link in as_list(record.get("links")):
            for name in _IDS:
                if name in as_mapping(link):
                    as_mapping(link)[name] = b64decode(str(as_mapping(link)[name])).hex()
    return request


def _records(request: dict[str, JSON]) -> Iterator[dict[str, JSON]]:
    for outer, middle, inner in (
        ("resourceSpans", "scopeSpans", "spans"),
        ("resourceLogs", "scopeLogs", "logRecords"),
    ):
        for resource in as_list(request.get(outer)):
            for scope in as_list(as_mapping(resource).get(middle)):
                yield from (as_mapping(record) for record in as_list(as_mapping(scope).get(inner)))
