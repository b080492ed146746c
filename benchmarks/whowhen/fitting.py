"""Fitting the weights of attribution: boosted trees on the likelihood of the labelled step within its run.

A bag of boosters, each of small trees, is fitted for either kind of run (led and unled), because
what gives a mistake away differs: where a leader hands out work, mistakes lie in what the workers
bring; where agents take turns, in what is first said or coded. The loss is the softmax over the
steps of a run (listwise; Cao et al., ICML 2007), trees are grown by second-order gains on binned
columns (Chen and Guestrin, KDD 2016). The same data give the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.statistics import folds
from benchmarks.whowhen.data import Case
from pisama.attribution.model import Array, Model, Question, Tree, Weights, softmax, tabulated
from pisama.attribution.signs import Columns

DIGITS = 5
"""Decimals of what is written; thresholds are rounded before they are used, so that nothing is lost."""
INNER_FOLDS = 5
"""Folds on which the temperature is set."""
_TEMPERATURES = tuple(round(0.6 + 0.1 * step, 1) for step in range(35))

Key = tuple[str, bool]
Bins = npt.NDArray[np.int64]


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
    """How a bag is grown. Chosen once, by hand, on the cases of the development part."""

    depth: int
    rounds: int
    bag: int = 8
    rate: float = 0.15
    ridge: float = 3.0
    columns: float = 0.4
    """Share of the columns that a tree may ask about."""
    runs: float = 0.8
    """Share of the runs that a tree is grown on."""
    bins: int = 8
    least: int = 6
    """Steps that either side of a question must have."""


LED = Settings(depth=3, rounds=30)
UNLED = Settings(depth=1, rounds=80)


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
    led, unled = (
        fit_model(kinds[kind] or kinds[not kind], LED if kind else UNLED, without, calibrated=calibrated)
        for kind in (True, False)
    )
    return Weights(led, unled, digest(each.case.id for each in labelled))


def fit_model(
    cases: Sequence[Labelled], settings: Settings, without: frozenset[str], *, calibrated: bool
) -> Model:
    """Trees for these runs, and the temperature under which held-out runs are likeliest."""
    honest: list[tuple[Array, int]] = []
    if calibrated and len(cases) > 1:
        for training, held_out in folds(cases, lambda each: each.case.id, INNER_FOLDS, seed=0):
            model = Model(_grown(training, settings, without), 1.0)
            for position in held_out:
                table, steps = tabulated(cases[position].columns)
                honest.append((model.scores(table, steps), _target(cases[position])))
    losses = [
        (sum(-float(np.log(softmax(scores / heat)[target])) for scores, target in honest), heat)
        for heat in _TEMPERATURES
    ]
    temperature = min(losses)[1] if honest else 1.0
    return Model(_grown(cases, settings, without), temperature)


def digest(names: Iterable[str]) -> str:
    """16 hex digits that name a set of runs by their ids."""
    return hashlib.sha256("\n".join(sorted(names)).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _target(case: Labelled) -> int:
    assert case.target is not None, "only labelled runs are fitted"
    return case.target


def _grown(cases: Sequence[Labelled], settings: Settings, without: frozenset[str]) -> tuple[Tree, ...]:
    """The trees of every booster of the bag, ends divided by the size of the bag, like ones added up."""
    matrix = _Matrix.of(cases, settings, without)
    found: dict[tuple[Key, float], list[float]] = {}
    deeper: list[Tree] = []
    for seed in range(settings.bag):
        for tree in _Booster(matrix, settings, seed).trees():
            if isinstance(tree, Question) and isinstance(tree.yes, float) and isinstance(tree.no, float):
                ends = found.setdefault(((tree.sign, tree.relative), tree.above), [0.0, 0.0])
                ends[0] += tree.yes
                ends[1] += tree.no
            elif isinstance(tree, Question):
                deeper.append(tree)
    stumps = (Question(*key, above, *ends) for (key, above), ends in sorted(found.items()))
    return tuple(_divided(tree, settings.bag) for tree in (*stumps, *deeper))


def _divided(tree: Tree, by: int) -> Tree:
    if not isinstance(tree, Question):
        return round(tree / by, DIGITS)
    return Question(tree.sign, tree.relative, tree.above, _divided(tree.yes, by), _divided(tree.no, by))


@dataclass(frozen=True, slots=True)
class _Matrix:
    """The columns of all runs under each other, binned."""

    keys: list[Key]
    edges: list[Array]
    bins: Bins
    """Shape (steps, columns): how many edges lie below the value."""
    starts: Bins
    """Row at which each run starts."""
    run_of: Bins
    labels: Array

    @classmethod
    def of(cls, cases: Sequence[Labelled], settings: Settings, without: frozenset[str]) -> _Matrix:
        tables = [
            tabulated({name: column for name, column in each.columns.items() if name not in without})
            for each in cases
        ]
        keys = list(tables[0][0])
        values = np.vstack([np.stack([table[key] for key in keys], axis=1) for table, _ in tables])
        parts = np.linspace(0, 1, settings.bins + 1)[1:-1]
        edges = [_edges(column, parts) for column in values.T]
        bins = np.stack(
            [
                np.searchsorted(edge, column, side="left")
                for edge, column in zip(edges, values.T, strict=True)
            ],
            axis=1,
        )
        sizes = np.array([steps for _, steps in tables])
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        labels = np.zeros(len(values))
        labels[starts + np.array([_target(each) for each in cases])] = 1.0
        return cls(keys, edges, bins, starts, np.repeat(np.arange(len(cases)), sizes), labels)


def _edges(column: Array, parts: Array) -> Array:
    """Thresholds halfway between a quantile and the next greater value, where nothing depends on the last bit."""
    distinct = np.unique(column)
    lower = np.searchsorted(distinct, np.quantile(column, parts, method="lower"), side="right") - 1
    lower = np.unique(lower[lower < len(distinct) - 1])
    return np.unique(((distinct[lower] + distinct[lower + 1]) / 2).round(DIGITS))


@dataclass(frozen=True, slots=True)
class _Booster:
    matrix: _Matrix
    settings: Settings
    seed: int

    def trees(self) -> Iterator[Tree]:
        matrix, settings = self.matrix, self.settings
        random = np.random.default_rng(self.seed)
        scores = np.zeros(len(matrix.labels))
        for _ in range(settings.rounds):
            likely = self._likely(scores)
            drawn = (random.random(len(matrix.starts)) < settings.runs)[matrix.run_of]
            columns = random.permutation(len(matrix.keys))[: max(1, int(len(matrix.keys) * settings.columns))]
            gradient, curvature = matrix.labels - likely, likely * (1 - likely)
            tree = self._grow(gradient, curvature, np.flatnonzero(drawn), columns, settings.depth)
            scores += self._ends(tree)
            yield tree

    def _likely(self, scores: Array) -> Array:
        starts, run_of = self.matrix.starts, self.matrix.run_of
        powers = np.exp(scores - np.maximum.reduceat(scores, starts)[run_of])
        return np.asarray(powers / np.add.reduceat(powers, starts)[run_of])

    def _grow(self, gradient: Array, curvature: Array, rows: Bins, columns: Bins, depth: int) -> Tree:
        settings = self.settings
        pull, stiffness = float(gradient[rows].sum()), float(curvature[rows].sum())
        end = settings.rate * pull / (stiffness + settings.ridge)
        if depth == 0 or len(rows) < 2 * settings.least:
            return end
        width = settings.bins + 1
        cells = self.matrix.bins[np.ix_(rows, columns)] + np.arange(len(columns)) * width
        size = len(columns) * width

        def below(weights: Array | None) -> Array:
            spread = np.repeat(weights[rows], len(columns)) if weights is not None else None
            return np.cumsum(np.bincount(cells.ravel(), spread, size).reshape(-1, width), axis=1)

        pulls, stiffnesses, counts = below(gradient), below(curvature), below(None)
        gains = (
            pulls**2 / (stiffnesses + settings.ridge)
            + (pull - pulls) ** 2 / (stiffness - stiffnesses + settings.ridge)
            - pull**2 / (stiffness + settings.ridge)
        )
        gains[(counts < settings.least) | (len(rows) - counts < settings.least)] = -1.0
        best = int(gains.argmax())
        if gains.flat[best] <= 1e-9:
            return end
        column, cut = int(columns[best // width]), best % width
        above = self.matrix.bins[rows, column] > cut
        sign, relative = self.matrix.keys[column]
        yes, no = (
            self._grow(gradient, curvature, rows[side], columns, depth - 1) for side in (above, ~above)
        )
        return Question(sign, relative, float(self.matrix.edges[column][cut]), yes, no)

    def _ends(self, tree: Tree) -> Array:
        if not isinstance(tree, Question):
            return np.full(len(self.matrix.labels), tree)
        column = self.matrix.keys.index((tree.sign, tree.relative))
        cut = int(np.searchsorted(self.matrix.edges[column], tree.above))
        return np.where(self.matrix.bins[:, column] > cut, self._ends(tree.yes), self._ends(tree.no))
