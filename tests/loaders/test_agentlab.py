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

FOLDER = TRACES / "agentlab"


@pytest.mark.parametrize(("name", "golden"), [("trajectory.json", "trajectory.txt")])
def test_each_recorded_run_is_recognised_and_read_whole(name: str, golden: str) -> None:
    assert recognised(FOLDER / name) == "agentlab"
    assert_golden(FOLDER / name, golden)


def test_a_bad_record_is_named_and_the_rest_is_read() -> None:
    items = list(load([{"goal": "Go", "steps": [{"axtree": "", "action": "noop()"}]}, 7], "agentlab"))
    problems = [(item.reason, item.at.pointer) for item in items if isinstance(item, LoadError)]
    assert problems == [("neither a summary nor a trajectory of AgentLab", "/1")]
    assert sum(len(item.steps) for item in items if isinstance(item, Trace)) == 1


def test_a_summary_is_a_run_without_steps_that_says_how_it_ended() -> None:
    trace = one_trace(
        {"n_steps": 10, "cum_reward": 0.0, "err_msg": None, "terminated": False, "truncated": True}
    )
    assert (trace.outcome, trace.steps, trace.metadata) == ("max_steps", (), {"n_steps": 10})


NAMES = tuple(
    "goal steps axtree action reasoning last_action_error summary_info n_steps cum_reward err_msg terminated truncated chat_messages".split()
)
WORDS = tuple("noop() user assistant".split())


@given(st.lists(records(NAMES, WORDS), max_size=5), records(NAMES, WORDS))
def test_no_records_at_all_make_it_raise(values: list[JSON], inner: JSON) -> None:
    assert_survives("agentlab", [*values, inner])
    assert_survives("agentlab", dict.fromkeys(NAMES[:6], inner))
