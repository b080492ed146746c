from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pisama.loaders import load
from pisama.report import LoadError
from pisama.trace import JSON, Trace
from tests.loaders.golden import TRACES, assert_golden, assert_survives, recognised
from tests.loaders.hostile import records

FOLDER = TRACES / "crewai"


@pytest.mark.parametrize(
    ("name", "golden"),
    [("output.json", "output.txt"), ("log.json", "log.txt"), ("log_text.txt", "log_text.outline.txt")],
)
def test_each_recorded_run_is_recognised_and_read_whole(name: str, golden: str) -> None:
    assert recognised(FOLDER / name) == "crewai"
    assert_golden(FOLDER / name, golden)


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
    assert_survives("crewai", [*values, inner])
    assert_survives("crewai", dict.fromkeys(NAMES[:6], inner))
