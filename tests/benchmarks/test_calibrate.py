"""Confidence measured per signal."""

from __future__ import annotations

import pytest

from benchmarks.calibrate import PRIORS, Bin, fit, held_out, quality
from benchmarks.labelled_runs import Run
from benchmarks.verdicts import Verdict, run_verdicts

LOOP = "loop.failing"


def verdicts(right: int, wrong: int) -> list[Verdict]:
    return [Verdict(f"run {n}", "TRAIL", LOOP, n < right) for n in range(right + wrong)]


def test_confidence_is_the_share_of_right_issues_drawn_towards_the_prior() -> None:
    assert fit(verdicts(right=3, wrong=3)) == {LOOP: round((3 + 4 * PRIORS[LOOP]) / 10, 2)}


def test_no_signal_is_called_certain() -> None:
    assert fit(verdicts(right=500, wrong=0)) == {LOOP: 0.98}


def test_held_out_confidences_come_from_other_runs() -> None:
    lone = [Verdict("only run", "TRAIL", LOOP, right=True)]
    assert set(held_out([*lone, Verdict("other", "TRAIL", "loop.cycle", right=True)])) >= {
        (PRIORS[LOOP], True)
    }


def test_quality_is_the_brier_score_and_the_share_right_by_range() -> None:
    found = quality([(0.5, True), (0.5, False), (0.9, True)])
    assert found.brier == pytest.approx((0.25 + 0.25 + 0.01) / 3)
    assert found.bins == (Bin(0.4, 0.6, 2, 0.5, 0.5), Bin(0.8, 1.0, 1, 0.9, 1.0))


def test_an_issue_on_a_wrong_run_without_labelled_steps_is_not_judged() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "ferry", "arguments": '{"day": 1}'}}
    messages: list[object] = [{"role": "user", "content": "Book the ferry."}]
    for _ in range(5):
        messages += [
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "1", "content": "Error: no ferry on day 1"},
        ]
    run = {"messages": messages}
    right = Run("1.0", "tau-bench airline", run, right=True)  # type: ignore[arg-type]
    wrong = Run("1.1", "tau-bench airline", run, right=False)  # type: ignore[arg-type]
    assert {each.right for each in run_verdicts(right)} == {False}
    assert list(run_verdicts(wrong)) == []
