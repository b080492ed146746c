from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pisama.loaders import load, open_document, sniff
from pisama.loaders.pydantic_ai import PydanticAILoader
from pisama.report import LoadError
from pisama.trace import JSON, Trace
from tests.loaders.golden import TRACES, assert_survives, expected
from tests.loaders.hostile import records
from tests.loaders.outline import outline

FOLDER = TRACES / "pydantic_ai"


@pytest.mark.parametrize("name", ["version_1.json", "version_2.json"])
def test_each_recorded_run_is_recognised_and_read_whole(name: str) -> None:
    document = open_document(FOLDER / name)
    assert not isinstance(document, LoadError)
    found = sniff(document)
    assert not isinstance(found, LoadError)
    assert found.id == "pydantic-ai"
    assert outline(FOLDER / name) == expected(FOLDER / name)


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
    assert_survives(PydanticAILoader(), [*values, inner])
    assert_survives(PydanticAILoader(), dict.fromkeys(NAMES[:6], inner))
