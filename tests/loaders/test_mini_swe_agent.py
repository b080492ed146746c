from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pisama.trace import JSON, Usage
from tests.loaders.golden import TRACES, assert_golden, assert_survives, problems, recognised
from tests.loaders.hostile import records
from tests.loaders.outline import one_trace

FOLDER = TRACES / "mini_swe_agent"


def test_calls_results_and_answers_in_the_wrong_form_are_read() -> None:
    assert recognised(FOLDER / "tool_calls.traj.json") == "mini-swe-agent"
    assert_golden(FOLDER / "tool_calls.traj.json", "tool_calls.txt")


def test_commands_in_fences_are_calls_and_return_codes_their_results() -> None:
    assert recognised(FOLDER / "fences.json") == "mini-swe-agent"
    assert_golden(FOLDER / "fences.json", "fences.txt")


def test_a_plain_chat_that_shows_a_command_is_not_taken_for_a_trajectory() -> None:
    chat: list[JSON] = [
        {"role": "user", "content": "How do I list files?"},
        {"role": "assistant", "content": "Run\n```bash\nls\n```"},
        {"role": "user", "content": "Thanks"},
    ]
    assert recognised(chat) != "mini-swe-agent"


def test_tokens_cost_times_and_finish_reasons_are_read() -> None:
    step = one_trace(FOLDER / "tool_calls.traj.json").steps[0]
    assert (step.usage, step.finish_reason) == (Usage(10, 4, None, 0.25), "tool_calls")
    assert [(step.start, call.end) for call in step.tool_calls] == [
        (1770112800500000000, 1770112801500000000)
    ]


def test_a_message_that_is_no_object_is_named() -> None:
    run: dict[str, JSON] = {"trajectory_format": "mini-swe-agent-1", "info": {}, "messages": [7]}
    assert problems(run, "mini-swe-agent") == ["/messages/0: not a message"]
    assert problems({"colour": "red"}, "mini-swe-agent") == [": no trajectory of mini-SWE-agent"]


NAMES = (
    "messages",
    "info",
    "role",
    "content",
    "tool_calls",
    "function",
    "name",
    "arguments",
    "id",
    "extra",
    "response",
    "choices",
    "message",
    "usage",
    "tool_call_id",
    "exit_status",
    "trajectory_format",
    "interrupt_type",
)
WORDS = (
    "assistant",
    "user",
    "system",
    "tool",
    "exit",
    "bash",
    "FormatError",
    "mini-swe-agent-1",
    "<returncode>1</returncode>",
)


@given(st.lists(records(NAMES, WORDS), max_size=6))
def test_no_input_at_all_makes_it_raise(values: list[JSON]) -> None:
    assert_survives("mini-swe-agent", values)
