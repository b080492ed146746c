"""The measures of TRAIL, by their official definitions, and those that must stand beside them.

Location and joint accuracy are recall per trace, averaged over traces: what is predicted in excess
costs nothing there. Pair precision, recall and F1 count (span, category) pairs over all traces.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.statistics import Interval, Weights, interval, ratio, resampled
from benchmarks.trail.categories import CATEGORIES
from benchmarks.trail.data import Pair

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scored:
    """Predictions of one trace against its gold annotation."""

    predicted: AbstractSet[Pair]
    gold: AbstractSet[Pair]

    @property
    def hits(self) -> int:
        """Gold pairs that were predicted."""
        return len(self.predicted & self.gold)

    @property
    def location_accuracy(self) -> float:
        """Share of gold spans that were predicted; 0 without gold."""
        spans = {span for span, _ in self.gold}
        return ratio(len(spans & {span for span, _ in self.predicted}), len(spans))

    @property
    def joint_accuracy(self) -> float:
        """Share of gold pairs that were predicted; 0 without gold."""
        return ratio(self.hits, len(self.gold))


@dataclass(frozen=True, slots=True)
class Figures:
    """What is reported for a set of traces."""

    traces: int
    location_accuracy: Interval
    joint_accuracy: Interval
    category_f1: Interval
    pair_precision: Interval
    pair_recall: Interval
    pair_f1: Interval
    predictions_per_trace: Interval


def figures(repetitions: Sequence[Sequence[Scored]]) -> Figures:
    """The figures of a set of traces, with bootstrap intervals over the traces.

    Each repetition holds the same traces in the same order, predicted with another division into
    folds; figures are averaged over repetitions. One repetition is the plain case.
    """
    weights = resampled(len(repetitions[0]))
    stacked = [_samples(scored, weights) for scored in repetitions]
    averaged = [interval(np.mean(np.stack(parts), axis=0)) for parts in zip(*stacked, strict=True)]
    return Figures(len(repetitions[0]), *averaged)


def _samples(scored: Sequence[Scored], weights: Weights) -> list[Floats]:
    def total(values: Sequence[float]) -> Floats:
        return weights @ np.asarray(values, dtype=np.float64)

    count = weights.sum(axis=1)
    hits = total([each.hits for each in scored])
    predicted = total([len(each.predicted) for each in scored])
    gold = total([len(each.gold) for each in scored])
    precision, recall = _divided(hits, predicted), _divided(hits, gold)
    return [
        total([each.location_accuracy for each in scored]) / count,
        total([each.joint_accuracy for each in scored]) / count,
        _category_f1(scored, weights),
        precision,
        recall,
        _divided(2 * precision * recall, precision + recall),
        predicted / count,
    ]


def _category_f1(scored: Sequence[Scored], weights: Weights) -> Floats:
    """F1 of each category's presence in a trace, averaged with the category's support as weight."""
    gold = np.stack([_presence(each.gold) for each in scored])
    predicted = np.stack([_presence(each.predicted) for each in scored])
    true = weights @ (gold * predicted)
    support, claimed = weights @ gold, weights @ predicted
    f1 = _divided(2 * true, support + claimed)
    return _divided((f1 * support).sum(axis=1), support.sum(axis=1))


def _presence(pairs: AbstractSet[Pair]) -> Floats:
    named = {category for _, category in pairs}
    return np.array([category in named for category in CATEGORIES], dtype=np.float64)


def _divided(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


@dataclass(frozen=True, slots=True)
class CategoryFigures:
    """How one category fared over all traces, in (span, category) pairs."""

    category: str
    gold: int
    predicted: int
    hits: int

    @property
    def precision(self) -> float:
        """Share of the predictions that are right."""
        return ratio(self.hits, self.predicted)

    @property
    def recall(self) -> float:
        """Share of the annotations that were predicted."""
        return ratio(self.hits, self.gold)


def by_category(scored: Sequence[Scored]) -> list[CategoryFigures]:
    """Every category that was annotated or predicted, the most annotated first."""

    def count(category: str) -> CategoryFigures:
        gold = [{pair for pair in each.gold if pair[1] == category} for each in scored]
        predicted = [{pair for pair in each.predicted if pair[1] == category} for each in scored]
        hits = sum(len(first & second) for first, second in zip(gold, predicted, strict=True))
        return CategoryFigures(category, sum(map(len, gold)), sum(map(len, predicted)), hits)

    counted = [count(category) for category in CATEGORIES]
    return sorted((each for each in counted if each.gold or each.predicted), key=lambda each: -each.gold)
