from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pisama.loaders import load
from pisama.trace import JSON, Trace, Usage
from tests.loaders.golden import TRACES, assert_golden, assert_survives, problems, recognised
from tests.loaders.hostile import records
from tests.loaders.outline import one_trace, outline

FOLDER = TRACES / "openhands"


def test_actions_are_calls_observations_results_and_delegates_agents_of_their_own() -> None:
    assert recognised(FOLDER / "trajectory.json") == "openhands"
    assert_golden(FOLDER / "trajectory.json", "trajectory.txt")


def test_the_rows_of_an_evaluation_are_runs_whether_or_not_their_events_have_ids() -> None:
    assert recognised(FOLDER / "evaluation.jsonl") == "openhands"
    assert_golden(FOLDER / "evaluation.jsonl", "evaluation.txt")


def test_offered_tools_and_the_cost_of_an_evaluation_are_read() -> None:
    tools = one_trace(FOLDER / "trajectory.json").tools
    assert tools is not None
    assert [tool.name for tool in tools] == ["execute_bash"]
    usages = [
        [step.usage for step in item.steps]
        for item in load(FOLDER / "evaluation.jsonl")
        if isinstance(item, Trace)
    ]
    assert usages == [[None, Usage(50, 5, 7, 0.5)], [None, Usage(cost=0.25)]]


def test_a_folder_with_a_file_for_each_event_is_one_run_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    events = json.loads((FOLDER / "trajectory.json").read_text())
    for event in events:
        (tmp_path / f"{event['id']}.json").write_text(json.dumps(event))
    told = outline(tmp_path).replace(f"openhands {tmp_path.name}", "openhands trajectory")
    assert told == outline(FOLDER / "trajectory.json")


def test_calls_of_one_response_are_one_step() -> None:
    response: dict[str, JSON] = {"id": "r", "choices": [{"message": {"content": "Both.", "tool_calls": []}}]}
    events: list[JSON] = [
        {
            "id": n,
            "source": "agent",
            "action": "run",
            "args": {"command": name, "thought": "Both." if n == 1 else ""},
            "tool_call_metadata": {
                "function_name": "bash",
                "tool_call_id": f"c{n}",
                "model_response": response,
            },
        }
        for n, name in ((1, "make"), (2, "ls"))
    ]
    (step,) = one_trace(events).steps
    assert (step.text, [call.arguments for call in step.tool_calls]) == (
        "Both.",
        [{"command": "make"}, {"command": "ls"}],
    )


def test_what_is_no_event_is_named_and_the_rest_is_read() -> None:
    assert problems([{"id": 1, "source": "user"}], "openhands") == [
        "/0: neither an event nor a row with a history"
    ]
    row: dict[str, JSON] = {"instance_id": "x", "history": [[7], {"action": "think", "args": {}}]}
    assert problems(row, "openhands") == ["/history/0/0: not an event"]


NAMES = (
    "id",
    "source",
    "action",
    "observation",
    "args",
    "content",
    "extras",
    "cause",
    "tool_call_metadata",
    "model_response",
    "choices",
    "message",
    "tool_calls",
    "metadata",
    "exit_code",
    "thought",
    "history",
    "instance_id",
    "instruction",
    "metrics",
    "outputs",
    "agent",
)
WORDS = (
    "agent",
    "user",
    "environment",
    "run",
    "finish",
    "message",
    "delegate",
    "error",
    "system",
    "recall",
    "think",
    "r1",
    "c1",
)


@given(st.lists(records(NAMES, WORDS), max_size=6))
def test_no_input_at_all_makes_it_raise(values: list[JSON]) -> None:
    assert_survives("openhands", values)
