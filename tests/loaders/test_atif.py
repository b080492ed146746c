from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pisama.loaders import load, open_document
from pisama.loaders.atif import AtifLoader
from pisama.loaders.base import Document
from pisama.report import LoadError
from pisama.trace import JSON, Tool, Trace, Usage
from tests.loaders.hostile import records
from tests.loaders.outline import one_trace, outline

TRACES = Path(__file__).parents[1] / "traces" / "atif"
EXAMPLES = Path(__file__).parents[2] / "examples"
SAMPLES = Path(__file__).parents[3] / "shared" / "formats" / "atif"


def trajectory(*steps: JSON, **more: JSON) -> dict[str, JSON]:
    return {
        "schema_version": "ATIF-v1.6",
        "session_id": "s1",
        "agent": {"name": "bot"},
        "steps": [*steps],
        **more,
    }


def said(number: JSON, source: str, message: JSON, **more: JSON) -> dict[str, JSON]:
    return {"step_id": number, "source": source, "message": message, **more}


def test_a_trajectory_with_sub_agents_is_one_run_in_the_order_of_the_calls() -> None:
    assert outline(TRACES / "sub_agents.json") == (TRACES / "sub_agents.txt").read_text().rstrip("\n")


def test_the_steps_of_a_plain_trajectory_keep_their_own_numbers() -> None:
    trace = one_trace(trajectory(said(1, "user", "Go"), said(4, "agent", "Going"), said(9, "agent", "Gone")))
    assert [step.index for step in trace.steps] == [4, 9]


def test_steps_without_usable_numbers_are_numbered_by_position() -> None:
    trace = one_trace(
        trajectory(said(1, "user", "Go"), said(1, "agent", "Going"), said("x", "agent", "Gone"))
    )
    assert [step.index for step in trace.steps] == [1, 2]


def test_offered_tools_tokens_cost_and_marked_errors_are_read() -> None:
    trace = one_trace(EXAMPLES / "failing-tool.atif.json")
    assert trace.tools is not None
    assert [tool.name for tool in trace.tools] == ["book_flight"]
    assert trace.steps[0].usage == Usage(410, 38, None, 0.001405)
    assert [found.error for _, found in trace.calls()] == ["Error: payment service unavailable (503)"] * 6
    assert trace.final_answer == (
        "Your flight from Oslo to London on 12 May is booked. The confirmation number is BK-77123."
    )


def test_tools_are_unknown_when_none_are_defined_and_none_when_the_list_is_empty() -> None:
    step = said(1, "agent", "Hi")
    assert one_trace(trajectory(step)).tools is None
    assert one_trace(trajectory(step, agent={"name": "bot", "tool_definitions": []})).tools == ()
    flat: JSON = {"name": "bot", "tool_definitions": [{"name": "ls", "input_schema": {"type": "object"}}]}
    assert one_trace(trajectory(step, agent=flat)).tools == (Tool("ls", None, {"type": "object"}),)


def test_steps_copied_from_an_earlier_trajectory_are_seen_and_not_done_again() -> None:
    trace = one_trace(
        trajectory(
            said(1, "user", "Go", is_copied_context=True),
            said(2, "agent", "Going", is_copied_context=True, metrics={"prompt_tokens": 9}),
            said(3, "agent", "Gone", metrics={"prompt_tokens": 1}),
        )
    )
    assert trace.task == "Go"
    (step,) = trace.steps
    assert [message.text for message in step.seen] == ["Go", "Going"]
    assert step.usage == Usage(input_tokens=1)


def test_an_observation_without_a_call_is_only_seen() -> None:
    trace = one_trace(
        trajectory(
            said(1, "agent", "run ls", observation={"results": [{"content": "a.txt"}]}),
            said(2, "agent", "One file."),
        )
    )
    assert [(message.role, message.text) for message in trace.steps[1].seen] == [("tool", "a.txt")]
    assert list(trace.calls()) == []


def test_a_run_that_goes_on_in_another_file_is_not_complete() -> None:
    assert not one_trace(trajectory(said(1, "agent", "Hi"), continued_trajectory_ref="part2.json")).complete


def test_a_bad_step_is_named_and_the_rest_is_read() -> None:
    items = list(load(trajectory(said(1, "user", "Go"), 7, said(3, "agent", "Gone"))))
    problems = [(item.reason, item.at.pointer) for item in items if isinstance(item, LoadError)]
    assert problems == [("a step that is not an object", "/steps/1")]
    assert [len(item.steps) for item in items if isinstance(item, Trace)] == [1]


def test_trajectories_inside_trajectories_may_go_deep() -> None:
    inner: dict[str, JSON] = trajectory(said(1, "agent", "deepest"))
    for _ in range(100):
        inner = trajectory(said(1, "agent", "between"), subagent_trajectories=[inner])
    assert len(one_trace(inner).steps) == 101


NAMES = (
    *(
        "schema_version",
        "agent",
        "steps",
        "subagent_trajectories",
        "trajectory_id",
        "session_id",
        "step_id",
        "source",
    ),
    *(
        "message",
        "tool_calls",
        "observation",
        "results",
        "source_call_id",
        "content",
        "metrics",
        "prompt_tokens",
    ),
    *(
        "subagent_trajectory_ref",
        "tool_definitions",
        "name",
        "function",
        "parameters",
        "extra",
        "is_copied_context",
    ),
)
WORDS = ("ATIF-v1.7", "agent", "user", "system", "s1", "t1")


@given(st.lists(records(NAMES, WORDS), max_size=5), records(NAMES, WORDS), records(NAMES, WORDS))
def test_no_trajectory_at_all_makes_it_raise(steps: list[JSON], embedded: JSON, agent: JSON) -> None:
    document = open_document(trajectory(*steps, subagent_trajectories=[embedded], agent=agent))
    assert isinstance(document, Document)
    assert AtifLoader().sniff(document) == 1.0
    for item in AtifLoader().load(document):
        assert isinstance(item, Trace | LoadError)


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample trajectories are not on this machine")
def test_sample_trajectories_are_recognised_and_read() -> None:
    counts = {path.name: len(one_trace(path).steps) for path in SAMPLES.glob("gen/*.json")}
    assert counts == {
        "cc_ok.atif.json": 4,
        "cc_tool_errors.atif.json": 6,
        "cc_925c4f8c-6146-46ad-9e1c-6a66e028644d.atif.json": 6,
    }
