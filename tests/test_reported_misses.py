"""Answers that go against the report before them."""

from __future__ import annotations

from pisama.reported_misses import ReportedMisses
from pisama.transcript import parse

MISSED = "agent: ask(q=1) -> The recording was not found, so no page numbers could be extracted from it.\n"


def _ignored(transcript: str) -> str | None:
    trace = parse(transcript)
    misses = ReportedMisses()
    for step in trace.steps:
        misses.hear(step)
    last = trace.steps[-1]
    miss = misses.ignored_by(last.text, last)
    return miss.words if miss is not None else None


def test_a_definite_answer_after_nothing_was_found_goes_against_the_report() -> None:
    assert _ignored(MISSED + "agent: Twelve and sixty") == "was not found"


def test_an_answer_that_gives_up_too_does_not() -> None:
    assert _ignored(MISSED + "agent: The pages could not be determined") is None


def test_an_answer_out_of_what_was_told_before_does_not() -> None:
    told = "agent: ask(q=0) -> The list on the board says that pages twelve and sixty are to be read.\n"
    assert _ignored(told + MISSED + "agent: Twelve and sixty") is None


def test_a_later_report_takes_the_place_of_an_earlier_one() -> None:
    later = "agent: ask(q=2) -> A second look at it: the lecturer recommends two chapters in all.\n"
    assert _ignored(MISSED + later + "agent: Twelve and sixty") is None


def test_a_bare_yes_is_not_judged() -> None:
    assert _ignored(MISSED + "agent: yes") is None
