"""Folds and intervals."""

from __future__ import annotations

import pytest

from benchmarks.statistics import Interval, folds, proportion

NAMES = [f"case {number}" for number in range(25)]


def test_every_case_is_held_out_once_and_never_trained_on_in_that_fold() -> None:
    divided = list(folds(NAMES, str, 10, seed=0))
    assert sorted(position for _, held_out in divided for position in held_out) == list(range(25))
    assert all(NAMES[position] not in training for training, held_out in divided for position in held_out)


def test_folds_do_not_depend_on_the_order_of_the_cases() -> None:
    def as_sets(names: list[str]) -> set[frozenset[str]]:
        return {frozenset(names[n] for n in held_out) for _, held_out in folds(names, str, 5, seed=1)}

    assert as_sets(NAMES) == as_sets(NAMES[::-1])
    assert as_sets(NAMES) != {
        frozenset(NAMES[n] for n in held_out) for _, held_out in folds(NAMES, str, 5, seed=2)
    }


def test_cases_of_one_name_share_a_fold() -> None:
    twins = [*NAMES, *NAMES]
    for _, held_out in folds(twins, str, 5, seed=0):
        assert {twins[n] for n in held_out if n < 25} == {twins[n] for n in held_out if n >= 25}


def test_a_share_has_the_wilson_interval() -> None:
    found = proportion(5, 10)
    assert (found.value, found.low, found.high) == pytest.approx((0.5, 0.2366, 0.7634), abs=1e-4)
    assert proportion(0, 0) == Interval(0.0, 0.0, 1.0)
