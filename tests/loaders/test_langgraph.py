from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pisama.loaders import load
from pisama.report import LoadError
from pisama.trace import JSON, Trace
from tests.loaders.golden import TRACES, assert_golden, assert_survives, recognised
from tests.loaders.hostile import records
from tests.loaders.outline import one_trace

FOLDER = TRACES / "langgraph"


@pytest.mark.parametrize(
    ("name", "golden"), [("history.json", "history.txt"), ("updates.jsonl", "updates.txt")]
)
def test_each_recorded_run_is_recognised_and_read_whole(name: str, golden: str) -> None:
    assert recognised(FOLDER / name) == "langgraph"
    assert_golden(FOLDER / name, golden)


def test_a_bad_record_is_named_and_the_rest_is_read() -> None:
    items = list(load([{"porter": {"messages": [{"type": "ai", "content": "Done"}, 7]}}], "langgraph"))
    problems = [(item.reason, item.at.pointer) for item in items if isinstance(item, LoadError)]
    assert problems == [("not a LangChain message", "/0/porter/messages/1")]
    assert sum(len(item.steps) for item in items if isinstance(item, Trace)) == 1


def test_the_limit_of_steps_is_an_outcome_and_no_failed_call() -> None:
    def state(**more: JSON) -> dict[str, JSON]:
        place: JSON = {"configurable": {"thread_id": "t", "checkpoint_id": "k"}}
        return {"values": {}, "next": ["model"], "config": place, **more}

    error = "GraphRecursionError('Recursion limit of 12 reached')"
    trace = one_trace([state(tasks=[{"name": "model", "error": error}])])
    assert (trace.outcome, trace.steps) == ("max_steps", ())


def test_updates_of_graphs_inside_the_graph_are_read() -> None:
    answer: JSON = {"type": "ai", "content": "Going", "additional_kwargs": {}}
    trace = one_trace([["porter:1"], {"porter": [{"messages": [answer]}, None]}])
    assert [(step.agent, step.text) for step in trace.steps] == [("porter", "Going")]


def test_a_state_that_waits_for_a_node_is_not_complete() -> None:
    message: JSON = {"type": "human", "content": "Go", "id": "1", "additional_kwargs": {}}
    trace = one_trace(
        {
            "values": {"messages": [message]},
            "next": ["model"],
            "checkpoint": {"thread_id": "t", "checkpoint_id": "k"},
        }
    )
    assert (trace.id, trace.complete) == ("t", False)


NAMES = tuple(
    "values next config configurable checkpoint_id thread_id messages metadata step created_at tasks error type content id porter checkpoint".split()
)
WORDS = tuple("human ai tool t1 model tools".split())


@given(st.lists(records(NAMES, WORDS), max_size=5), records(NAMES, WORDS))
def test_no_records_at_all_make_it_raise(values: list[JSON], inner: JSON) -> None:
    assert_survives("langgraph", [*values, inner])
    assert_survives("langgraph", dict.fromkeys(NAMES[:6], inner))
