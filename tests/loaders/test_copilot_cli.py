from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from pisama.trace import JSON
from tests.loaders.golden import TRACES, assert_golden, assert_survives, problems, recognised
from tests.loaders.hostile import records
from tests.loaders.outline import one_trace

FOLDER = TRACES / "copilot_cli"


def test_what_a_sub_agent_does_is_below_the_call_that_started_it() -> None:
    assert recognised(FOLDER / "sub_agent.jsonl") == "copilot-cli"
    assert_golden(FOLDER / "sub_agent.jsonl", "sub_agent.txt")


def test_a_call_that_only_its_start_records_is_a_call() -> None:
    start: dict[str, JSON] = {
        "type": "session.start",
        "data": {"sessionId": "s"},
        "id": "1",
        "parentId": None,
    }
    call: dict[str, JSON] = {"toolCallId": "c", "toolName": "bash", "arguments": '{"command": "ls"}'}
    begun: dict[str, JSON] = {"type": "tool.execution_start", "data": call, "id": "2", "parentId": "1"}
    trace = one_trace([start, begun])
    assert [(made.name, made.arguments, made.result) for _, made in trace.calls()] == [
        ("bash", {"command": "ls"}, None)
    ]
    assert not trace.complete


def test_an_event_without_data_is_named() -> None:
    log = (FOLDER / "sub_agent.jsonl").read_text() + json.dumps({"type": "abort", "id": "x"}) + "\n"
    assert problems(log, "copilot-cli") == ["13: an event without a type or data"]


NAMES = (
    "type",
    "data",
    "id",
    "parentId",
    "timestamp",
    "content",
    "toolRequests",
    "toolCallId",
    "name",
    "arguments",
    "success",
    "result",
    "error",
    "message",
    "sessionId",
    "parentToolCallId",
    "agentName",
    "outputTokens",
)
WORDS = (
    "session.start",
    "user.message",
    "assistant.message",
    "tool.execution_start",
    "tool.execution_complete",
    "subagent.started",
    "abort",
    "c1",
    "c2",
)


@given(st.lists(records(NAMES, WORDS), max_size=6))
def test_no_input_at_all_makes_it_raise(values: list[JSON]) -> None:
    assert_survives("copilot-cli", values)
