"""From native issues to the pairs of the benchmark: shares of kinds of spans, and weights of signs.

Each span of a trace has signs (`benchmarks.trail.spans`): the issues that name it, its part in the
run, how its calls went. They say of which kind it is (`benchmarks.trail.kinds`). `adapter.json` holds
the share of every category among the training spans of a kind, and what each sign and kind weighs for
each category in a logistic regression; the shares by the two are averaged. A trace's predictions are
the pairs whose mark (`marks`) reaches the threshold.
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
from benchmarks.trail.kinds import KINDS, Matrix, kind_of, kind_shares, shares_without_own
from benchmarks.trail.regression import fit as fitted_weights
from benchmarks.trail.regression import honest_shares, shares
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
OCCURS = 0.02
"""What the chance that a category occurs in a trace adds to the mark of its likeliest span."""
LEAST_WEIGHT = 0.005
"""The same for weights, however they point."""
LEAST_TRACES = 3
"""Training traces that must show a sign before it is weighed."""
_ALWAYS = "always"
"""What the offset of the regression is called among the signs."""


@dataclass(frozen=True, slots=True, eq=False)
class Adapter:
    """The fitted shares and weights, and the operating point."""

    kinds: Matrix
    """Shares of the categories by kind of span; shape (kinds, categories)."""
    signs: tuple[str, ...]
    """The signs that weigh anything; the offset is the last."""
    weights: Matrix
    """Of each sign for each category; shape (signs, categories)."""
    threshold: float
    """Least mark of a prediction."""
    fitted_on: str = ""
    """Digest of the ids of the traces it was fitted on."""

    def probabilities(self, candidates: Sequence[Candidate]) -> dict[Pair, float]:
        """Every pair of a span of this trace and a category, with its mark; pairs without a chance are left out."""
        if not candidates:
            return {}
        by_kind = self.kinds[[kind_of(each) for each in candidates]]
        by_signs = shares(self.weights, _table(candidates, self.signs[:-1]))
        return _pairs(candidates, marks((by_kind + by_signs) / 2))

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
        """Shares and weights as they lie beside this module."""
        return {
            "fitted_on": self.fitted_on,
            "threshold": round(self.threshold, 4),
            "kinds": {
                name: _by_category(row, LEAST_SHARE)
                for name, row in zip(KINDS, self.kinds.tolist(), strict=True)
            },
            "weights": {
                sign: _by_category(row, LEAST_WEIGHT)
                for sign, row in zip(self.signs, self.weights.tolist(), strict=True)
            },
        }


def marks(probable: Matrix) -> Matrix:
    """The marks of one trace's pairs, from their shares.

    Shares over the square root of their sum, because few failures weigh more than each of many; and a little
    more for the likeliest span of each category, because the benchmark also asks whether it occurs at all.
    """
    if not len(probable):
        return probable
    promised = max(1.0, float(probable.sum()))
    marked: Matrix = probable / float(np.sqrt(promised))
    anywhere = 1 - np.prod(1 - probable, axis=0)
    marked[probable.argmax(axis=0), np.arange(probable.shape[1])] += OCCURS * anywhere
    return marked


def _pairs(candidates: Sequence[Candidate], marked: Matrix) -> dict[Pair, float]:
    return {
        (candidates[row].span, CATEGORIES[column]): float(marked[row, column])
        for row, column in zip(*np.nonzero(marked), strict=True)
    }


def _table(candidates: Sequence[Candidate], signs: Sequence[str]) -> Matrix:
    """Which of these signs, kinds among them, each span has. Shape (spans, signs)."""
    column = {sign: number for number, sign in enumerate(signs)}
    table = np.zeros((len(candidates), len(signs)))
    for row, each in enumerate(candidates):
        table[row, [column[sign] for sign in _all_signs(each) if sign in column]] = 1
    return table


def _all_signs(candidate: Candidate) -> frozenset[str]:
    return candidate.signs | {f"kind {tuple(KINDS)[kind_of(candidate)]}"}


def _by_category(given: Sequence[float], least: float) -> dict[str, float]:
    return {CATEGORIES[n]: round(value, 3) for n, value in enumerate(given) if abs(value) >= least}


def _in_order(told: JSON) -> tuple[float, ...]:
    known = cast(Mapping[str, float], as_object(told))
    return tuple(float(known.get(category, 0.0)) for category in CATEGORIES)


def shipped() -> Adapter:
    """The adapter beside this module. Raises `DataMissingError` when it is not there or cannot be read."""
    table = as_object(read_json(TABLE))
    threshold = table.get("threshold")
    if not isinstance(threshold, (int, float)):
        raise DataMissingError(f"{TABLE} has no threshold; write it with --fit")
    told = as_object(table.get("kinds"))
    kinds = np.array([_in_order(told.get(name, {})) for name in KINDS])
    weighed = as_object(table.get("weights"))
    signs = (*(sign for sign in weighed if sign != _ALWAYS), _ALWAYS)
    weights = np.array([_in_order(weighed.get(sign, {})) for sign in signs])
    return Adapter(kinds, signs, weights, float(threshold), str(table.get("fitted_on", "")))


def digest(cases: Iterable[Examined]) -> str:
    """16 hex digits that name a set of traces by their ids."""
    names = "\n".join(sorted(each.case.id for each in cases))
    return hashlib.sha256(names.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def fit(cases: Sequence[Examined]) -> Adapter:
    """The adapter for these traces, with the threshold that keeps to `PREDICTIONS` a trace.

    The threshold is set on what other traces say of each, because a rare kind looks better on its own
    traces than it is.
    """
    listed = [candidate for each in cases for candidate in each.candidates]
    traces = [number for number, each in enumerate(cases) for _ in each.candidates]
    labels = np.zeros((len(listed), len(CATEGORIES)))
    for row, (candidate, trace) in enumerate(zip(listed, traces, strict=True)):
        for column, category in enumerate(CATEGORIES):
            labels[row, column] = (candidate.span, category) in cases[trace].gold
    kinds = [kind_of(candidate) for candidate in listed]
    signs = _known_signs(cases)
    table = _table(listed, signs)
    honest = (shares_without_own(kinds, labels, traces) + honest_shares(table, labels, traces)) / 2
    owner = np.asarray(traces)
    marked = np.concatenate([marks(honest[owner == number]) for number in range(len(cases))])
    threshold = threshold_for(marked.ravel(), len(cases), PREDICTIONS)
    weights = fitted_weights(table, labels)
    telling = np.abs(weights).max(axis=1) >= LEAST_WEIGHT
    kept = tuple(sign for sign, tells in zip((*signs, _ALWAYS), telling, strict=True) if tells)
    return Adapter(kind_shares(kinds, labels), kept, weights[telling], threshold, digest(cases))


def threshold_for(marked: npt.NDArray[np.float64], traces: int, per_trace: float) -> float:
    """The least mark at which no more than `per_trace` pairs a trace are predicted, on average."""
    ranked = np.sort(marked[marked > 0])[::-1]
    allowed = int(per_trace * traces)
    if len(ranked) <= allowed:
        return float(ranked[-1]) if len(ranked) else 1.0
    return float(np.nextafter(ranked[allowed], 2.0))


def _known_signs(cases: Sequence[Examined]) -> tuple[str, ...]:
    tally = Counter(
        sign
        for each in cases
        for sign in {sign for candidate in each.candidates for sign in _all_signs(candidate)}
    )
    return tuple(sorted(sign for sign, count in tally.items() if count >= LEAST_TRACES))
