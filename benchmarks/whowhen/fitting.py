"""Fitting the weights of attribution: a conditional logit, the likelihood of the labelled step within its run.

The score of a step is linear in its signs and the loss is the softmax over the steps of a run
(McFadden, 1974), with a ridge on the weights. Where agents act many times each, a label tells more
about who than about when, so that the likelihood of the labelled agent counts too. Either kind of
run (led and unled) has weights of its own, because what gives a mistake away differs: where a
leader hands out work, mistakes lie in what the workers bring; where agents take turns, in what is
first said or coded. The same data give the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from benchmarks.statistics import folds
from benchmarks.whowhen.data import Case
from pisama.attribution.columns import Columns
from pisama.attribution.model import Model, Weights, softmax

DIGITS = 4
"""Decimals of what is written."""
INNER_FOLDS = 5
"""Folds on which the temperature is set."""
LEAST_SPREAD = 0.15
"""Spread below which a sign is not scaled up, so that one that hardly ever occurs gets little weight."""
PRIOR = {"issue": 0.5}
"""Weights from which fitting starts and to which the ridge pulls; 0 for every other sign. An issue speaks
against the step it was found at, though the conversations fitted on hold few that a detector sees."""
_TEMPERATURES = tuple(round(0.6 + 0.1 * step, 1) for step in range(35))
_ROUNDS = 50
"""Newton steps, of which some ten are needed."""
_ENOUGH = 1e-6
"""Gain in log likelihood below which fitting ends."""

Array: TypeAlias = npt.NDArray[np.float64]
Positions: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Labelled:
    """The signs of one run and where its label lies."""

    case: Case
    columns: Columns
    agents: tuple[str, ...]
    steps: tuple[int, ...]
    """The source's numbers of the steps."""
    led: bool

    @property
    def target(self) -> int | None:
        """Position of the labelled step; None when no step of an agent has that number."""
        return self.steps.index(self.case.step) if self.case.step in self.steps else None


@dataclass(frozen=True, slots=True)
class Settings:
    """How a model is fitted. Chosen by hand, in cross-validation on the cases of the development part."""

    ridge: float
    """Weight of the squared weights of the scaled signs."""
    agent: float
    """How much the likelihood of the labelled agent counts beside that of the labelled step."""


LED = Settings(ridge=100.0, agent=3.0)
UNLED = Settings(ridge=25.0, agent=0.0)


def fit(
    cases: Sequence[Labelled], *, calibrated: bool = True, without: frozenset[str] = frozenset()
) -> Weights:
    """Weights for these runs. Raises `ValueError` where neither kind of run has a labelled step.

    A kind that does not occur gets the model of the other. Without `calibrated` the temperature is
    1. `without` names signs that are left out.
    """
    labelled = [each for each in cases if each.target is not None]
    if not labelled:
        raise ValueError("no run has a labelled step")
    kinds = {led: [each for each in labelled if each.led is led] for led in (True, False)}
    models = {
        led: fit_model(some, LED if led else UNLED, without, calibrated=calibrated)
        for led, some in kinds.items()
        if some
    }
    led, unled = (models.get(kind) or models[not kind] for kind in (True, False))
    return Weights(led, unled, digest(each.case.id for each in labelled))


def fit_model(
    cases: Sequence[Labelled], settings: Settings, without: frozenset[str], *, calibrated: bool
) -> Model:
    """Weights for these runs, and the temperature under which held-out runs are likeliest."""
    honest: list[tuple[list[float], int]] = []
    if calibrated and len(cases) > 1:
        for training, held_out in folds(cases, lambda each: each.case.id, INNER_FOLDS, seed=0):
            model = Model(_weights(training, settings, without), 1.0)
            honest += [
                (model.scores(cases[position].columns), _target(cases[position])) for position in held_out
            ]
    losses = [
        (
            sum(-log(softmax([score / heat for score in scores])[target]) for scores, target in honest),
            heat,
        )
        for heat in _TEMPERATURES
    ]
    temperature = min(losses)[1] if honest else 1.0
    return Model(_weights(cases, settings, without), temperature)


def digest(names: Iterable[str]) -> str:
    """16 hex digits that name a set of runs by their ids."""
    return hashlib.sha256("\n".join(sorted(names)).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _target(case: Labelled) -> int:
    assert case.target is not None, "only labelled runs are fitted"
    return case.target


def _weights(cases: Sequence[Labelled], settings: Settings, without: frozenset[str]) -> dict[str, float]:
    """By sign its weight for each unit of the sign."""
    names = [name for name in cases[0].columns if name not in without]
    rows = np.vstack([np.array([each.columns[name] for name in names]).T for each in cases])
    spread = np.maximum(rows.std(axis=0), LEAST_SPREAD)
    prior = np.array([PRIOR.get(name, 0.0) for name in names]) * spread
    runs = _Runs.of(cases, (rows - rows.mean(axis=0)) / spread, prior)
    fitted = runs.fitted(settings) / spread
    return {name: round(float(weight), DIGITS) for name, weight in zip(names, fitted, strict=True)}


@dataclass(frozen=True, slots=True)
class _Point:
    """Weights, how likely they make the labels, and with what probabilities."""

    weights: Array
    gain: float
    """Log likelihood less the ridge."""
    steps: Array
    """Probability of each step within its run."""
    agents: Array
    """Probability of the labelled agent, for each run."""


@dataclass(frozen=True, slots=True)
class _Runs:
    """The steps of all runs under each other."""

    rows: Array
    """Scaled signs; shape (steps, signs)."""
    starts: Positions
    """Row at which each run starts."""
    run_of: Positions
    """Number of the run of each row."""
    targets: Positions
    """Row of each label."""
    blamed: Array
    """1 for every step of a labelled agent."""
    prior: Array
    """Scaled weights to which the ridge pulls."""

    @classmethod
    def of(cls, cases: Sequence[Labelled], rows: Array, prior: Array) -> _Runs:
        sizes = np.array([len(each.steps) for each in cases])
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        targets = [_target(each) for each in cases]
        blamed = [
            name == each.agents[target]
            for each, target in zip(cases, targets, strict=True)
            for name in each.agents
        ]
        run_of = np.repeat(np.arange(len(cases)), sizes)
        return cls(
            rows,
            starts,
            run_of,
            starts + np.array(targets),
            np.array(blamed, dtype=np.float64),
            prior,
        )

    def fitted(self, settings: Settings) -> Array:
        """The likeliest weights, by Newton's method with steps halved until they gain."""
        point = self._at(self.prior, settings)
        for _ in range(_ROUNDS):
            step = self._step(point, settings)
            size = 1.0
            following = self._at(point.weights + step, settings)
            while following.gain < point.gain and size > _ENOUGH:
                size /= 2
                following = self._at(point.weights + size * step, settings)
            if following.gain - point.gain < _ENOUGH:
                break
            point = following
        return point.weights

    def _at(self, weights: Array, settings: Settings) -> _Point:
        scores = self.rows @ weights
        powers = np.exp(scores - np.maximum.reduceat(scores, self.starts)[self.run_of])
        steps = powers / np.add.reduceat(powers, self.starts)[self.run_of]
        agents = np.add.reduceat(steps * self.blamed, self.starts)
        likelihood = np.log(steps[self.targets]).sum() + settings.agent * np.log(agents).sum()
        drift = weights - self.prior
        return _Point(weights, float(likelihood - settings.ridge * (drift @ drift) / 2), steps, agents)

    def _step(self, point: _Point, settings: Settings) -> Array:
        """The Newton step; the curvature is that of the steps' likelihood, for the agents' too, which bounds it."""
        expected = np.add.reduceat(self.rows * point.steps[:, None], self.starts, axis=0)
        pull = (self.rows[self.targets] - expected).sum(axis=0) - settings.ridge * (
            point.weights - self.prior
        )
        within = point.steps * self.blamed / point.agents[self.run_of]
        pull += settings.agent * (within @ self.rows - expected.sum(axis=0))
        curvature = (self.rows * point.steps[:, None]).T @ self.rows - expected.T @ expected
        curvature = (1 + settings.agent) * curvature + settings.ridge * np.eye(len(point.weights))
        return np.asarray(np.linalg.solve(curvature, pull))
