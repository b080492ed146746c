"""Sparse logistic regression of several labels at once on signs that are present or absent.

The loss of each label is its summed log loss plus `PENALTY` times the sum of the absolute weights
(Tibshirani 1996), so that signs that say nothing of a label weigh nothing. It is minimised by the
accelerated proximal gradient (Beck and Teboulle 2009) from zero, a fixed number of steps: the same
signs and labels give the same weights.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.trail.kinds import Matrix

PENALTY = 0.7
STEPS = 150
HELD_OUT = 5
"""Parts into which the traces are divided for honest shares."""


def fit(signs: Matrix, labels: Matrix) -> Matrix:
    """The weights, the last row of which is the offset. Shape (signs + 1, labels)."""
    given = _with_offset(signs)
    weights = np.zeros((given.shape[1], labels.shape[1]))
    ahead, momentum = weights, 1.0
    pace = 1 / (0.25 * float(np.linalg.norm(given, 2)) ** 2)
    for _ in range(STEPS):
        slope = given.T @ (_share(given @ ahead) - labels)
        moved = ahead - pace * slope
        shrunk = np.sign(moved) * np.maximum(np.abs(moved) - pace * PENALTY, 0)
        shrunk[-1] = moved[-1]
        following = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        ahead = shrunk + (momentum - 1) / following * (shrunk - weights)
        weights, momentum = shrunk, following
    return weights


def shares(weights: Matrix, signs: Matrix) -> Matrix:
    """How likely each label is for each case, 0-1. Shape (cases, labels)."""
    return _share(_with_offset(signs) @ weights)


def honest_shares(signs: Matrix, labels: Matrix, traces: Sequence[int]) -> Matrix:
    """Shares of every case by weights that were fitted without its trace. Shape (cases, labels)."""
    owner = np.asarray(traces)
    found = np.zeros(labels.shape)
    for part in range(HELD_OUT):
        out = owner % HELD_OUT == part
        if out.any():
            found[out] = shares(fit(signs[~out], labels[~out]), signs[out])
    return found


def _with_offset(signs: Matrix) -> Matrix:
    return np.hstack([signs, np.ones((len(signs), 1))])


def _share(score: Matrix) -> Matrix:
    return np.asarray(1 / (1 + np.exp(-np.clip(score, -30, 30))))
