from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pisama.loaders import load
from pisama.report import LoadError
from pisama.trace import JSON, Trace
from tests.loaders.golden import TRACES, assert_golden, assert_survives, recognised
from tests.loaders.hostile import records

FOLDER = TRACES / "crewai_events"


@pytest.mark.parametrize(("name", "golden"), [("events.jsonl", "events.txt")])
def test_each_recorded_run_is_recognised_and_read_whole(name: str, golden: str) -> None:
    assert recognised(FOLDER / name) == "crewai-events"
    assert_golden(FOLDER / name, golden)


def test_a_bad_record_is_named_and_the_rest_is_read() -> None:
    items = list(
        load(
            [{"type": "llm_call_completed", "event_id": "e", "emission_sequence": 1, "response": "Going"}, 7],
            "crewai-events",
        )
    )
    problems = [(item.reason, item.at.pointer) for item in items if isinstance(item, LoadError)]
    assert problems == [("not an event of CrewAI", "/1")]
    assert sum(len(item.steps) for item in items if isinstance(item, Trace)) == 1


NAMES = tuple(
    "type event_id emission_sequence task_id agent_role call_id messages response tools tool_name tool_args output error usage role content".split()
)
WORDS = tuple(
    "llm_call_started llm_call_completed tool_usage_started tool_usage_finished tool_usage_error task_started".split()
)


@given(st.lists(records(NAMES, WORDS), max_size=5), records(NAMES, WORDS))
def test_no_records_at_all_make_it_raise(values: list[JSON], inner: JSON) -> None:
    assert_survives("crewai-events", [*values, inner])
    assert_survives("crewai-events", dict.fromkeys(NAMES[:6], inner))
