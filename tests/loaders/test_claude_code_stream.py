from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from pisama.trace import JSON, Usage
from tests.loaders.golden import TRACES, assert_golden, assert_survives, problems, recognised
from tests.loaders.hostile import records
from tests.loaders.outline import one_trace, outline

FOLDER = TRACES / "claude_code_stream"


def test_a_stream_is_one_run_with_its_sub_agents_below_the_calls_that_started_them() -> None:
    assert recognised(FOLDER / "sub_agent.jsonl") == "claude-code-stream"
    assert_golden(FOLDER / "sub_agent.jsonl", "sub_agent.txt")


def test_a_refused_request_is_a_failed_step_although_the_result_says_success() -> None:
    assert recognised(FOLDER / "refused.jsonl") == "claude-code-stream"
    assert_golden(FOLDER / "refused.jsonl", "refused.txt")


RESULT: dict[str, JSON] = {
    "type": "result",
    "subtype": "success",
    "is_error": False,
    "num_turns": 3,
    "result": "It is built.",
    "session_id": "s1",
    "total_cost_usd": 0.5,
    "usage": {"input_tokens": 10, "cache_read_input_tokens": 90, "output_tokens": 7},
}


def test_what_the_messages_do_not_count_is_added_once_with_the_cost() -> None:
    trace = one_trace(FOLDER / "sub_agent.jsonl")
    assert sum(step.usage.tokens for step in trace.steps if step.usage) == 460
    assert [step.usage.cost for step in trace.steps if step.usage] == [None, None, None, 0.01]


def test_the_listed_tools_are_those_offered_and_a_sub_agent_is_called_by_either_name() -> None:
    tools = one_trace(FOLDER / "sub_agent.jsonl").tools
    assert tools is not None
    assert [tool.name for tool in tools] == ["Task", "Bash", "Read", "Agent"]


def test_a_stream_without_its_result_is_not_complete() -> None:
    lines = (FOLDER / "sub_agent.jsonl").read_text().splitlines()[:-1]
    assert not one_trace("\n".join(lines) + "\n").complete


def test_the_messages_as_one_list_are_read_like_the_stream() -> None:
    lines = (FOLDER / "sub_agent.jsonl").read_text().splitlines()
    assert outline([json.loads(line) for line in lines]) == outline(FOLDER / "sub_agent.jsonl")


def test_a_result_alone_is_one_step_with_all_tokens() -> None:
    assert recognised(RESULT) == "claude-code-result"
    trace = one_trace(RESULT)
    assert trace.steps[0].usage == Usage(100, 7, 90, 0.5)
    assert (trace.final_answer, trace.outcome, trace.metadata) == (
        "It is built.",
        "success",
        {"num_turns": 3},
    )


def test_several_results_are_several_runs() -> None:
    failed = {**RESULT, "session_id": "s2", "is_error": True, "result": "Credit balance is too low"}
    assert outline([RESULT, failed]) == "\n".join(
        (
            "claude-code-result s1",
            "task: None",
            "0 claude [100/7]: It is built.",
            "answer: It is built.",
            "outcome: success",
            "claude-code-result s2",
            "task: None",
            "0 claude [100/7]:",
            "  failed: Credit balance is too low",
            "answer: None",
            "outcome: error",
        )
    )


def test_the_limit_of_turns_is_the_outcome() -> None:
    assert one_trace({**RESULT, "subtype": "error_max_turns"}).outcome == "max_steps"


def test_what_is_no_result_among_results_is_named() -> None:
    assert problems([RESULT, {"type": "user"}], "claude-code-result") == ["/1: not a result of Claude Code"]


def test_a_message_without_content_is_named_and_the_rest_is_read() -> None:
    stream = (FOLDER / "refused.jsonl").read_text() + json.dumps(
        {"type": "assistant", "session_id": "c5756ca4"}
    )
    assert problems(stream, "claude-code-stream") == ["4: a line of type assistant without a message"]


NAMES = (
    "type",
    "subtype",
    "session_id",
    "parent_tool_use_id",
    "message",
    "role",
    "content",
    "id",
    "model",
    "usage",
    "tools",
    "tool_use_id",
    "name",
    "input",
    "result",
    "is_error",
    "total_cost_usd",
)
WORDS = (
    "system",
    "init",
    "assistant",
    "user",
    "result",
    "tool_use",
    "tool_result",
    "text",
    "s1",
    "<synthetic>",
    "success",
    "error_max_turns",
)


@given(st.lists(records(NAMES, WORDS), max_size=6))
def test_no_input_at_all_makes_it_raise(values: list[JSON]) -> None:
    assert_survives("claude-code-stream", values)
