"""Weights of signs that are present or absent."""

from __future__ import annotations

import numpy as np

from benchmarks.trail.regression import fit, honest_shares, shares

SIGNS = np.array([[1, 0, 1], [1, 0, 0], [1, 1, 1], [0, 1, 0], [0, 0, 1], [0, 1, 0]] * 10, dtype=float)
LABELS = SIGNS[:, :1]


def test_only_the_sign_that_tells_weighs_anything() -> None:
    weights = fit(SIGNS, LABELS)
    assert weights.shape == (4, 1)
    assert weights[0, 0] > 2
    assert np.abs(weights[1:3]).max() < 0.3


def test_shares_are_high_where_the_sign_is_and_low_where_it_is_not() -> None:
    found = shares(fit(SIGNS, LABELS), SIGNS)
    assert (found[LABELS > 0] > 0.8).all()
    assert (found[LABELS == 0] < 0.2).all()


def test_the_same_cases_give_the_same_weights() -> None:
    assert (fit(SIGNS, LABELS) == fit(SIGNS, LABELS)).all()


def test_honest_shares_know_nothing_of_their_own_trace() -> None:
    # The sign tells the label only within the first trace, so nothing else can say it there.
    signs = np.array([[1.0]] * 20 + [[1.0], [0.0]] * 40)
    labels = np.array([[1.0]] * 20 + [[0.0]] * 80)
    traces = [0] * 20 + [1 + n // 20 for n in range(80)]
    assert (honest_shares(signs, labels, traces)[:20] < 0.1).all()
