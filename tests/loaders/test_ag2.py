from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pisama.loaders import load
from pisama.report import LoadError
from pisama.trace import JSON, Trace
from tests.loaders.golden import TRACES, assert_golden, assert_survives, recognised
from tests.loaders.hostile import records

FOLDER = TRACES / "ag2"


@pytest.mark.parametrize(("name", "golden"), [("chat_result.json", "chat_result.txt")])
def test_each_recorded_run_is_recognised_and_read_whole(name: str, golden: str) -> None:
    assert recognised(FOLDER / name) == "ag2"
    assert_golden(FOLDER / name, golden)


def test_a_bad_record_is_named_and_the_rest_is_read() -> None:
    items = list(
        load(
            {
                "chat_history": [
                    {"role": "assistant", "name": "user_proxy", "content": "Go"},
                    7,
                    {"role": "user", "name": "a", "content": "Going"},
                ],
                "summary": "",
                "cost": {},
            },
            "ag2",
        )
    )
    problems = [(item.reason, item.at.pointer) for item in items if isinstance(item, LoadError)]
    assert problems == [("not a message", "/chat_history/1")]
    assert sum(len(item.steps) for item in items if isinstance(item, Trace)) == 1


NAMES = tuple(
    "chat_history summary cost role content name tool_calls tool_responses tool_call_id id function arguments".split()
)
WORDS = tuple("assistant user tool user_proxy a c1".split())


@given(st.lists(records(NAMES, WORDS), max_size=5), records(NAMES, WORDS))
def test_no_records_at_all_make_it_raise(values: list[JSON], inner: JSON) -> None:
    assert_survives("ag2", [*values, inner])
    assert_survives("ag2", dict.fromkeys(NAMES[:6], inner))
