from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pisama.loaders import load, open_document, sniff
from pisama.loaders.agno import AgnoLoader
from pisama.report import LoadError
from pisama.trace import JSON, Trace
from tests.loaders.golden import TRACES, assert_survives, expected
from tests.loaders.hostile import records
from tests.loaders.outline import outline

FOLDER = TRACES / "agno"


@pytest.mark.parametrize("name", ["run_output.json"])
def test_each_recorded_run_is_recognised_and_read_whole(name: str) -> None:
    document = open_document(FOLDER / name)
    assert not isinstance(document, LoadError)
    found = sniff(document)
    assert not isinstance(found, LoadError)
    assert found.id == "agno"
    assert outline(FOLDER / name) == expected(FOLDER / name)


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


NAMES = tuple(
    "run_id agent_name messages member_responses role content tool_calls metrics tool_call_error from_history status".split()
)
WORDS = tuple("user assistant tool COMPLETED r a".split())


@given(st.lists(records(NAMES, WORDS), max_size=5), records(NAMES, WORDS))
def test_no_records_at_all_make_it_raise(values: list[JSON], inner: JSON) -> None:
    assert_survives(AgnoLoader(), [*values, inner])
    assert_survives(AgnoLoader(), dict.fromkeys(NAMES[:6], inner))
