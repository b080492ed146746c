"""A forest over signs that are present or absent."""

from __future__ import annotations

import numpy as np

from benchmarks.trail.forest import LEAST, Branch, Leaf, grow, shares

TREE = (Branch(1, absent=1, present=2), Leaf((0.1, 0.0)), Leaf((0.9, 0.5)))


def test_a_case_gets_the_shares_of_the_leaf_that_its_signs_lead_to() -> None:
    signs = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert shares(TREE, signs).tolist() == [[0.1, 0.0], [0.9, 0.5]]


def test_a_sign_that_tells_the_label_is_found() -> None:
    chance = np.random.default_rng(1)
    signs = (chance.random((600, 12)) < 0.5).astype(float)
    labels = np.stack([signs[:, 3], np.zeros(600)], axis=1)
    traces = [row // 6 for row in range(600)]
    trees, honest = grow(signs, labels, traces)
    with_sign, without = honest[signs[:, 3] > 0, 0], honest[signs[:, 3] == 0, 0]
    assert with_sign.mean() > without.mean() + 0.3
    assert (honest[:, 1] == 0).all()
    assert all(isinstance(tree[0], Branch) for tree in trees)


def test_too_few_cases_make_no_branch() -> None:
    signs, labels = np.eye(LEAST), np.eye(LEAST)[:, :1]
    trees, _ = grow(signs, labels, list(range(LEAST)))
    assert all(len(tree) == 1 for tree in trees)
