from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pisama.loaders import load
from pisama.trace import JSON, Usage
from tests.loaders.golden import TRACES, assert_golden, assert_survives, problems, recognised
from tests.loaders.hostile import records
from tests.loaders.outline import one_trace

FOLDER = TRACES / "swe_agent"


def test_the_steps_of_the_trajectory_have_the_calls_of_the_history() -> None:
    assert recognised(FOLDER / "run.traj") == "swe-agent"
    assert_golden(FOLDER / "run.traj", "run.txt")


def test_a_demonstration_without_a_trajectory_is_read_from_its_history() -> None:
    assert recognised(FOLDER / "demonstration.traj") == "swe-agent"
    assert_golden(FOLDER / "demonstration.traj", "demonstration.txt")


def test_a_row_of_a_table_has_the_commands_in_its_fences_and_no_label() -> None:
    assert recognised(FOLDER / "table.jsonl") == "swe-agent"
    assert_golden(FOLDER / "table.jsonl", "table.txt")
    assert all("LABEL" not in repr(item) for item in load(FOLDER / "table.jsonl"))


def test_the_attempts_of_a_run_are_runs() -> None:
    attempt: dict[str, JSON] = {
        "trajectory": [{"action": "ls", "observation": "a", "response": "Look."}],
        "history": [],
        "info": {},
    }
    run: dict[str, JSON] = {"attempts": [attempt, attempt], "info": {}, "instance_id": "repo-1"}
    assert recognised(run) == "swe-agent"
    assert [getattr(item, "id", item) for item in load(run)] == ["repo-1-1", "repo-1-2"]


def test_sums_of_the_run_are_counted_once() -> None:
    trace = one_trace(FOLDER / "run.traj")
    assert [step.usage for step in trace.steps] == [None, None, Usage(900, 40, None, 0.5)]


def test_a_step_that_is_no_object_is_named_and_the_rest_is_read() -> None:
    run: dict[str, JSON] = {
        "trajectory": [7, {"action": "ls", "observation": "a", "response": "Look."}],
        "history": [],
        "info": {},
    }
    assert problems(run, "swe-agent") == ["/trajectory/0: a step that is not an object"]
    assert problems({"colour": "red"}, "swe-agent") == [": neither a trajectory nor a history"]


NAMES = (
    "trajectory",
    "history",
    "info",
    "action",
    "observation",
    "response",
    "thought",
    "role",
    "content",
    "is_demo",
    "message_type",
    "tool_calls",
    "function",
    "name",
    "arguments",
    "id",
    "exit_status",
    "submission",
    "model_stats",
    "tokens_sent",
    "attempts",
    "agent",
)
WORDS = ("assistant", "user", "system", "tool", "observation", "action", "exit_cost", "submitted", "ls")


@given(st.lists(records(NAMES, WORDS), max_size=6))
def test_no_input_at_all_makes_it_raise(values: list[JSON]) -> None:
    assert_survives("swe-agent", values)
