from dataclasses import replace
from inspect import cleandoc
from xml.etree import ElementTree as Xml

from pisama.output.as_junit import render
from pisama.report import Crashed, Report
from tests.output.reports import CLAIM, EMPTY, trace_report


def test_a_suite_a_trace_and_a_case_a_detector() -> None:
    claim = replace(CLAIM, summary="It is claimed.")
    crashed = replace(trace_report(claim), crashed=(Crashed("corruption", "KeyError: 'x'"),))
    report = Report((crashed,), EMPTY.errors)
    assert render(report).rstrip() == cleandoc(
        """
        <?xml version="1.0" encoding="utf-8"?>
        <testsuites name="pisama" tests="6" failures="1" errors="2">
          <testsuite name="input run-1" tests="5" failures="1" errors="1" skipped="2">
            <testcase classname="pisama" name="loop" />
            <testcase classname="pisama" name="hallucination">
              <failure type="critical" message="It is claimed.">critical (confidence 0.90) booker, step 3: It is claimed.
          step 3: It is booked. (the claim)
          step 2: payment service unavailable (the last result of book_flight)
          fix: Let the agent report failure.</failure>
            </testcase>
            <testcase classname="pisama" name="corruption">
              <error message="KeyError: 'x'" />
            </testcase>
            <testcase classname="pisama" name="overflow">
              <skipped message="the trace does not record times" />
            </testcase>
            <testcase classname="pisama" name="retrieval">
              <skipped message="the trace does not record times" />
            </testcase>
          </testsuite>
          <testsuite name="input" tests="1" failures="0" errors="1" skipped="0">
            <testcase classname="pisama" name="read broken.json:1">
              <error message="not JSON: line 1, column 1" />
            </testcase>
          </testsuite>
        </testsuites>
        """
    )


def test_words_of_a_trace_cannot_break_the_xml() -> None:
    hostile = replace(CLAIM, summary="</failure>]]>\x00\x1b\ufffe\ud800&amp;\U0001f600")
    root = Xml.fromstring(render(Report((trace_report(hostile),))))  # noqa: S314 - written above
    (failure,) = root.iter("failure")
    assert failure.get("message") == "</failure>]]>\ufffd\ufffd\ufffd\ufffd&amp;\U0001f600"
