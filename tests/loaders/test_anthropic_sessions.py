from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pisama.loaders import load
from pisama.report import LoadError
from pisama.trace import JSON, Trace
from tests.loaders.golden import TRACES, assert_golden, assert_survives, recognised
from tests.loaders.hostile import records

FOLDER = TRACES / "anthropic_sessions"


@pytest.mark.parametrize(("name", "golden"), [("session.jsonl", "session.txt")])
def test_each_recorded_run_is_recognised_and_read_whole(name: str, golden: str) -> None:
    assert recognised(FOLDER / name) == "anthropic-sessions"
    assert_golden(FOLDER / name, golden)


def test_a_bad_record_is_named_and_the_rest_is_read() -> None:
    items = list(
        load(
            [
                {
                    "type": "agent.message",
                    "processed_at": "2026-03-01T10:00:00Z",
                    "content": [{"type": "text", "text": "Going"}],
                },
                7,
            ],
            "anthropic-sessions",
        )
    )
    problems = [(item.reason, item.at.pointer) for item in items if isinstance(item, LoadError)]
    assert problems == [("not an event of a session", "/1")]
    assert sum(len(item.steps) for item in items if isinstance(item, Trace)) == 1


NAMES = tuple(
    "type processed_at id content input name custom_tool_use_id is_error model_usage agent data events stop_reason".split()
)
WORDS = tuple(
    "agent.message agent.tool_use user.message session.status_idle span.model_request_end session".split()
)


@given(st.lists(records(NAMES, WORDS), max_size=5), records(NAMES, WORDS))
def test_no_records_at_all_make_it_raise(values: list[JSON], inner: JSON) -> None:
    assert_survives("anthropic-sessions", [*values, inner])
    assert_survives("anthropic-sessions", dict.fromkeys(NAMES[:6], inner))
