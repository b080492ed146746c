from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pisama.loaders import load
from pisama.report import LoadError
from pisama.trace import JSON, Trace
from tests.loaders.golden import TRACES, assert_golden, assert_survives, recognised
from tests.loaders.hostile import records

FOLDER = TRACES / "agno"


@pytest.mark.parametrize(("name", "golden"), [("run_output.json", "run_output.txt")])
def test_each_recorded_run_is_recognised_and_read_whole(name: str, golden: str) -> None:
    assert recognised(FOLDER / name) == "agno"
    assert_golden(FOLDER / name, golden)


def test_a_bad_record_is_named_and_the_rest_is_read() -> None:
    items = list(
        load(
            {
                "run_id": "r",
                "agent_name": "a",
                "messages": [{"role": "user", "content": "Go"}, 7, {"role": "assistant", "content": "Going"}],
            },
            "agno",
        )
    )
    problems = [(item.reason, item.at.pointer) for item in items if isinstance(item, LoadError)]
    assert problems == [("not a message: it has no role", "/messages/1")]
    assert sum(len(item.steps) for item in items if isinstance(item, Trace)) == 1


def test_each_run_of_a_stored_session_is_a_run() -> None:
    runs: list[JSON] = [
        {"run_id": name, "agent_name": "a", "messages": [{"role": "assistant", "content": "Hi"}]}
        for name in ("r1", "r2")
    ]
    items = load({"session_id": "s", "runs": runs})
    assert [item.id for item in items if isinstance(item, Trace)] == ["r1", "r2"]


NAMES = tuple(
    "run_id agent_name messages member_responses role content tool_calls metrics tool_call_error from_history status".split()
)
WORDS = tuple("user assistant tool COMPLETED r a".split())


@given(st.lists(records(NAMES, WORDS), max_size=5), records(NAMES, WORDS))
def test_no_records_at_all_make_it_raise(values: list[JSON], inner: JSON) -> None:
    assert_survives("agno", [*values, inner])
    assert_survives("agno", dict.fromkeys(NAMES[:6], inner))
