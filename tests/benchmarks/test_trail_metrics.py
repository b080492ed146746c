"""The measures of TRAIL against cases worked out by hand."""

from __future__ import annotations

import pytest

from benchmarks.trail.categories import CATEGORIES, normalised
from benchmarks.trail.metrics import CategoryFigures, Scored, by_category, figures

FORMAT, ABUSE, GOAL = "Formatting Errors", "Resource Abuse", "Goal Deviation"

HALF = Scored(
    predicted={("a", FORMAT), ("b", GOAL), ("c", GOAL)},
    gold={("a", FORMAT), ("a", ABUSE), ("b", FORMAT), ("d", FORMAT)},
)
"""One pair of four; two spans of three."""
ALL = Scored(predicted={("a", ABUSE)}, gold={("a", ABUSE)})
NO_GOLD = Scored(predicted={("a", FORMAT)}, gold=frozenset())


def test_there_are_21_categories() -> None:
    assert len(set(CATEGORIES)) == 21


@pytest.mark.parametrize(
    ("spelling", "official"),
    [
        ("Formatting Error", FORMAT),
        (" Incorrect Problem Identification", "Incorrect Problem Identification"),
        ("Language-Only", "Language-only"),
        ("Goal deviation", GOAL),
        ("Context Handling Failure", "Context Handling Failures"),
        ("Tool Selection", "Tool Selection Errors"),
        ("Task Orchestration", "Task Orchestration Errors"),
        ("Poor  informationRetrieval", "Poor Information Retrieval"),
        ("Instruction non complience", "Instruction non complience"),
        ("", ""),
    ],
)
def test_spellings_are_normalised_as_the_scorer_does(spelling: str, official: str) -> None:
    assert normalised(spelling) == official


def test_accuracies_are_recall_per_trace_averaged_over_traces() -> None:
    found = figures([[HALF, ALL]])
    assert found.location_accuracy.value == pytest.approx((2 / 3 + 1) / 2)
    assert found.joint_accuracy.value == pytest.approx((1 / 4 + 1) / 2)


def test_a_trace_without_gold_scores_nothing_and_counts() -> None:
    found = figures([[ALL, NO_GOLD]])
    assert (found.location_accuracy.value, found.joint_accuracy.value) == (0.5, 0.5)


def test_pairs_are_counted_over_all_traces() -> None:
    found = figures([[HALF, ALL]])
    assert found.pair_precision.value == pytest.approx(2 / 4)
    assert found.pair_recall.value == pytest.approx(2 / 5)
    assert found.pair_f1.value == pytest.approx(4 / 9)
    assert found.predictions_per_trace.value == 2.0


def test_category_f1_weighs_each_category_by_the_traces_that_carry_it() -> None:
    # Formatting: right in HALF, F1 1, support 1. Abuse: missed in HALF, right in ALL, F1 2/3, support 2.
    # Goal: claimed in HALF where it is not, support 0, so no weight.
    assert figures([[HALF, ALL]]).category_f1.value == pytest.approx((1 * 1 + 2 * (2 / 3)) / 3)


def test_repetitions_are_averaged() -> None:
    missed = Scored(predicted=frozenset(), gold=ALL.gold)
    assert figures([[ALL, ALL], [missed, missed]]).joint_accuracy.value == 0.5


def test_an_interval_holds_its_figure_and_has_no_width_where_traces_are_alike() -> None:
    spread = figures([[HALF, ALL] * 10]).joint_accuracy
    assert spread.low < spread.value < spread.high
    alike = figures([[ALL] * 5]).joint_accuracy
    assert (alike.low, alike.value, alike.high) == (1.0, 1.0, 1.0)


def test_categories_are_told_apart() -> None:
    assert by_category([HALF, ALL]) == [
        CategoryFigures(FORMAT, gold=3, predicted=1, hits=1),
        CategoryFigures(ABUSE, gold=2, predicted=1, hits=1),
        CategoryFigures(GOAL, gold=0, predicted=2, hits=0),
    ]
