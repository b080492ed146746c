from dataclasses import replace

from pisama.output.as_github import render
from pisama.report import Report
from tests.output.reports import CLAIM, SEVERAL, trace_report


def test_annotations_come_worst_first_after_what_could_not_be_read() -> None:
    assert render(SEVERAL).splitlines() == [
        "::error file=broken.json,line=1,title=not readable::not JSON: line 1, column 1",
        "::error file=run.jsonl,line=7,title=hallucination (critical%2C confidence 0.90)::booker, step 3: "
        "“It is booked.” is claimed although book_flight failed. Fix: Let the agent report failure.",
        "::warning title=loop (medium%2C confidence 0.50)::booker, step 1: search_flights was called twice. Fix: Cap it.",
        "::warning title=loop (medium%2C confidence 0.50)::booker, step 1: search_flights was called twice. Fix: Cap it.",
    ]


def test_words_of_a_trace_start_no_command() -> None:
    hostile = replace(CLAIM, summary="x\n::set-output name=a::b%0A::error::c\r\n::add-mask::d")
    assert render(Report((trace_report(hostile),))).splitlines() == [
        "::error file=run.jsonl,line=7,title=hallucination (critical%2C confidence 0.90)::booker, step 3: "
        "x ::set-output name=a::b%250A::error::c· ::add-mask::d Fix: Let the agent report failure.",
    ]
