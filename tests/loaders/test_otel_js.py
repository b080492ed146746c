"""Spans and logs of OpenTelemetry for JavaScript: what Gemini CLI logs beside its spans."""

from __future__ import annotations

import json
from typing import Any

from tests.loaders.outline import outline

SESSION = "d2c412d0"


def span(number: int, operation: str, start: int, **attributes: Any) -> Any:
    return {
        "_spanContext": {"traceId": f"{number:032x}", "spanId": f"{number:016x}"},
        "name": operation,
        "startTime": [start, 0],
        "endTime": [start, 900_000_000],
        "status": {"code": 1},
        "attributes": {
            "gen_ai.operation.name": operation,
            "gen_ai.agent.name": "gemini-cli",
            "gen_ai.conversation.id": SESSION,
            **attributes,
        },
    }


def log(name: str, time: int, number: int | None = None, **attributes: Any) -> Any:
    context: dict[str, Any] = (
        {"spanContext": {"traceId": f"{number:032x}", "spanId": f"{number:016x}"}} if number else {}
    )
    return {
        "hrTime": [time, 5],
        "attributes": {"event.name": name, "session.id": SESSION, **attributes},
        **context,
    }


def request(*contents: tuple[str, Any]) -> str:
    return json.dumps([{"role": role, "parts": [part]} for role, part in contents])


def response(*parts: Any) -> str:
    return json.dumps([{"candidates": [{"content": {"role": "model", "parts": [part]}}]} for part in parts])


CALL: Any = {"functionCall": {"name": "read_file", "args": {"path": "a.py"}, "id": "c1"}}
RESULT: Any = {"functionResponse": {"id": "c1", "name": "read_file", "response": {"error": "no such file"}}}
ASKED: tuple[str, Any] = ("user", {"text": "Fix a.py"})


def test_a_run_of_many_trace_ids_with_its_contents_in_logs_is_read_whole() -> None:
    records: list[Any] = [
        span(1, "llm_call", 1_700_000_001),
        span(2, "tool_call", 1_700_000_003, **{"gen_ai.tool.name": "read_file", "gen_ai.tool.call_id": "c1"}),
        span(3, "llm_call", 1_700_000_005),
        log("gemini_cli.api_request", 1_700_000_001, 1, request_text=request(ASKED)),
        log(
            "gemini_cli.api_response",
            1_700_000_002,
            response_text=response({"text": "I look.", "thought": True}, CALL),
            input_token_count=10,
            output_token_count=2,
        ),
        log(
            "gemini_cli.tool_call",
            1_700_000_004,
            function_args='{"path": "a.py"}',
            success=False,
            error="no file",
        ),
        log(
            "gemini_cli.api_request",
            1_700_000_005,
            3,
            request_text=request(ASKED, ("model", CALL), ("user", RESULT)),
        ),
        log("gemini_cli.api_response", 1_700_000_006, response_text=response({"text": "It is not there."})),
        {"resource": {}, "scopeMetrics": []},
    ]
    assert outline("\n".join(json.dumps(record, indent=1) for record in records)) == (
        "otel-js 00000000000000000000000000000001\n"
        "task: Fix a.py\n"
        "    user: Fix a.py\n"
        "0 gemini-cli [10/2]:\n"
        "  thinks: I look.\n"
        "  read_file({'path': 'a.py'}) -> error: no such file\n"
        "    tool read_file: no such file\n"
        "1 gemini-cli: It is not there.\n"
        "answer: It is not there."
    )


def test_a_failed_request_is_a_step_with_an_error() -> None:
    records: list[Any] = [
        span(1, "llm_call", 1_700_000_001),
        log("gemini_cli.api_error", 1_700_000_002, error="quota exceeded"),
    ]
    assert "  failed: quota exceeded" in outline("\n".join(json.dumps(record) for record in records)).split(
        "\n"
    )
