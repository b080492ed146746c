from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from pisama.trace import JSON
from tests.loaders.golden import TRACES, assert_golden, assert_survives, problems, recognised
from tests.loaders.hostile import records
from tests.loaders.outline import one_trace

FOLDER = TRACES / "codex_exec"


def test_the_items_of_a_turn_are_thoughts_calls_results_and_texts() -> None:
    assert recognised(FOLDER / "run.jsonl") == "codex-exec"
    assert_golden(FOLDER / "run.jsonl", "run.txt")


def test_the_messages_of_old_versions_are_read_with_codes_and_tokens() -> None:
    assert recognised(FOLDER / "messages.jsonl") == "codex-exec"
    assert_golden(FOLDER / "messages.jsonl", "messages.txt")


def test_a_failed_turn_is_a_failed_step() -> None:
    rows = [{"type": "thread.started", "thread_id": "t"}, {"type": "turn.started"}]
    failed: dict[str, JSON] = {"type": "turn.failed", "error": {"message": "usage limit reached"}}
    trace = one_trace("".join(json.dumps(row) + "\n" for row in (*rows, failed)))
    assert (trace.outcome, trace.steps[0].error, trace.complete) == ("error", "usage limit reached", True)


def test_a_turn_that_is_not_over_leaves_the_run_unfinished() -> None:
    rows = (FOLDER / "run.jsonl").read_text().splitlines(keepends=True)[:-1]
    assert not one_trace("".join(rows)).complete


def test_an_event_without_its_item_is_named() -> None:
    rows = (FOLDER / "run.jsonl").read_text() + '{"type": "item.completed"}\n{"colour": "red"}\n[]\n'
    assert problems(rows, "codex-exec") == [
        "15: a line of type item.completed without an item",
        "16: neither an event nor a message",
    ]


NAMES = (
    "type",
    "item",
    "id",
    "text",
    "command",
    "aggregated_output",
    "exit_code",
    "status",
    "msg",
    "message",
    "call_id",
    "stdout",
    "prompt",
    "model",
    "usage",
    "thread_id",
    "changes",
    "result",
    "error",
    "tool",
    "server",
)
WORDS = (
    "thread.started",
    "turn.completed",
    "turn.failed",
    "item.started",
    "item.completed",
    "command_execution",
    "agent_message",
    "mcp_tool_call",
    "todo_list",
    "exec_command_begin",
    "exec_command_end",
    "token_count",
    "failed",
)


@given(st.lists(records(NAMES, WORDS), max_size=6))
def test_no_input_at_all_makes_it_raise(values: list[JSON]) -> None:
    assert_survives("codex-exec", values)
