from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pisama.loaders import load
from pisama.report import LoadError
from pisama.trace import JSON, Trace
from tests.loaders.golden import TRACES, assert_golden, assert_survives, recognised
from tests.loaders.hostile import records

FOLDER = TRACES / "smolagents"


@pytest.mark.parametrize(
    ("name", "golden"), [("run_result.json", "run_result.txt"), ("limit.json", "limit.txt")]
)
def test_each_recorded_run_is_recognised_and_read_whole(name: str, golden: str) -> None:
    assert recognised(FOLDER / name) == "smolagents"
    assert_golden(FOLDER / name, golden)


def test_a_bad_record_is_named_and_the_rest_is_read() -> None:
    items = list(
        load(
            [
                {"task": "Go"},
                7,
                {"step_number": 1, "model_output": "Going", "observations": "x", "action_output": None},
            ],
            "smolagents",
        )
    )
    problems = [(item.reason, item.at.pointer) for item in items if isinstance(item, LoadError)]
    assert problems == [("not a step of smolagents", "/1")]
    assert sum(len(item.steps) for item in items if isinstance(item, Trace)) == 1


NAMES = tuple(
    "steps task step_number tool_calls model_output_message observations action_output error type message timing token_usage function name arguments plan output state".split()
)
WORDS = tuple("AgentToolExecutionError AgentMaxStepsError go final_answer".split())


@given(st.lists(records(NAMES, WORDS), max_size=5), records(NAMES, WORDS))
def test_no_records_at_all_make_it_raise(values: list[JSON], inner: JSON) -> None:
    assert_survives("smolagents", [*values, inner])
    assert_survives("smolagents", dict.fromkeys(NAMES[:6], inner))
