"""What is wrong with a plan by itself."""

from __future__ import annotations

import pytest

from pisama.features import features
from pisama.plan_faults import PlanFault, absent, circular, faults, repeated
from pisama.plans import Plan, PlanStep, plans
from pisama.transcript import parse
from tests.hanging import no_hang

TABLE = features(parse("agent: hello"))


def _plan(*steps: tuple[str, tuple[str, ...]]) -> Plan:
    return Plan(
        tuple(PlanStep(f"Do the work {key} of the list", key, depends=needs) for key, needs in steps),
        announced=True,
    )


@pytest.mark.parametrize(
    ("steps", "ring"),
    [
        ([("a", ()), ("b", ("a",)), ("c", ("a", "b"))], None),
        ([("a", ("a",))], ("a",)),
        ([("a", ("b",)), ("b", ("c",)), ("c", ("a",))], ("a", "b", "c")),
        ([("a", ("x",))], None),
    ],
)
def test_a_ring_of_steps_is_found_wherever_it_begins(
    steps: list[tuple[str, tuple[str, ...]]], ring: tuple[str, ...] | None
) -> None:
    assert circular(_plan(*steps)) == ring


def test_a_step_that_needs_one_which_is_not_there_is_named() -> None:
    plan = _plan(("1", ()), ("2", ("7",)))
    assert absent(plan) == (plan.steps[1], "7")
    assert absent(_plan(("1", ()), ("2", ("1",)))) is None


def test_only_word_for_word_repetition_is_a_repeated_step() -> None:
    (same,) = plans("Plan:\n1. Find the year of the bridge.\n2. Find the year of the bridge\n3. Report.")
    (other,) = plans("Plan:\n1. Find the man before Bell.\n2. Find the man after Bell.\n3. Report.")
    assert repeated(same) == same.steps[1]
    assert repeated(other) is None


def test_a_fault_says_what_it_is_and_what_to_do() -> None:
    (plan,) = plans("Plan:\n1. Prepare.\n2. Handle everything.\n3. Report the price of bread.")
    assert list(faults(plan, TABLE)) == [
        PlanFault(
            "vague",
            "2 of the 3 steps of the plan do not say what is to be done.",
            "Prepare.",
            "Have each step name its object, its tool or owner, and how to tell that it is done.",
        )
    ]


def test_a_long_chain_of_steps_costs_linear_time() -> None:
    chain = [(str(number), (str(number + 1),)) for number in range(20_000)]
    with no_hang():
        assert circular(_plan(*chain)) is None
