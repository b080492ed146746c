from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pisama.loaders import load
from pisama.report import LoadError
from pisama.trace import JSON, Trace
from tests.loaders.golden import TRACES, assert_golden, assert_survives, recognised
from tests.loaders.hostile import records

FOLDER = TRACES / "bedrock"


@pytest.mark.parametrize(
    ("name", "golden"), [("request.json", "request.txt"), ("responses.jsonl", "responses.txt")]
)
def test_each_recorded_run_is_recognised_and_read_whole(name: str, golden: str) -> None:
    assert recognised(FOLDER / name) == "bedrock"
    assert_golden(FOLDER / name, golden)


def test_a_bad_record_is_named_and_the_rest_is_read() -> None:
    items = list(
        load(
            [
                {"role": "user", "content": [{"text": "Go"}]},
                7,
                {"role": "assistant", "content": [{"text": "Going"}]},
            ],
            "bedrock",
        )
    )
    problems = [(item.reason, item.at.pointer) for item in items if isinstance(item, LoadError)]
    assert problems == [("not a message: it has no role", "/1")]
    assert sum(len(item.steps) for item in items if isinstance(item, Trace)) == 1


NAMES = tuple(
    "messages role content text toolUse toolUseId toolResult name input status output message stopReason usage metadata toolConfig system".split()
)
WORDS = tuple("user assistant error t1 go".split())


@given(st.lists(records(NAMES, WORDS), max_size=5), records(NAMES, WORDS))
def test_no_records_at_all_make_it_raise(values: list[JSON], inner: JSON) -> None:
    assert_survives("bedrock", [*values, inner])
    assert_survives("bedrock", dict.fromkeys(NAMES[:6], inner))
