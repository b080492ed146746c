from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pisama.loaders import load
from pisama.report import LoadError
from pisama.trace import JSON, Trace
from tests.loaders.golden import TRACES, assert_golden, assert_survives, recognised
from tests.loaders.hostile import records

FOLDER = TRACES / "adk"


@pytest.mark.parametrize(
    ("name", "golden"), [("session.json", "session.txt"), ("events.jsonl", "events.txt")]
)
def test_each_recorded_run_is_recognised_and_read_whole(name: str, golden: str) -> None:
    assert recognised(FOLDER / name) == "adk"
    assert_golden(FOLDER / name, golden)


def test_a_bad_record_is_named_and_the_rest_is_read() -> None:
    items = list(
        load([{"author": "a", "invocation_id": "e", "content": {"parts": [{"text": "Going"}]}}, 7], "adk")
    )
    problems = [(item.reason, item.at.pointer) for item in items if isinstance(item, LoadError)]
    assert problems == [("not an event: it has no author", "/1")]
    assert sum(len(item.steps) for item in items if isinstance(item, Trace)) == 1


NAMES = tuple(
    "events author invocationId content parts text functionCall functionResponse name args response errorCode partial usageMetadata role id".split()
)
WORDS = tuple("user model a e-1 transfer_to_agent".split())


@given(st.lists(records(NAMES, WORDS), max_size=5), records(NAMES, WORDS))
def test_no_records_at_all_make_it_raise(values: list[JSON], inner: JSON) -> None:
    assert_survives("adk", [*values, inner])
    assert_survives("adk", dict.fromkeys(NAMES[:6], inner))
