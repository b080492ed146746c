"""Cross-validation by trace of everything that is fitted, baselines included."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from benchmarks.statistics import folds, ratio
from benchmarks.trail.adapter import Adapter, fit
from benchmarks.trail.baselines import Predictor, categories_everywhere, role_prior, without_issues
from benchmarks.trail.data import SPLITS, Pair
from benchmarks.trail.metrics import Figures, Scored, figures
from benchmarks.trail.sightings import Examined

FOLDS = 10
SEEDS = (0, 1, 2, 3, 4)
"""Each seed is another division of the traces into folds; figures are averaged over them."""

BASELINES: Mapping[str, Callable[[Sequence[Examined]], Predictor]] = {
    "most common category, every model call": partial(categories_everywhere, count=1),
    "five most common, every model call": partial(categories_everywhere, count=5),
    "span-role prior, 5 a trace": partial(role_prior, per_trace=5),
    "span-role prior, 12 a trace": partial(role_prior, per_trace=12),
    "the adapter without any issue": without_issues,
}


@dataclass(frozen=True, slots=True)
class Answers:
    """The adapter's answers; outer lists by division into folds (one where there is none), inner by trace."""

    scored: list[list[Scored]]
    probabilities: list[list[Mapping[Pair, float]]]


def cross_validated(cases: Sequence[Examined]) -> Answers:
    """Fit on nine tenths of the traces, predict the rest, for every fold and seed."""
    all_scored: list[list[Scored]] = []
    all_probabilities: list[list[Mapping[Pair, float]]] = []
    for seed in SEEDS:
        scored: dict[int, Scored] = {}
        shares: dict[int, Mapping[Pair, float]] = {}
        for training, held_out in folds(cases, lambda each: each.case.id, FOLDS, seed):
            adapter = fit(training)
            for position in held_out:
                each = cases[position]
                shares[position] = adapter.probabilities(each.candidates)
                scored[position] = Scored(adapter.predict(each.candidates), each.gold)
        all_scored.append([scored[position] for position in range(len(cases))])
        all_probabilities.append([shares[position] for position in range(len(cases))])
    return Answers(all_scored, all_probabilities)


def with_table(cases: Sequence[Examined], adapter: Adapter) -> Answers:
    """The adapter's answers for these traces, whatever it was fitted on."""
    return Answers(
        [[Scored(adapter.predict(each.candidates), each.gold) for each in cases]],
        [[adapter.probabilities(each.candidates) for each in cases]],
    )


def baseline(cases: Sequence[Examined], make: Callable[[Sequence[Examined]], Predictor]) -> list[Scored]:
    """A baseline's answers, fitted on the other folds like everything else."""
    scored: dict[int, Scored] = {}
    for training, held_out in folds(cases, lambda each: each.case.id, FOLDS, SEEDS[0]):
        predict = make(training)
        for position in held_out:
            scored[position] = Scored(predict(cases[position]), cases[position].gold)
    return [scored[position] for position in range(len(cases))]


def by_split(cases: Sequence[Examined], repetitions: Sequence[Sequence[Scored]]) -> dict[str, Figures]:
    """Figures of each split and of all traces together."""
    found: dict[str, Figures] = {}
    for split in (*SPLITS, "together"):
        chosen = [n for n, each in enumerate(cases) if split in (each.case.split, "together")]
        if chosen:
            found[split] = figures([[scored[n] for n in chosen] for scored in repetitions])
    return found


def curve(cases: Sequence[Examined], answers: Answers) -> list[tuple[float, float, float]]:
    """Pair precision, joint accuracy and predictions per trace at falling thresholds, for the first division.

    Thresholds are compared across folds, as they are at the operating point.
    """
    shares = answers.probabilities[0]
    points: list[tuple[float, float, float]] = []
    for threshold in (n / 50 for n in range(45, 1, -1)):
        scored = [
            Scored({pair for pair, share in found.items() if share >= threshold}, each.gold)
            for each, found in zip(cases, shares, strict=True)
        ]
        predicted = sum(len(each.predicted) for each in scored)
        if predicted:
            precision = ratio(sum(each.hits for each in scored), predicted)
            joint = ratio(sum(each.joint_accuracy for each in scored), len(scored))
            points.append((precision, joint, predicted / len(scored)))
    return points
