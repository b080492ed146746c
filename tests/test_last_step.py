"""Last steps that are no end of a run."""

from __future__ import annotations

import pytest

from pisama.features import features
from pisama.last_step import broken_off
from pisama.trace import Message, Step, ToolCall, Trace
from pisama.transcript import parse


def _signals(trace: Trace) -> list[str]:
    return [found.signal for found in broken_off(trace, features(trace))]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("I have the page. Now I will search for the year.", ["midway"]),
        ("I have the page. Now I will search for the year, as you like.", []),
        ("I have the page. Now I will search for the year. TERMINATE", []),
        ("I have the page. Now I will search for the year. Shall I?", []),
    ],
)
def test_work_that_is_announced_is_the_end_only_where_it_is_somebody_elses_turn(
    words: str, found: list[str]
) -> None:
    run = "task: When was the bridge built?\nagent: open(page='bridges') -> a list of bridges\nagent: "
    assert _signals(parse(run + words)) == found


@pytest.mark.parametrize(
    ("error", "found"),
    [
        ("invalid request: tools[0] has no name", ["rejected"]),
        ("context_length_exceeded", []),
        ("Error code: 429 - rate limit exceeded", []),
    ],
)
def test_a_rejected_model_call_ends_a_run_unless_it_went_over_a_limit(error: str, found: list[str]) -> None:
    steps = (Step(0, "agent", "I look.", seen=(Message("user", "Look."),)), Step(1, "agent", error=error))
    assert _signals(Trace(id="run", format="test", steps=steps)) == found


@pytest.mark.parametrize(
    ("words", "result", "found"),
    [
        ("I open it.", "a list of bridges", ["unfinished"]),
        ("", "a list of bridges", []),
        ("I open it.", None, []),
    ],
)
def test_a_run_ends_on_a_call_only_where_words_and_results_were_recorded(
    words: str, result: str | None, found: list[str]
) -> None:
    last = Step(1, "agent", tool_calls=(ToolCall("open", {"page": "bridges"}, result=result),))
    assert _signals(Trace(id="run", format="test", steps=(Step(0, "agent", words), last))) == found


def test_an_empty_end_says_nothing_where_no_words_were_recorded() -> None:
    spoken = parse("task: Look.\nagent: I look.\nagent:")
    silent = parse("task: Look.\nagent: open(page='bridges') -> a list of bridges\nagent:")
    assert (_signals(spoken), _signals(silent)) == (["empty"], [])
