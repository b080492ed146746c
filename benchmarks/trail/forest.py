"""A small forest of decision trees that gives each case the shares of several labels at once.

Random forests (Breiman 2001) over signs that are present or absent: every tree is grown on a sample
of whole traces, each branch on a sample of the signs, and a leaf holds the share of each label among
its training cases. Traces that a tree was not grown on give its honest figures (out of bag).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Matrix: TypeAlias = npt.NDArray[np.float64]
"""Signs or labels of cases, 0 or 1; or shares. Shape (cases, signs) or (cases, labels)."""
Rows: TypeAlias = npt.NDArray[np.intp]

TREES = 24
LEAST = 8
"""Training cases in a leaf, at least: fewer, and a leaf says more of single annotators than of the sign."""
SIGNS_TRIED = 0.1
"""Share of the signs among which each branch chooses."""


@dataclass(frozen=True, slots=True)
class Branch:
    """Where the way parts: cases that have the sign go to `present`."""

    sign: int
    absent: int
    present: int
    """Both are positions in the tree."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """Where a way ends."""

    shares: tuple[float, ...]
    """Of each label, 0-1."""


Tree: TypeAlias = tuple[Branch | Leaf, ...]
"""Its first node is the root."""


def shares(tree: Tree, signs: Matrix) -> Matrix:
    """The shares a tree gives to cases. Shape (cases, labels)."""
    width = next(len(node.shares) for node in tree if isinstance(node, Leaf))
    given = np.zeros((len(signs), width))
    waiting: list[tuple[int, Rows]] = [(0, np.arange(len(signs)))]
    while waiting:
        position, rows = waiting.pop()
        node = tree[position]
        if isinstance(node, Leaf):
            given[rows] = node.shares
            continue
        has = signs[rows, node.sign] > 0
        waiting += [(node.present, rows[has]), (node.absent, rows[~has])]
    return given


def grow(signs: Matrix, labels: Matrix, traces: Sequence[int], seed: int = 0) -> tuple[list[Tree], Matrix]:
    """The trees, and for every case the shares by the trees that were grown without its trace.

    `traces` names the trace of every case; cases of one trace are drawn together.
    """
    chance = np.random.default_rng(seed)
    owner = np.asarray(traces)
    names = np.unique(owner)
    members = {name: np.flatnonzero(owner == name) for name in names}
    trees: list[Tree] = []
    outside, counted = np.zeros(labels.shape), np.zeros((len(labels), 1))
    for _ in range(TREES):
        drawn = chance.choice(names, len(names))
        rows = np.concatenate([members[name] for name in drawn])
        tree = _grow(signs[rows], labels[rows], chance)
        left_out = ~np.isin(owner, drawn)
        outside[left_out] += shares(tree, signs[left_out])
        counted[left_out] += 1
        trees.append(tree)
    return trees, outside / np.maximum(counted, 1)


def _grow(signs: Matrix, labels: Matrix, chance: np.random.Generator) -> Tree:
    nodes: list[Branch | Leaf] = []
    waiting: list[tuple[Rows, int, bool]] = [(np.arange(len(signs)), -1, False)]
    while waiting:
        rows, parent, has = waiting.pop()
        place = len(nodes)
        if parent >= 0:
            above = nodes[parent]
            assert isinstance(above, Branch)
            absent, present = (above.absent, place) if has else (place, above.present)
            nodes[parent] = Branch(above.sign, absent, present)
        sign = _best_sign(signs[rows], labels[rows], chance)
        if sign is None:
            nodes.append(Leaf(tuple(float(share) for share in labels[rows].mean(axis=0))))
            continue
        nodes.append(Branch(sign, 0, 0))
        present_rows = signs[rows, sign] > 0
        waiting += [(rows[present_rows], place, True), (rows[~present_rows], place, False)]
    return tuple(nodes)


def _best_sign(signs: Matrix, labels: Matrix, chance: np.random.Generator) -> int | None:
    """The sign of a random sample whose presence tells most about the labels: the most variance explained, summed over labels."""
    total, size = labels.sum(axis=0), len(labels)
    if size < 2 * LEAST or not total.any():
        return None
    having = signs.sum(axis=0)
    possible = np.flatnonzero((having >= LEAST) & (having <= size - LEAST))
    if not len(possible):
        return None
    tried = chance.choice(
        possible, min(len(possible), max(1, round(SIGNS_TRIED * signs.shape[1]))), replace=False
    )
    with_sign = signs[:, tried].T @ labels
    count = having[tried][:, None]
    explained = (with_sign**2 / count + (total - with_sign) ** 2 / (size - count)).sum(axis=1)
    best = int(explained.argmax())
    return int(tried[best]) if explained[best] - float((total**2).sum()) / size > 1e-9 else None
