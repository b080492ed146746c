from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pisama.loaders import load
from pisama.report import LoadError
from pisama.trace import JSON, Trace
from tests.loaders.golden import TRACES, assert_golden, assert_survives, recognised
from tests.loaders.hostile import records

FOLDER = TRACES / "autogen_log"


@pytest.mark.parametrize(("name", "golden"), [("log.jsonl", "log.txt")])
def test_each_recorded_run_is_recognised_and_read_whole(name: str, golden: str) -> None:
    assert recognised(FOLDER / name) == "autogen-log"
    assert_golden(FOLDER / name, golden)


def test_a_bad_record_is_named_and_the_rest_is_read() -> None:
    items = list(
        load(
            [{"type": "LLMCall", "agent_id": "a/1", "messages": [], "response": {"content": "Going"}}, 7],
            "autogen-log",
        )
    )
    problems = [(item.reason, item.at.pointer) for item in items if isinstance(item, LoadError)]
    assert problems == [("not an event of AutoGen", "/1")]
    assert sum(len(item.steps) for item in items if isinstance(item, Trace)) == 1


NAMES = tuple(
    "type agent_id messages response payload delivery_stage tool_name result role content choices message tool_calls".split()
)
WORDS = tuple("LLMCall ToolCall Message user assistant tool a/1".split())


@given(st.lists(records(NAMES, WORDS), max_size=5), records(NAMES, WORDS))
def test_no_records_at_all_make_it_raise(values: list[JSON], inner: JSON) -> None:
    assert_survives("autogen-log", [*values, inner])
    assert_survives("autogen-log", dict.fromkeys(NAMES[:6], inner))
