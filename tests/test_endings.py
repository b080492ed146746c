"""What ended a run that came to no answer."""

from __future__ import annotations

import pytest

from pisama.endings import (
    acts_after_answer,
    fatal_call,
    fatal_rejection,
    is_rate_limited,
    is_too_long,
    records_words,
)
from pisama.features import features
from pisama.trace import Step, ToolCall, Trace
from pisama.transcript import parse


def _died_of(transcript: str) -> str | None:
    call = fatal_call(parse(transcript))
    return call.name if call is not None else None


def test_a_run_dies_of_the_failed_call_it_ends_on() -> None:
    assert _died_of("task: Book.\nagent: find() -> HAT136\nagent: book() -> error: no seats") == "book"


@pytest.mark.parametrize(
    "ending",
    [
        "agent: No seats are left.",
        "answer: No seats are left.",
        "outcome: max_steps",
        "outcome: interrupted",
        "unfinished",
    ],
)
def test_a_run_that_went_on_or_was_stopped_did_not_die_of_the_call(ending: str) -> None:
    assert _died_of(f"task: Book.\nagent: book() -> error: no seats\n{ending}") is None


def test_one_failed_call_of_two_ends_a_run_only_when_the_record_says_that_it_failed() -> None:
    both = "task: Book.\nagent: Both.\n  book(seat=1) -> error: no seats\n  book(seat=2) -> booked"
    assert _died_of(both) is None
    assert _died_of(f"{both}\noutcome: error") == "book"


def test_a_command_that_reports_a_failure_does_not_end_a_run_but_one_that_is_marked_as_failed_may() -> None:
    reported = "task: Build.\nagent: bash(command='make') -> Exit code 2\\nno rule\noutcome: error"
    marked = "task: Build.\nagent: bash(command='make') -> error: the sandbox is gone\noutcome: error"
    assert (_died_of(reported), _died_of(marked)) == (None, "bash")


def test_where_words_are_not_recorded_a_missing_answer_means_nothing() -> None:
    silent = Trace("t", "otlp", steps=(Step(0, "agent", tool_calls=(ToolCall("book", error="no seats"),)),))
    assert (records_words(silent), fatal_call(silent)) == (False, None)


def test_a_model_call_that_failed_ends_a_run_unless_another_follows() -> None:
    failed = "task: Book.\nagent [error=bad_request]:"
    step = fatal_rejection(parse(failed))
    assert step is not None
    assert step.error == "bad_request"
    assert fatal_rejection(parse(f"{failed}\nagent: Booked.")) is None


@pytest.mark.parametrize(
    ("message", "too_long", "rate_limited"),
    [
        ("Prompt is too long", True, False),
        ("Error code: 429 - Rate limit reached for requests", False, True),
        ("Error code: 400 - Unsupported parameter", False, False),
    ],
)
def test_limits_are_told_apart_from_other_rejections(
    message: str, too_long: bool, rate_limited: bool
) -> None:
    assert (is_too_long(message), is_rate_limited(message)) == (too_long, rate_limited)


@pytest.mark.parametrize(
    ("answer", "between", "act", "goes_on"),
    [
        ("final_answer(answer='14') -> ok", "", "search(query='boats') -> 14", True),
        ("final_answer(answer='14') -> ok", "", "think(thought='done') -> ok", False),
        ("final_answer(answer='14') -> ok", "user: And in Bergen?\n", "search(query='boats') -> 14", False),
        ("final_answer(answer='14') -> error: no units", "", "search(query='boats') -> 14", False),
        ("final_answer(answer='14') -> ok\n  save(key='14') -> ok", "", "search(query='boats') -> 14", False),
    ],
)
def test_an_agent_goes_on_after_its_answer_when_it_acts_again_unasked(
    answer: str, between: str, act: str, goes_on: bool
) -> None:
    trace = parse(f"task: How many boats are in Oslo?\nagent: {answer}\n{between}agent: {act}")
    found = [(step.index, call.step.index) for step, call in acts_after_answer(trace, features(trace))]
    assert found == ([(0, 1)] if goes_on else [])
