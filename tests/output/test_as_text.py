from inspect import cleandoc

import pytest

from pisama.output.as_text import render
from pisama.report import Report
from pisama.trace import Trace
from tests.output.reports import CLAIM, EMPTY, FAILED, QUIET, SEVERAL, trace_report


def _is(report: Report, expected: str) -> None:
    assert render(report, width=90).rstrip("\n") == cleandoc(expected)


def test_a_failed_run_is_shown_verdict_first_then_issues_then_the_run() -> None:
    _is(
        FAILED,
        """
        input · transcript · 2 agents · 4 steps
        FAILED  the agent is at fault: “It is booked.” is claimed although book_flight failed.

        task            “Book a flight.”
        worked          search_flights (1 of 1)
        did not work    book_flight (1 of 1)  “payment service unavailable”

         1 critical hallucination  booker, step 3 · severity 85, confidence 0.90 · line 7
           “It is booked.” is claimed although book_flight failed.
           │ step 3  “It is booked.”  the claim
           │ step 2  “payment service unavailable”  the last result of book_flight
           fix  Let the agent report failure.

         2 medium loop  booker, step 1 · severity 45, confidence 0.50 · span ab12
           search_flights was called twice.
           │ step 1  “SK803”  6 times
           fix  Cap it.

        planner         ·
        booker           ●✗·
        issues           ▲ ▲
                        steps 0 to 3   · words  ● calls  ✗ failed call  ▲ issue

        totals          4 steps · 2 tool calls (1 failed) · 300 tokens in, 30 out · 0.0125 USD ·
                        1.5 s
        not shown       1 issue under the severity or confidence asked for
        could not run   overflow, retrieval: the trace does not record times
        """,
    )


def test_a_run_without_issues_is_not_called_healthy() -> None:
    _is(
        QUIET,
        """
        input · transcript · 2 agents · 4 steps
        NOTHING FOUND  2 of 4 detectors could look at this run and found nothing. That is no proof
        of health.

        task            “Book a flight.”
        worked          search_flights (1 of 1)
        did not work    book_flight (1 of 1)  “payment service unavailable”

        planner         ·
        booker           ●✗·
                        steps 0 to 3   · words  ● calls  ✗ failed call  ▲ issue

        totals          4 steps · 2 tool calls (1 failed) · 300 tokens in, 30 out · 0.0125 USD ·
                        1.5 s
        not shown       1 issue under the severity or confidence asked for
        could not run   overflow, retrieval: the trace does not record times
        """,
    )


OVERVIEW = """
failed         run-1  critical hallucination (+1) at step 3: “It is booked.” is claimed a…
nothing found  run-1
suspect        run-1  medium loop at step 1: search_flights was called twice.

traces          1 failed, 1 suspect, 1 nothing found
read as         transcript
issues          2 loop, 1 hallucination
not shown       3 issues under the severity or confidence asked for
could not run   overflow (3), retrieval (3): too little is recorded in that many traces
unreadable      1 input: broken.json:1: not JSON: line 1, column 1
"""


def test_a_few_runs_are_an_overview_and_then_each_in_full() -> None:
    each = [render(Report(traces=(trace,)), width=90) for trace in SEVERAL.traces]
    assert render(SEVERAL, width=90) == f"\n{'─' * 90}\n".join([OVERVIEW[1:], *each])


def test_many_runs_are_an_overview_that_says_how_to_see_one() -> None:
    many = Report(traces=SEVERAL.traces * 2)
    assert render(many, width=90).splitlines() == [
        *(OVERVIEW.splitlines()[1:4] * 2),
        "",
        "traces          2 failed, 2 suspect, 2 nothing found",
        "read as         transcript",
        "issues          4 loop, 2 hallucination",
        "not shown       6 issues under the severity or confidence asked for",
        "could not run   overflow (6), retrieval (6): too little is recorded in that many traces",
        "in full         analyze one of them alone, or use --format json",
    ]


def test_what_could_not_be_read_is_counted_and_the_first_named() -> None:
    _is(
        EMPTY,
        """
        unreadable      1 input: broken.json:1: not JSON: line 1, column 1
        """,
    )


def test_colour_is_written_only_when_asked_for() -> None:
    assert "\x1b[" not in render(FAILED)
    assert "\x1b[" in render(FAILED, color=True)


@pytest.mark.parametrize(
    "hostile", ["\x1b[2J", "\x07", "\x9b31m", "\u202e", "\r", "[bold]x[/bold]\x1b]8;;http://x\x07"]
)
def test_words_of_the_trace_cannot_steer_the_terminal(hostile: str) -> None:
    trace = Trace(id=f"id{hostile}", format="transcript", task=f"do{hostile}it", agents=(f"a{hostile}b",))
    issue = type(CLAIM)(
        **{
            **{name: getattr(CLAIM, name) for name in CLAIM.__slots__},
            "summary": f"s{hostile}.",
            "agent": f"a{hostile}",
        }
    )
    for report in (
        Report((trace_report(issue, trace=trace),)),
        Report((trace_report(issue, trace=trace),) * 2),
    ):
        text = render(report)
        assert not set(text) & {"\x1b", "\x07", "\x9b", "\u202e", "\r"}
