from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pisama.loaders import load
from pisama.report import LoadError
from pisama.trace import JSON, Trace
from tests.loaders.golden import TRACES, assert_golden, assert_survives, recognised
from tests.loaders.hostile import records

FOLDER = TRACES / "autogen"


@pytest.mark.parametrize(
    ("name", "golden"), [("team_state.json", "team_state.txt"), ("contexts.json", "contexts.txt")]
)
def test_each_recorded_run_is_recognised_and_read_whole(name: str, golden: str) -> None:
    assert recognised(FOLDER / name) == "autogen"
    assert_golden(FOLDER / name, golden)


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


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [
        ("Maximum number of messages 10 reached, current message count: 10", "max_steps"),
        ("Text 'TERMINATE' mentioned", None),
        ("Timeout limit reached", "timeout"),
    ],
)
def test_why_a_team_stopped_is_the_outcome_of_its_run(reason: str, outcome: str | None) -> None:
    said: JSON = {"source": "a", "type": "TextMessage", "content": "Hi"}
    (trace,) = load({"messages": [said], "stop_reason": reason})
    assert isinstance(trace, Trace)
    assert trace.outcome == outcome


NAMES = tuple(
    "agent_states type llm_context messages message_thread agent_state content source models_usage id name arguments call_id is_error".split()
)
WORDS = tuple("TeamState TextMessage UserMessage AssistantMessage ToolCallRequestEvent user a".split())


@given(st.lists(records(NAMES, WORDS), max_size=5), records(NAMES, WORDS))
def test_no_records_at_all_make_it_raise(values: list[JSON], inner: JSON) -> None:
    assert_survives("autogen", [*values, inner])
    assert_survives("autogen", dict.fromkeys(NAMES[:6], inner))
