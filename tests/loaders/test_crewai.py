from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pisama.loaders import load, open_document, sniff
from pisama.loaders.crewai import CrewAILoader
from pisama.report import LoadError
from pisama.trace import JSON, Trace
from tests.loaders.golden import TRACES, assert_survives, expected
from tests.loaders.hostile import records
from tests.loaders.outline import outline

FOLDER = TRACES / "crewai"


@pytest.mark.parametrize("name", ["output.json", "log.json", "log_text.txt"])
def test_each_recorded_run_is_recognised_and_read_whole(name: str) -> None:
    document = open_document(FOLDER / name)
    assert not isinstance(document, LoadError)
    found = sniff(document)
    assert not isinstance(found, LoadError)
    assert found.id == "crewai"
    assert outline(FOLDER / name) == expected(FOLDER / name)


def test_a_bad_record_is_named_and_the_rest_is_read() -> None:
    items = list(load({"tasks_output": [{"description": "Go", "agent": "a", "raw": "Going"}, 7]}, "crewai"))
    problems = [(item.reason, item.at.pointer) for item in items if isinstance(item, LoadError)]
    assert problems == [("not a task", "/tasks_output/1")]
    assert sum(len(item.steps) for item in items if isinstance(item, Trace)) == 1


NAMES = tuple(
    "tasks_output description agent raw messages role content tool_calls tool_failures token_usage task status timestamp output".split()
)
WORDS = tuple("started completed failed user assistant tool a".split())


@given(st.lists(records(NAMES, WORDS), max_size=5), records(NAMES, WORDS))
def test_no_records_at_all_make_it_raise(values: list[JSON], inner: JSON) -> None:
    assert_survives(CrewAILoader(), [*values, inner])
    assert_survives(CrewAILoader(), dict.fromkeys(NAMES[:6], inner))
