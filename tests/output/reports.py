"""Reports made by hand, so that what an output shows does not hang on what a detector finds."""

from __future__ import annotations

from pisama.issue import Evidence, Issue
from pisama.report import LoadError, Report, Skipped, ToolTotals, Totals, TraceReport
from pisama.trace import Location, Trace
from pisama.transcript import parse

TRACE = parse(
    """
    task: Book a flight.
    tools: search_flights(day), book_flight(number)
    planner -> booker [tokens=100/10]: Please book SK803.
    booker [tokens=200/20 start=0 end=1.5]: I will look first.
      search_flights(day="2026-05-12") -> SK803
    booker: book_flight(number="SK803") -> error: payment service unavailable
    booker: It is booked.
    """,
    identity="run-1",
)

CLAIM = Issue(
    type="hallucination",
    signal="false_success",
    summary="“It is booked.” is claimed although book_flight failed.",
    severity=85,
    confidence=0.9,
    recommendation="Let the agent report failure.",
    agent="booker",
    step=3,
    span_id=None,
    evidence=(
        Evidence("It is booked.", step=3, note="the claim"),
        Evidence("payment service unavailable", step=2, call=0, note="the last result of book_flight"),
    ),
    fingerprint="0123456789abcdef",
    at=Location("run.jsonl", 7, "/steps/3"),
)

REPEAT = Issue(
    type="loop",
    signal="identical",
    summary="search_flights was called twice.",
    severity=45,
    confidence=0.5,
    recommendation="Cap it.",
    agent="booker",
    step=1,
    span_id="ab12",
    evidence=tuple(Evidence("SK803", step=1, call=0) for _ in range(6)),
    fingerprint="fedcba9876543210",
    fault="tool",
)


def trace_report(*issues: Issue, trace: Trace = TRACE) -> TraceReport:
    """A report on the trace above with these issues."""
    return TraceReport(
        trace=trace,
        issues=issues,
        totals=Totals(4, 2, 1, 300, 30, 0.0125, 1.5),
        tools=(
            ToolTotals("search_flights", 1, 0, 0),
            ToolTotals("book_flight", 1, 1, 0, "payment service unavailable"),
        ),
        ran=("loop", "hallucination"),
        skipped=(
            Skipped("overflow", "the trace does not record times"),
            Skipped("retrieval", "the trace does not record times"),
        ),
        hidden=(REPEAT,),
    )


UNREADABLE = LoadError("not JSON: line 1, column 1", Location("broken.json", 1), fatal=True)
FAILED = Report((trace_report(CLAIM, REPEAT),))
QUIET = Report((trace_report(),))
SEVERAL = Report((trace_report(CLAIM, REPEAT), trace_report(), trace_report(REPEAT)), (UNREADABLE,))
EMPTY = Report((), (UNREADABLE,))
