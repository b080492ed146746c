"""The measures of Who&When against cases worked out by hand."""

from __future__ import annotations

import pytest

from benchmarks.whowhen.answers import BASELINES
from benchmarks.whowhen.data import Case
from benchmarks.whowhen.metrics import Answer, figures, random_figures


def case(agent: str, step: int, speakers: tuple[str, ...]) -> Case:
    return Case("case", "Hand-Crafted", {}, speakers, agent, step)


TALK = ("human", "Lead", "Diver", "Lead", "Cook", "Lead")
CASES = [case("Diver", 2, TALK), case("Lead", 1, TALK)]


def test_accuracies_are_exact_and_over_all_cases() -> None:
    found = figures(CASES, [Answer("Diver", 2), Answer(None, None)])
    assert (found.agent.value, found.step.value) == (0.5, 0.5)


def test_the_official_script_accepts_the_gold_string_within_the_predicted_one() -> None:
    found = figures(CASES, [Answer("Diver2", 12), Answer("lead", 10)])
    assert (found.agent.value, found.step.value) == (0.0, 0.0)
    assert (found.lenient_agent, found.lenient_step) == (0.5, 1.0)


def test_a_tolerance_forgives_so_many_steps() -> None:
    found = figures(CASES, [Answer("Diver", 4), Answer("Lead", 6)])
    assert found.within == {1: 0.0, 2: 0.5, 3: 0.5, 4: 0.5, 5: 1.0}


def test_a_message_at_random_is_worked_out_over_the_messages_of_agents() -> None:
    found = random_figures(CASES)
    assert found.agent.value == pytest.approx((1 / 5 + 3 / 5) / 2)
    assert found.step.value == pytest.approx(1 / 5)
    assert found.within[1] == pytest.approx((3 / 5 + 2 / 5) / 2)


def test_baselines_do_not_read_what_was_said() -> None:
    assert {name: ask(CASES[0]) for name, ask in BASELINES.items()} == {
        "first speaker": Answer("Lead", 1),
        "always step 1": Answer("Lead", 1),
        "last speaker": Answer("Lead", 5),
        "last speaker but the leader": Answer("Cook", 4),
        "most active speaker": Answer("Lead", 1),
    }
    silent = case("Lead", 0, ())
    assert {ask(silent) for ask in BASELINES.values()} == {Answer(None, None)}
