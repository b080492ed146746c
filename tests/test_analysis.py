"""What becomes of the detectors' findings on the way to a report."""

import json

import pytest

from pisama import Config, analyze
from pisama.issue import Issue
from pisama.output import as_json
from pisama.transcript import parse


def signals(issues: tuple[Issue, ...]) -> list[str]:
    return [f"{issue.type}.{issue.signal}" for issue in issues]


def test_one_failure_is_one_issue_however_many_detectors_saw_it() -> None:
    (report,) = analyze(
        parse(
            """
            task: Book flight HAT136 for me.
            agent: book_flight(flight="HAT136") -> error: no seats
            agent: book_flight(flight="HAT136") -> error: no seats
            agent: book_flight(flight="HAT136") -> error: no seats
            agent: Your flight is booked! Confirmation number BK-77123.
            """
        )
    ).traces
    assert signals(report.issues) == ["hallucination.claimed_after_error", "loop.failing"]
    assert signals(report.covered) == ["grounding.answer", "tool_error.retried"]


def test_the_same_failure_at_another_step_is_another_issue() -> None:
    (report,) = analyze(
        parse(
            """
            task: Deploy, then tell the team.
            agent: deploy(target="prod") -> error: invalid token
            agent: deploy(target="prod") -> error: invalid token
            agent: deploy(target="prod") -> error: invalid token
            agent: notify(team="a") -> error: unknown team a
            agent: notify(team="a") -> error: unknown team a
            agent: Neither the deployment nor the message worked.
            """
        )
    ).traces
    assert signals(report.issues) == ["loop.failing", "tool_error.retried"]
    assert signals(report.covered) == ["tool_error.retried"]


def test_a_detector_that_did_not_run_covers_nothing() -> None:
    run = parse(
        """
        task: Deploy.
        agent: deploy(target="prod") -> error: invalid token
        agent: deploy(target="prod") -> error: invalid token
        agent: deploy(target="prod") -> error: invalid token
        agent: The deployment did not work.
        """
    )
    (report,) = analyze(run, config=Config(ignore=frozenset({"loop"}))).traces
    assert signals(report.issues) == ["tool_error.retried"]


def test_costs_add_up_without_the_rounding_that_differs_between_versions_of_python() -> None:
    (report,) = analyze(parse("task: x\n" + "agent [cost=0.1]: More.\n" * 10)).traces
    assert report.totals.cost == 1.0


def test_a_cost_that_is_nowhere_recorded_is_not_zero() -> None:
    (report,) = analyze(parse("task: x\nagent: More.")).traces
    assert report.totals.cost is None


@pytest.mark.parametrize("cost", ["1e308", "1e309", "-1e308", "nan"])
def test_costs_beyond_all_measure_lose_no_report(cost: str) -> None:
    run = "task: x\n" + f"agent [cost={cost}]: More.\n  get(id=1) -> a\n" * 5
    report = analyze(parse(run))
    assert report.traces[0].totals.steps == 5
    assert report.traces[0].crashed == ()
    assert json.loads(as_json.render(report))
