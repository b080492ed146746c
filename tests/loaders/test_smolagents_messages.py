from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pisama.loaders import load
from pisama.report import LoadError
from pisama.trace import JSON, Trace
from tests.loaders.golden import TRACES, assert_golden, assert_survives, recognised
from tests.loaders.hostile import records

FOLDER = TRACES / "smolagents_messages"


@pytest.mark.parametrize(("name", "golden"), [("messages.json", "messages.txt")])
def test_each_recorded_run_is_recognised_and_read_whole(name: str, golden: str) -> None:
    assert recognised(FOLDER / name) == "smolagents-messages"
    assert_golden(FOLDER / name, golden)


def test_a_bad_record_is_named_and_the_rest_is_read() -> None:
    items = list(
        load(
            [
                {"role": "user", "content": "New task:\\nGo"},
                7,
                {"role": "tool-call", "content": "Calling tools:\\n[]"},
            ],
            "smolagents-messages",
        )
    )
    problems = [(item.reason, item.at.pointer) for item in items if isinstance(item, LoadError)]
    assert problems == [("not a message: it has no role", "/1")]
    assert sum(len(item.steps) for item in items if isinstance(item, Trace)) == 1


NAMES = tuple("messages role content type text".split())
WORDS = tuple("tool-call tool-response user assistant system text Error: Observation:".split())


@given(st.lists(records(NAMES, WORDS), max_size=5), records(NAMES, WORDS))
def test_no_records_at_all_make_it_raise(values: list[JSON], inner: JSON) -> None:
    assert_survives("smolagents-messages", [*values, inner])
    assert_survives("smolagents-messages", dict.fromkeys(NAMES[:6], inner))
