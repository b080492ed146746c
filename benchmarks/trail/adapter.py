"""From native issues to the pairs of the benchmark: a table of kinds of spans, refined by a small forest.

Each span of a trace has signs (`benchmarks.trail.spans`): the issues that name it, its part in the
run, how its calls went. Kinds of spans (`benchmarks.trail.kinds`) and a forest over all signs each give a span the
share of every category among training spans like it; the two are averaged. A trace's predictions are the pairs whose mark reaches the threshold; the mark is
the share over the square root of how many failures the trace promises, because the benchmark counts
each trace's failures as one whole.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt

from benchmarks.data import DataMissingError, as_object, read_json
from benchmarks.trail.categories import CATEGORIES
from benchmarks.trail.data import Pair
from benchmarks.trail.forest import Branch, Leaf, Matrix, Tree, grow, shares
from benchmarks.trail.kinds import KINDS, kind_of, kind_shares, shares_without_own
from benchmarks.trail.sightings import Examined
from benchmarks.trail.spans import Candidate
from pisama.trace import JSON

TABLE = Path(__file__).with_name("adapter.json")
PREDICTIONS = 5.6
"""Predictions per trace at the operating point, on average over the training traces."""
BUDGET = 6.0
"""Predictions per trace, on average over the traces at hand, that are never exceeded."""
LEAST_SHARE = 0.01
"""Shares below this one are left out of the file: they could not carry a prediction."""
KINDS_WEIGHT = 0.7
"""Weight of the kinds' shares; the forest's have the rest."""
LEAST_TRACES = 3
"""Training traces that must show a sign before the forest may use it."""


@dataclass(frozen=True, slots=True, eq=False)
class Adapter:
    """The fitted table and forest, and their operating point."""

    kinds: Matrix
    """Shares of the categories by kind of span; shape (kinds, categories)."""
    signs: tuple[str, ...]
    trees: tuple[Tree, ...]
    threshold: float
    """Least mark of a prediction."""
    fitted_on: str = ""
    """Digest of the ids of the traces it was fitted on."""

    def probabilities(self, candidates: Sequence[Candidate]) -> dict[Pair, float]:
        """Every pair of a span of this trace and a category, with its mark; pairs without a chance are left out."""
        if not candidates:
            return {}
        table = _table(candidates, self.signs)
        by_signs = np.mean([shares(tree, table) for tree in self.trees], axis=0)
        return _pairs(
            candidates, marks(_averaged(self.kinds[[kind_of(each) for each in candidates]], by_signs))
        )

    def predict(self, candidates: Sequence[Candidate]) -> frozenset[Pair]:
        """The pairs at or above the threshold."""
        return frozenset(
            pair for pair, mark in self.probabilities(candidates).items() if mark >= self.threshold
        )

    def within_budget(self, cases: Sequence[Examined]) -> Adapter:
        """This adapter, with a higher threshold where these traces would get more than `BUDGET` each."""
        marked = [mark for each in cases for mark in self.probabilities(each.candidates).values()]
        least = threshold_for(np.asarray(marked), len(cases), BUDGET)
        return replace(self, threshold=max(self.threshold, least))

    def as_json(self) -> dict[str, object]:
        """The table and the forest as they lie beside this module: a branch is [sign, absent, present], a leaf its shares."""
        return {
            "fitted_on": self.fitted_on,
            "threshold": round(self.threshold, 4),
            "kinds": {name: _by_category(row) for name, row in zip(KINDS, self.kinds.tolist(), strict=True)},
            "signs": list(self.signs),
            "trees": [[_as_json(node) for node in tree] for tree in self.trees],
        }


def marks(probable: Matrix) -> Matrix:
    """Shares of one trace over the square root of their sum: few failures weigh more than each of many."""
    promised = max(1.0, float(probable.sum()))
    return probable / float(np.sqrt(promised))


def _averaged(by_kind: Matrix, by_signs: Matrix) -> Matrix:
    return KINDS_WEIGHT * by_kind + (1 - KINDS_WEIGHT) * by_signs


def _pairs(candidates: Sequence[Candidate], marked: Matrix) -> dict[Pair, float]:
    return {
        (candidates[row].span, CATEGORIES[column]): float(marked[row, column])
        for row, column in zip(*np.nonzero(marked), strict=True)
    }


def _table(candidates: Iterable[Candidate], signs: Sequence[str]) -> Matrix:
    column = {sign: number for number, sign in enumerate(signs)}
    listed = list(candidates)
    table = np.zeros((len(listed), len(signs)))
    for row, each in enumerate(listed):
        table[row, [column[sign] for sign in each.signs if sign in column]] = 1
    return table


def _as_json(node: Branch | Leaf) -> object:
    if isinstance(node, Branch):
        return [node.sign, node.absent, node.present]
    return _by_category(node.shares)


def _by_category(given: Sequence[float]) -> dict[str, float]:
    return {CATEGORIES[n]: round(share, 3) for n, share in enumerate(given) if share >= LEAST_SHARE}


def _in_order(told: JSON) -> tuple[float, ...]:
    known = cast(Mapping[str, float], as_object(told))
    return tuple(float(known.get(category, 0.0)) for category in CATEGORIES)


def _node(told: JSON) -> Branch | Leaf:
    if isinstance(told, list):
        sign, absent, present = cast(list[int], told)
        return Branch(sign, absent, present)
    return Leaf(_in_order(told))


def shipped() -> Adapter:
    """The forest beside this module. Raises `DataMissingError` when it is not there or cannot be read."""
    table = as_object(read_json(TABLE))
    threshold = table.get("threshold")
    if not isinstance(threshold, (int, float)):
        raise DataMissingError(f"{TABLE} has no threshold; write it with --fit")
    trees = tuple(
        tuple(_node(node) for node in cast(list[JSON], tree)) for tree in cast(list[JSON], table["trees"])
    )
    told = as_object(table.get("kinds"))
    kinds = np.array([_in_order(told.get(name, {})) for name in KINDS])
    signs = tuple(cast(list[str], table["signs"]))
    return Adapter(kinds, signs, trees, float(threshold), str(table.get("fitted_on", "")))


def digest(cases: Iterable[Examined]) -> str:
    """16 hex digits that name a set of traces by their ids."""
    names = "\n".join(sorted(each.case.id for each in cases))
    return hashlib.sha256(names.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def fit(cases: Sequence[Examined]) -> Adapter:
    """The table and the forest for these traces, with the threshold that keeps to `PREDICTIONS` a trace.

    The threshold is set on what other traces say of each, because a rare sign
    looks better on its own traces than it is.
    """
    listed = [candidate for each in cases for candidate in each.candidates]
    traces = [number for number, each in enumerate(cases) for _ in each.candidates]
    signs = _known_signs(cases)
    labels = np.zeros((len(listed), len(CATEGORIES)))
    for row, (candidate, trace) in enumerate(zip(listed, traces, strict=True)):
        for column, category in enumerate(CATEGORIES):
            labels[row, column] = (candidate.span, category) in cases[trace].gold
    trees, by_signs = grow(_table(listed, signs), labels, traces)
    kinds = [kind_of(candidate) for candidate in listed]
    honest = _averaged(shares_without_own(kinds, labels, traces), by_signs)
    owner = np.asarray(traces)
    marked = np.concatenate([marks(honest[owner == number]) for number in range(len(cases))])
    threshold = threshold_for(marked.ravel(), len(cases), PREDICTIONS)
    return Adapter(kind_shares(kinds, labels), signs, tuple(trees), threshold, digest(cases))


def threshold_for(marked: npt.NDArray[np.float64], traces: int, per_trace: float) -> float:
    """The least mark at which no more than `per_trace` pairs a trace are predicted, on average."""
    ranked = np.sort(marked[marked > 0])[::-1]
    allowed = int(per_trace * traces)
    if len(ranked) <= allowed:
        return float(ranked[-1]) if len(ranked) else 1.0
    return float(np.nextafter(ranked[allowed], 2.0))


def _known_signs(cases: Sequence[Examined]) -> tuple[str, ...]:
    tally = Counter(
        sign for each in cases for sign in {sign for candidate in each.candidates for sign in candidate.signs}
    )
    return tuple(sorted(sign for sign, count in tally.items() if count >= LEAST_TRACES))
