"""The run of `span_run` in formats that have a model of their own, and with its messages in log records."""

from __future__ import annotations

import json
from collections.abc import Mapping

from tests.loaders.span_formats import any_value, iso, otlp
from tests.loaders.span_run import JSON, MODEL, TRACE_ID, Exported, genai, genai_without_messages, langfuse


def mlflow() -> bytes:
    """`Trace.to_json()` of MLflow 3: every attribute is JSON text of its own."""
    spans: list[JSON] = []
    for span in langfuse():
        told = span.attributes
        inputs = told["langfuse.observation.input"]
        attributes: dict[str, JSON] = {
            "mlflow.traceRequestId": json.dumps("tr-1"),
            "mlflow.spanType": json.dumps({"LLM": "CHAT_MODEL"}.get(span.kind, span.kind)),
            "mlflow.spanInputs": inputs if span.kind == "LLM" else _called_with(inputs),
            "mlflow.spanOutputs": told["langfuse.observation.output"]
            if span.kind == "LLM"
            else json.dumps(told["langfuse.observation.output"]),
        }
        if span.kind == "LLM":
            usage = json.loads(str(told["langfuse.observation.usage_details"]))
            counts = {"input_tokens": usage["prompt_tokens"], "output_tokens": usage["completion_tokens"]}
            attributes["mlflow.chat.tokenUsage"] = json.dumps(counts)
            attributes["mlflow.llm.model"] = json.dumps(MODEL)
        spans.append(
            {
                "trace_id": "CvdlGRbNQ92ESOshHIAxnA==",
                "span_id": span.id,
                "parent_span_id": span.parent,
                "name": span.name,
                "start_time_unix_nano": span.start,
                "end_time_unix_nano": span.end,
                "status": {
                    "code": "STATUS_CODE_ERROR" if span.failure else "STATUS_CODE_OK",
                    "message": span.failure or "",
                },
                "attributes": attributes,
                "events": [],
            }
        )
    return json.dumps({"info": {"trace_id": "tr-1", "state": "OK"}, "data": {"spans": spans}}).encode()


def _called_with(value: JSON) -> str:
    call = json.loads(str(value))
    return json.dumps(call["kwargs"] or {"question": call["args"][0]})


def weave() -> bytes:
    """Calls of Weights & Biases Weave, one a line."""
    calls: list[str] = []
    for span in langfuse():
        told = span.attributes
        inputs: JSON = json.loads(str(told["langfuse.observation.input"]))
        output: JSON = told["langfuse.observation.output"]
        summary: JSON = {"weave": {"status": "error" if span.failure else "success"}}
        if span.kind == "LLM":
            usage = json.loads(str(told["langfuse.observation.usage_details"]))
            summary = {"usage": {MODEL: usage}}
            inputs = {"model": MODEL, **inputs}
            output = {"choices": [{"message": json.loads(str(output))}]}
        else:
            inputs = json.loads(_called_with(told["langfuse.observation.input"]))
        name = "openai.chat.completions.create" if span.kind == "LLM" else span.name
        calls.append(
            json.dumps(
                {
                    "id": span.id,
                    "op_name": f"weave:///team/library/op/{name}:v1",
                    "trace_id": TRACE_ID,
                    "parent_id": span.parent,
                    "started_at": iso(span.start),
                    "ended_at": iso(span.end),
                    "inputs": inputs,
                    "output": output,
                    "exception": f"Traceback (most recent call last):\n  …\n{span.failure}"
                    if span.failure
                    else None,
                    "summary": summary,
                }
            )
        )
    return "\n".join(calls).encode()


def event_logs() -> bytes:
    """Spans without messages beside log records that are a message each."""
    logs: list[JSON] = []
    for span in genai():
        given = json.loads(str(span.attributes.get("gen_ai.input.messages", "[]")))
        logs += [_log(span, f"gen_ai.{message['role']}.message", _event_body(message)) for message in given]
        for message in json.loads(str(span.attributes.get("gen_ai.output.messages", "[]"))):
            body: JSON = {
                "index": 0,
                "finish_reason": message["finish_reason"],
                "message": _event_body(message),
            }
            logs.append(_log(span, "gen_ai.choice", body))
    return _with_logs(logs)


def _event_body(message: Mapping[str, JSON]) -> JSON:
    body: dict[str, JSON] = {}
    calls: list[JSON] = []
    parts = message["parts"]
    assert isinstance(parts, list)
    for part in parts:
        assert isinstance(part, dict)
        if part["type"] == "text":
            body["content"] = part["content"]
        elif part["type"] == "tool_call":
            function: JSON = {"name": part["name"], "arguments": json.dumps(part["arguments"])}
            calls.append({"id": part["id"], "type": "function", "function": function})
        else:
            body |= {"id": part["id"], "content": part["response"]}
    return {**body, "tool_calls": calls} if calls else body


def details_logs() -> bytes:
    """Spans without messages beside one log record for each model call."""
    logs = [
        {
            **_log(span, "", None),
            "eventName": "gen_ai.client.inference.operation.details",
            "attributes": [
                {"key": name, "value": _structured(json.loads(str(span.attributes[name])))}
                for name in ("gen_ai.input.messages", "gen_ai.output.messages")
            ],
        }
        for span in genai()
        if "gen_ai.output.messages" in span.attributes
    ]
    return _with_logs([*logs])


def _log(span: Exported, name: str, body: JSON) -> dict[str, JSON]:
    return {
        "timeUnixNano": str(span.start),
        "traceId": TRACE_ID,
        "spanId": span.id,
        "body": _structured(body),
        "attributes": [{"key": "event.name", "value": {"stringValue": name}}],
    }


def _structured(value: JSON) -> JSON:
    if isinstance(value, dict):
        return {
            "kvlistValue": {
                "values": [{"key": key, "value": _structured(item)} for key, item in value.items()]
            }
        }
    if isinstance(value, list):
        return {"arrayValue": {"values": [_structured(item) for item in value]}}
    return {} if value is None else any_value(value)


def _with_logs(logs: list[JSON]) -> bytes:
    resource_logs: JSON = {"resourceLogs": [{"scopeLogs": [{"scope": {}, "logRecords": logs}]}]}
    return json.dumps(resource_logs).encode() + b"\n" + otlp(genai_without_messages())
