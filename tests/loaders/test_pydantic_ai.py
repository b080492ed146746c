from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pisama.loaders import load
from pisama.report import LoadError
from pisama.trace import JSON, Trace
from tests.loaders.golden import TRACES, assert_golden, assert_survives, recognised
from tests.loaders.hostile import records

FOLDER = TRACES / "pydantic_ai"


@pytest.mark.parametrize(
    ("name", "golden"), [("version_1.json", "version_1.txt"), ("version_2.json", "version_2.txt")]
)
def test_each_recorded_run_is_recognised_and_read_whole(name: str, golden: str) -> None:
    assert recognised(FOLDER / name) == "pydantic-ai"
    assert_golden(FOLDER / name, golden)


def test_a_bad_record_is_named_and_the_rest_is_read() -> None:
    items = list(
        load(
            [
                {"kind": "request", "parts": [{"part_kind": "user-prompt", "content": "Go"}]},
                7,
                {"kind": "response", "parts": [{"part_kind": "text", "content": "Going"}]},
            ],
            "pydantic-ai",
        )
    )
    problems = [(item.reason, item.at.pointer) for item in items if isinstance(item, LoadError)]
    assert problems == [("neither a request nor a response", "/1")]
    assert sum(len(item.steps) for item in items if isinstance(item, Trace)) == 1


NAMES = tuple(
    "kind parts part_kind content tool_name args tool_call_id outcome usage model_name timestamp finish_reason provider_details instructions run_id".split()
)
WORDS = tuple("request response text tool-call tool-return retry-prompt user-prompt failed".split())


@given(st.lists(records(NAMES, WORDS), max_size=5), records(NAMES, WORDS))
def test_no_records_at_all_make_it_raise(values: list[JSON], inner: JSON) -> None:
    assert_survives("pydantic-ai", [*values, inner])
    assert_survives("pydantic-ai", dict.fromkeys(NAMES[:6], inner))
