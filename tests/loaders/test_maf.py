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

FOLDER = TRACES / "maf"


@pytest.mark.parametrize(("name", "golden"), [("response.json", "response.txt")])
def test_each_recorded_run_is_recognised_and_read_whole(name: str, golden: str) -> None:
    assert recognised(FOLDER / name) == "maf"
    assert_golden(FOLDER / name, golden)


def test_a_bad_record_is_named_and_the_rest_is_read() -> None:
    items = list(
        load(
            {
                "type": "agent_response",
                "messages": [
                    {"role": "user", "contents": [{"type": "text", "text": "Go"}]},
                    7,
                    {"role": "assistant", "author_name": "a", "contents": []},
                ],
            },
            "maf",
        )
    )
    problems = [(item.reason, item.at.pointer) for item in items if isinstance(item, LoadError)]
    assert problems == [("not a message: it has no role", "/messages/1")]
    assert sum(len(item.steps) for item in items if isinstance(item, Trace)) == 1


def test_the_tokens_of_the_whole_run_are_kept_apart_from_its_steps() -> None:
    trace = one_trace(FOLDER / "response.json")
    assert trace.metadata == {"input_tokens": 70, "output_tokens": 9}
    assert [step.usage for step in trace.steps] == [None, None]


NAMES = tuple(
    "messages type role contents author_name text call_id name arguments result exception usage_details".split()
)
WORDS = tuple("agent_response function_call function_result text assistant tool".split())


@given(st.lists(records(NAMES, WORDS), max_size=5), records(NAMES, WORDS))
def test_no_records_at_all_make_it_raise(values: list[JSON], inner: JSON) -> None:
    assert_survives("maf", [*values, inner])
    assert_survives("maf", dict.fromkeys(NAMES[:6], inner))
