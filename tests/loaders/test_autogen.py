from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pisama.loaders import load, open_document, sniff
from pisama.loaders.autogen import AutoGenLoader
from pisama.report import LoadError
from pisama.trace import JSON, Trace
from tests.loaders.golden import TRACES, assert_survives, expected
from tests.loaders.hostile import records
from tests.loaders.outline import outline

FOLDER = TRACES / "autogen"


@pytest.mark.parametrize("name", ["team_state.json", "contexts.json"])
def test_each_recorded_run_is_recognised_and_read_whole(name: str) -> None:
    document = open_document(FOLDER / name)
    assert not isinstance(document, LoadError)
    found = sniff(document)
    assert not isinstance(found, LoadError)
    assert found.id == "autogen"
    assert outline(FOLDER / name) == expected(FOLDER / name)


def test_a_bad_record_is_named_and_the_rest_is_read() -> None:
    items = list(
        load(
            [
                {"source": "user", "type": "TextMessage", "content": "Go"},
                7,
                {"source": "a", "type": "TextMessage", "content": "Going"},
            ],
            "autogen",
        )
    )
    problems = [(item.reason, item.at.pointer) for item in items if isinstance(item, LoadError)]
    assert problems == [("not a message", "/1")]
    assert sum(len(item.steps) for item in items if isinstance(item, Trace)) == 1


NAMES = tuple(
    "agent_states type llm_context messages message_thread agent_state content source models_usage id name arguments call_id is_error".split()
)
WORDS = tuple("TeamState TextMessage UserMessage AssistantMessage ToolCallRequestEvent user a".split())


@given(st.lists(records(NAMES, WORDS), max_size=5), records(NAMES, WORDS))
def test_no_records_at_all_make_it_raise(values: list[JSON], inner: JSON) -> None:
    assert_survives(AutoGenLoader(), [*values, inner])
    assert_survives(AutoGenLoader(), dict.fromkeys(NAMES[:6], inner))
