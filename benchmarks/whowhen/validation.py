"""How attribution does on runs it was not fitted on: by cross-validation, and from one subset to the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from benchmarks.statistics import folds, mean
from benchmarks.whowhen.answers import ABSTENTION
from benchmarks.whowhen.data import Case
from benchmarks.whowhen.fitting import Labelled, fit
from benchmarks.whowhen.metrics import Answer
from pisama.attribution.model import Weights
from pisama.attribution.ranker import together
from pisama.attribution.run import Run
from pisama.attribution.signs import signs
from pisama.report import TraceReport

FOLDS = 10
_EDGES = (0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 1.01)
"""Ranges of confidence whose outcomes are compared with it."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Who and when, and how sure."""

    answer: Answer
    confidence: float


def labelled(case: Case, report: TraceReport | None) -> Labelled | None:
    """The signs of a case; None when no step could be read from it."""
    if report is None or not report.trace.steps:
        return None
    run = Run(report)
    return Labelled(
        case,
        signs(run),
        tuple(step.agent for step in run.steps),
        tuple(step.index for step in run.steps),
        run.led,
    )


def placed(each: Labelled | None, weights: Weights) -> Placed:
    """What attribution says of a run that is known to have failed."""
    if each is None:
        return Placed(ABSTENTION, 0.0)
    likely = weights.for_run(led=each.led).probabilities(each.columns)
    scores = together(likely, each.agents)
    best = scores.index(max(scores))
    return Placed(Answer(each.agents[best], each.steps[best]), likely[best])


def cross_validated(
    cases: Sequence[Labelled | None],
    shuffles: int,
    without: frozenset[str] = frozenset(),
    tracked: Callable[[Sequence[int], str], Iterator[int]] = lambda items, _: iter(items),
) -> list[list[Placed]]:
    """For each shuffle what weights fitted on the other folds say of each case, in the order of the cases."""
    found: list[list[Placed]] = []
    numbered = [(position, each) for position, each in enumerate(cases) if each is not None]
    for shuffle in tracked(range(shuffles), "shuffles"):
        said = [Placed(ABSTENTION, 0.0)] * len(cases)
        for training, held_out in folds(numbered, lambda pair: pair[1].case.id, FOLDS, seed=shuffle):
            if not training:
                continue
            weights = fit([each for _, each in training], calibrated=False, without=without)
            for place in held_out:
                position, each = numbered[place]
                said[position] = placed(each, weights)
        found.append(said)
    return found


def transferred(cases: Sequence[Labelled | None]) -> list[Placed]:
    """What weights fitted on the other subsets say of each case."""
    weights: dict[str, Weights] = {}
    for subset in {each.case.subset for each in cases if each is not None}:
        others = [each for each in cases if each is not None and each.case.subset != subset]
        if others:
            weights[subset] = fit(others, calibrated=False)
    return [
        placed(each, weights[each.case.subset])
        if each is not None and each.case.subset in weights
        else Placed(ABSTENTION, 0.0)
        for each in cases
    ]


@dataclass(frozen=True, slots=True)
class Reliability:
    """How often steps named with about the same confidence were right."""

    cases: int
    stated: float
    """Mean confidence."""
    right: float
    """Share of right steps."""


def reliability(cases: Sequence[Case], shuffles: Sequence[Sequence[Placed]]) -> list[Reliability]:
    """By ranges of confidence, over all shuffles; empty ranges are left out."""
    pairs = [
        (each.confidence, each.answer.step == case.step)
        for said in shuffles
        for case, each in zip(cases, said, strict=True)
    ]
    found: list[Reliability] = []
    for low, high in pairwise(_EDGES):
        chosen = [pair for pair in pairs if low <= pair[0] < high]
        if chosen:
            found.append(
                Reliability(
                    len(chosen), mean(stated for stated, _ in chosen), mean(right for _, right in chosen)
                )
            )
    return found
