from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pisama.loaders import load
from pisama.report import LoadError
from pisama.trace import JSON, Trace
from tests.loaders.golden import TRACES, assert_golden, assert_survives, recognised
from tests.loaders.hostile import records
from tests.loaders.outline import one_trace

FOLDER = TRACES / "langchain"


@pytest.mark.parametrize(
    ("name", "golden"),
    [
        ("dumps.json", "dumps.txt"),
        ("dicts.json", "dicts.txt"),
        ("model_dump.json", "model_dump.txt"),
        ("printed.txt", "printed.outline.txt"),
    ],
)
def test_each_recorded_run_is_recognised_and_read_whole(name: str, golden: str) -> None:
    assert recognised(FOLDER / name) == "langchain"
    assert_golden(FOLDER / name, golden)


def test_a_bad_record_is_named_and_the_rest_is_read() -> None:
    items = list(
        load([{"type": "human", "content": "Go"}, 7, {"type": "ai", "content": "Going"}], "langchain")
    )
    problems = [(item.reason, item.at.pointer) for item in items if isinstance(item, LoadError)]
    assert problems == [("not a LangChain message", "/1")]
    assert sum(len(item.steps) for item in items if isinstance(item, Trace)) == 1


def test_the_same_run_gives_the_same_steps_however_it_was_written_down() -> None:
    written = [one_trace(FOLDER / name).steps for name in ("dumps.json", "dicts.json", "model_dump.json")]
    told = [[replace(step, at=None, seen=(), tool_calls=()) for step in steps] for steps in written]
    assert told[0] == told[1] == told[2]


def test_states_streamed_one_after_another_are_one_run() -> None:
    human: JSON = {"type": "human", "content": "Go", "id": "1", "additional_kwargs": {}}
    answer: JSON = {"type": "ai", "content": "Going", "id": "2", "additional_kwargs": {}}
    trace = one_trace([{"messages": [human]}, {"messages": [human, answer]}])
    assert [step.text for step in trace.steps] == ["Going"]


def test_calls_that_only_the_provider_recorded_are_read() -> None:
    raw: JSON = {"tool_calls": [{"id": "c", "function": {"name": "go", "arguments": "{}"}}]}
    trace = one_trace(
        [{"type": "human", "content": "Go"}, {"type": "ai", "content": "", "additional_kwargs": raw}]
    )
    assert [(call.name, call.arguments) for _, call in trace.calls()] == [("go", {})]


NAMES = tuple(
    "messages lc id kwargs type content tool_calls name args tool_call_id status data additional_kwargs response_metadata usage_metadata".split()
)
WORDS = tuple("human ai tool system remove AIMessage HumanMessage error c1".split())


@given(st.lists(records(NAMES, WORDS), max_size=5), records(NAMES, WORDS))
def test_no_records_at_all_make_it_raise(values: list[JSON], inner: JSON) -> None:
    assert_survives("langchain", [*values, inner])
    assert_survives("langchain", dict.fromkeys(NAMES[:6], inner))
