"""Loop: what its issues say of place, cost and severity."""

from __future__ import annotations

from pisama.detectors.loop import Loop
from pisama.issue import Level
from pisama.transcript import parse


def _failing(times: int) -> str:
    line = 'agent [tokens=900/100 cost=0.02]: Again.\n  book(date="2026-13-40") -> error: invalid date\n'
    return "task: Book.\n" + line * times + "agent [tokens=1000/0]: It is booked.\n"


def test_the_summary_names_the_calls_the_tokens_and_the_money() -> None:
    (issue,) = Loop().check(parse(_failing(6)))
    assert issue.summary == (
        "book was called 6 times with the same arguments and failed with “invalid date”: "
        "5 needless calls, 5,000 tokens, $0.1000."
    )


def test_six_identical_failures_are_high_and_more_are_worse() -> None:
    severities = [next(Loop().check(parse(_failing(times)))).severity for times in (3, 6, 12)]
    assert severities == sorted(severities)
    assert [Level.of(severity) for severity in severities] == [Level.MEDIUM, Level.HIGH, Level.CRITICAL]


def test_reading_the_same_again_weighs_less_than_failing_again() -> None:
    reading = _failing(6).replace(
        "error: invalid date", "free seats: 4, 7 and 12 in the second row of the train to Bergen"
    )
    assert next(Loop().check(parse(reading))).severity < next(Loop().check(parse(_failing(6)))).severity


def test_the_issue_stands_at_the_first_needless_step_and_its_evidence_goes_on_to_the_last() -> None:
    (issue,) = Loop().check(parse(_failing(20)))
    assert (issue.step, issue.evidence[0].step, issue.evidence[-1].step) == (1, 1, 19)
    assert len(issue.evidence) == Loop().max_evidence


def test_the_same_loop_entered_twice_is_one_issue() -> None:
    other = 'agent: read(path="a") -> a long list of the things that were found there\n'
    lines = _failing(3).splitlines(keepends=True)
    again = "".join([*lines[:-1], other, *lines[1:]])
    (issue,) = Loop().check(parse(again))
    assert issue.summary.startswith("book was called 6 times")


def test_the_fingerprint_does_not_depend_on_where_the_loop_stands() -> None:
    early, late = (
        parse(_failing(3)),
        parse(_failing(3).replace("task: Book.\n", "task: Book.\nagent: Hello.\n")),
    )
    assert next(Loop().check(early)).fingerprint == next(Loop().check(late)).fingerprint


def test_a_retry_that_succeeds_within_the_limit_is_no_loop_and_beyond_it_is() -> None:
    def run(failures: int) -> list[str]:
        done = 'agent: book(date="2026-13-40") -> booked\n'
        lines = _failing(failures).splitlines(keepends=True)
        return [issue.signal for issue in Loop().check(parse("".join([*lines[:-1], done])))]

    assert (run(5), run(6)) == ([], ["failing"])
