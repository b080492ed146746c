"""Which repetitions of calls are loops."""

from __future__ import annotations

import pytest

from pisama.features import features
from pisama.loops import Bounds, call_loops
from pisama.transcript import parse

BOUNDS = Bounds(
    min_repeats=3,
    retry_limit=5,
    poll_limit=10,
    max_period=12,
    scattered_repeats=4,
    reread_repeats=6,
    stalled_calls=5,
)
LONG = "free seats: 4, 7 and 12 in the second row of the train from Oslo to Bergen"


def _loops(*lines: str) -> list[tuple[str, int]]:
    trace = parse("\n".join(("task: Book a seat.", *(f"agent: {line}" for line in lines), "agent: Done.")))
    return [(loop.kind, len(loop.calls)) for loop in call_loops(trace, features(trace), BOUNDS)]


def _between(line: str, times: int) -> list[str]:
    """A call that is made so many times, each time with other work before it."""
    return [act for number in range(times) for act in (f'note(text="seat {number}") -> kept {number}', line)]


@pytest.mark.parametrize(
    ("times", "result", "found"),
    [
        (6, LONG, [("reread", 6)]),
        (5, LONG, []),
        (6, "ok", []),
        (4, "error: no such train", [("scattered", 4)]),
        (3, "error: no such train", []),
    ],
)
def test_between_other_work_failing_again_is_a_loop_sooner_than_reading_again(
    times: int, result: str, found: list[tuple[str, int]]
) -> None:
    assert _loops(*_between(f'read(train="7") -> {result}', times)) == found


def test_failures_between_other_work_are_none_when_the_call_works_in_the_end() -> None:
    failing = _between('read(train="7") -> error: no such train', 4)
    assert _loops(*failing, f'read(train="7") -> {LONG}') == []
    assert _loops(*failing, f'read(train="8") -> {LONG}') == [("scattered", 4)]


def test_calls_without_recorded_results_are_a_loop_of_low_severity_that_says_so() -> None:
    trace = parse("task: Book.\n" + 'agent: find(train="7")\n' * 4 + 'agent: find(train="8") -> seat 4')
    (loop,) = call_loops(trace, features(trace), BOUNDS)
    assert (loop.kind, loop.severity) == ("unrecorded", 27)
    assert loop.told() == "find was called 4 times with the same arguments and no result was recorded"


@pytest.mark.parametrize(
    ("line", "times", "is_loop"),
    [
        (f'read(train="7") -> {LONG}', 3, True),
        ('build_status(id="7") -> running', 9, False),
        ('build_status(id="7") -> running', 10, True),
        ('page_down(by="1") -> ok', 9, False),
        ('page_down(by="1") -> ok', 10, True),
        (f'think(thought="{LONG}") -> noted that the seats are free', 9, False),
        (f'think(thought="{LONG}") -> noted that the seats are free', 10, True),
    ],
)
def test_waiting_paging_and_thinking_may_repeat_longer_than_reading(
    line: str, times: int, is_loop: bool
) -> None:
    assert bool(_loops(*[line] * times)) is is_loop
    assert _loops(*[line] * 2) == []
