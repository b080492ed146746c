"""The spans of `span_run` in the export formats that take the attributes of any dialect."""

from __future__ import annotations

import csv
import io
import json

from opentelemetry.proto.trace.v1.trace_pb2 import Status, TracesData

from tests.loaders.span_run import JSON, START, TRACE_ID, Exported, Spans


def any_value(value: JSON, *, snake: bool = False) -> JSON:
    names = (
        ("string_value", "int_value", "bool_value", "array_value")
        if snake
        else (
            "stringValue",
            "intValue",
            "boolValue",
            "arrayValue",
        )
    )
    if isinstance(value, bool):
        return {names[2]: value}
    if isinstance(value, int):
        return {names[1]: str(value)}
    if isinstance(value, list):
        return {names[3]: {"values": [any_value(item, snake=snake) for item in value]}}
    return {names[0]: value}


def otlp_spans(spans: Spans) -> list[JSON]:
    """The spans as OTLP JSON has them."""
    return [
        {
            "traceId": TRACE_ID,
            "spanId": span.id,
            "parentSpanId": span.parent or "",
            "name": span.name,
            "kind": 1,
            "startTimeUnixNano": str(span.start),
            "endTimeUnixNano": str(span.end),
            "attributes": [
                {"key": name, "value": any_value(value)} for name, value in span.attributes.items()
            ],
            "status": {"code": 2, "message": span.failure} if span.failure else {},
        }
        for span in spans
    ]


def otlp(spans: Spans) -> bytes:
    """One OTLP request."""
    return json.dumps(_request(spans)).encode()


def _request(spans: Spans) -> JSON:
    return {
        "resourceSpans": [
            {"resource": {}, "scopeSpans": [{"scope": {"name": "x"}, "spans": otlp_spans(spans)}]}
        ]
    }


def otlp_lines(spans: Spans) -> bytes:
    """The Collector's file exporter: a request a line, children before their parents."""
    return b"\n".join(otlp([span]) for span in reversed(spans))


def tempo(spans: Spans) -> bytes:
    """The answer of Grafana Tempo's API, version 2."""
    return json.dumps({"trace": _request(spans)}).encode()


def instrumentation_libraries(spans: Spans) -> bytes:
    """OTLP before 2022, as Tempo's first API answers."""
    library: JSON = {"instrumentationLibrary": {"name": "x"}, "spans": otlp_spans(spans)}
    return json.dumps({"batches": [{"instrumentationLibrarySpans": [library]}]}).encode()


def protobuf(spans: Spans) -> bytes:
    """One OTLP request in protobuf."""
    data = TracesData()
    scope = data.resource_spans.add().scope_spans.add()
    for span in spans:
        made = scope.spans.add(
            trace_id=bytes.fromhex(TRACE_ID),
            span_id=bytes.fromhex(span.id),
            parent_span_id=bytes.fromhex(span.parent or ""),
            name=span.name,
            start_time_unix_nano=span.start,
            end_time_unix_nano=span.end,
        )
        if span.failure:
            made.status.code = Status.STATUS_CODE_ERROR
            made.status.message = span.failure
        for name, value in span.attributes.items():
            pair = made.attributes.add(key=name)
            if isinstance(value, int):
                pair.value.int_value = value
            elif isinstance(value, list):
                for text in value:
                    pair.value.array_value.values.add(string_value=str(text))
            else:
                pair.value.string_value = str(value)
    return data.SerializeToString()


def protobuf_frames(spans: Spans) -> bytes:
    """The Collector's file exporter with `format: proto`."""
    messages = [protobuf([span]) for span in reversed(spans)]
    return b"".join(len(message).to_bytes(4, "big") + message for message in messages)


def iso(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds - START, 1_000_000_000)
    return f"2023-11-14T22:13:{20 + seconds:02d}.{rest // 1000:06d}Z"


def python_console(spans: Spans) -> bytes:
    """What the ConsoleSpanExporter of OpenTelemetry for Python prints."""
    printed: list[JSON] = [
        {
            "name": span.name,
            "context": {"trace_id": f"0x{TRACE_ID}", "span_id": f"0x{span.id}", "trace_state": "[]"},
            "kind": "SpanKind.INTERNAL",
            "parent_id": f"0x{span.parent}" if span.parent else None,
            "start_time": iso(span.start),
            "end_time": iso(span.end),
            "status": {"status_code": "ERROR", "description": span.failure}
            if span.failure
            else {"status_code": "UNSET"},
            "attributes": span.attributes,
            "events": [],
            "links": [],
            "resource": {"attributes": {}, "schema_url": ""},
        }
        for span in reversed(spans)
    ]
    return "\n".join(json.dumps(span, indent=4) for span in printed).encode()


def javascript(spans: Spans) -> bytes:
    """`ReadableSpan` objects of OpenTelemetry for JavaScript as JSON."""
    kept = [
        {
            "name": span.name,
            "_spanContext": {"traceId": TRACE_ID, "spanId": span.id, "traceFlags": 1},
            "parentSpanContext": {"traceId": TRACE_ID, "spanId": span.parent} if span.parent else None,
            "startTime": list(divmod(span.start, 1_000_000_000)),
            "endTime": list(divmod(span.end, 1_000_000_000)),
            "status": {"code": 2, "message": span.failure} if span.failure else {"code": 0},
            "attributes": span.attributes,
            "events": [],
            "resource": {"_rawAttributes": [["service.name", "library"]]},
        }
        for span in spans
    ]
    return "\n".join(json.dumps(span, indent=2) for span in kept).encode()


def jaeger(spans: Spans) -> bytes:
    """The download of Jaeger's interface."""
    written = [
        {
            "traceID": TRACE_ID,
            "spanID": span.id,
            "operationName": span.name,
            "references": [{"refType": "CHILD_OF", "traceID": TRACE_ID, "spanID": span.parent}]
            if span.parent
            else [],
            "startTime": span.start // 1000,
            "duration": (span.end - span.start) // 1000,
            "tags": [
                *(
                    {"key": name, "type": "string", "value": _tag(value)}
                    for name, value in span.attributes.items()
                ),
                *([{"key": "error", "type": "bool", "value": True}] if span.failure else []),
                *([{"key": "otel.status_description", "value": span.failure}] if span.failure else []),
            ],
            "logs": [],
            "processID": "p1",
        }
        for span in spans
    ]
    trace = {"traceID": TRACE_ID, "spans": written, "processes": {"p1": {"serviceName": "library"}}}
    return json.dumps({"data": [trace]}).encode()


def _tag(value: JSON) -> JSON:
    return json.dumps(value) if isinstance(value, list) else value


def zipkin(spans: Spans) -> bytes:
    """Zipkin's API, version 2: all tags are text."""
    written = [
        {
            "traceId": TRACE_ID,
            "id": span.id,
            **({"parentId": span.parent} if span.parent else {}),
            "name": span.name,
            "timestamp": span.start // 1000,
            "duration": (span.end - span.start) // 1000,
            "localEndpoint": {"serviceName": "library"},
            "tags": {
                **{name: str(_tag(value)) for name, value in span.attributes.items()},
                **({"error": span.failure, "otel.status_code": "ERROR"} if span.failure else {}),
            },
        }
        for span in spans
    ]
    return json.dumps(written).encode()


def logfire_rows(spans: Spans) -> bytes:
    """Logfire's query API, by rows."""
    rows = [_row(span) for span in reversed(spans)]
    columns = [{"name": name, "datatype": "Utf8"} for name in rows[0]]
    return json.dumps({"columns": columns, "rows": rows}).encode()


def logfire_columns(spans: Spans) -> bytes:
    """Logfire's query API, by columns."""
    rows = [_row(span) for span in spans]
    return json.dumps(
        {"columns": [{"name": name, "values": [row[name] for row in rows]} for name in rows[0]]}
    ).encode()


def _row(span: Exported) -> dict[str, JSON]:
    return {
        "start_timestamp": iso(span.start),
        "end_timestamp": iso(span.end),
        "kind": "span",
        "trace_id": TRACE_ID,
        "span_id": span.id,
        "parent_span_id": span.parent,
        "span_name": span.name,
        "is_exception": span.failure is not None,
        "exception_message": span.failure,
        "attributes": {name: _opened(value) for name, value in span.attributes.items()},
    }


def _opened(value: JSON) -> JSON:
    """Logfire shows attributes with a schema as the lists they are."""
    return json.loads(value) if isinstance(value, str) and value.startswith("[{") else value


def phoenix(spans: Spans) -> bytes:
    """Phoenix's REST API."""
    listed: list[JSON] = [
        {
            "id": "U3Bhbjo5",
            "name": span.name,
            "context": {"trace_id": TRACE_ID, "span_id": span.id},
            "span_kind": span.kind,
            "parent_id": span.parent,
            "start_time": iso(span.start),
            "end_time": iso(span.end),
            "status_code": "ERROR" if span.failure else "OK",
            "status_message": span.failure or "",
            "attributes": span.attributes,
            "events": [],
        }
        for span in reversed(spans)
    ]
    return json.dumps({"data": listed, "next_cursor": None}).encode()


def phoenix_otlp(spans: Spans) -> bytes:
    """Phoenix's REST API for OTLP spans: every alternative of a value is there, all but one of them null."""
    listed: list[JSON] = [
        {
            "trace_id": TRACE_ID,
            "span_id": span.id,
            "parent_span_id": span.parent,
            "name": span.name,
            "kind": "SPAN_KIND_INTERNAL",
            "start_time_unix_nano": span.start,
            "end_time_unix_nano": span.end,
            "status": {"code": 2, "message": span.failure} if span.failure else {"code": 0, "message": None},
            "attributes": [
                {
                    "key": name,
                    "value": {"bool_value": None, "array_value": None, **any_value(value, snake=True)},
                }
                for name, value in span.attributes.items()
            ],
            "events": None,
            "links": None,
        }
        for span in spans
    ]
    return json.dumps({"data": listed}).encode()


def phoenix_records(spans: Spans) -> bytes:
    """A Phoenix dataframe as JSON records; lists of messages are nested."""
    return json.dumps([_columns(span) for span in spans]).encode()


def phoenix_csv(spans: Spans) -> bytes:
    """A Phoenix dataframe as CSV: lists as Python prints them, missing values empty."""
    rows = [_columns(span) for span in spans]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _columns(span: Exported) -> dict[str, JSON]:
    attributes: dict[str, JSON] = {}
    for name, value in span.attributes.items():
        for prefix in ("llm.input_messages.", "llm.output_messages."):
            if name.startswith(prefix):
                _nest(attributes.setdefault("attributes." + prefix[:-1], []), name[len(prefix) :], value)
                break
        else:
            attributes["attributes." + name] = value
    return {
        "name": span.name,
        "span_kind": span.kind,
        "parent_id": span.parent,
        "start_time": iso(span.start),
        "end_time": iso(span.end),
        "status_code": "ERROR" if span.failure else "OK",
        "status_message": span.failure,
        "events": [],
        "context.span_id": span.id,
        "context.trace_id": TRACE_ID,
        **attributes,
    }


def _nest(messages: JSON, path: str, value: JSON) -> None:
    """Puts `0.message.tool_calls.1.tool_call.id` into lists of objects with dotted names."""
    assert isinstance(messages, list)
    number, _, rest = path.partition(".")
    while len(messages) <= int(number):
        messages.append({})
    message = messages[int(number)]
    assert isinstance(message, dict)
    head, found, below = rest.partition("tool_calls.")
    if found:
        _nest(message.setdefault(f"{head}tool_calls", []), below, value)
    else:
        message[rest] = value
