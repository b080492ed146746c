"""The fitted weights: small trees over the signs of a run, summed up and made into probabilities.

A tree asks whether a sign of a step, or how far it stands out within its run, is above a threshold,
and adds what it finds at its end to the step's score. The probability of a step is the softmax of
the scores of its run, divided by a temperature that was set on runs the trees had not seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TypeAlias, cast

import numpy as np
import numpy.typing as npt
import orjson

from pisama.attribution.signs import Columns

Array: TypeAlias = npt.NDArray[np.float64]

LEAST_SPREAD = 0.05
"""Spread of a sign within a run below which differences do not count as standing out."""
RUN = "in the run"
"""Said of a column that tells how far a step stands out within its run, in standard deviations."""


@dataclass(frozen=True, slots=True)
class Question:
    """A place where a tree parts."""

    sign: str
    relative: bool
    """Asked of how far the step stands out within its run, and not of the sign itself."""
    above: float
    yes: Tree
    no: Tree


Tree: TypeAlias = Question | float


@dataclass(frozen=True, slots=True)
class Model:
    """Trees for one kind of run."""

    trees: tuple[Tree, ...]
    temperature: float

    def scores(self, table: Mapping[tuple[str, bool], Array], steps: int) -> Array:
        """The sum of the trees for every step."""
        return sum((_ends(tree, table, steps) for tree in self.trees), start=np.zeros(steps))

    def probabilities(self, columns: Columns) -> Array:
        """How likely each step is the decisive mistake; sums to 1 over the run, which must have steps."""
        table, steps = tabulated(columns)
        return softmax(self.scores(table, steps) / self.temperature)

    def credits(self, columns: Columns, positions: Sequence[int]) -> list[dict[tuple[str, bool], float]]:
        """What each sign adds to the score of each of these steps, beyond what it adds to the mean step of the run.

        A tree's end is shared evenly by the signs that were asked about on the way to it.
        """
        table, steps = tabulated(columns)
        found: list[dict[tuple[str, bool], float]] = [{} for _ in positions]
        for tree in self.trees:
            ends = _ends(tree, table, steps)
            gains = ends - ends.mean()
            for position, credit in zip(positions, found, strict=True):
                asked = _asked(tree, table, position)
                for key in asked:
                    credit[key] = credit.get(key, 0.0) + float(gains[position]) / len(asked)
        return found


@dataclass(frozen=True, slots=True)
class Weights:
    """The models as they lie in `weights.json`."""

    led: Model
    """For runs in which agents give work to others."""
    unled: Model
    """For all other runs: agents that take turns, or one alone."""
    fitted_on: str = ""
    """Digest of the ids of the runs it was fitted on."""

    def for_run(self, *, led: bool) -> Model:
        """The model for a run of that kind."""
        return self.led if led else self.unled


def tabulated(columns: Columns) -> tuple[dict[tuple[str, bool], Array], int]:
    """Every sign as it is, and as it stands out within the run; and the number of steps."""
    table: dict[tuple[str, bool], Array] = {}
    steps = 0
    for name, column in columns.items():
        values = np.asarray(column, dtype=np.float64)
        steps = len(values)
        table[name, False] = values
        table[name, True] = (values - values.mean()) / max(float(values.std()), LEAST_SPREAD)
    return table, steps


def softmax(scores: Array) -> Array:
    """Scores as probabilities."""
    powers = np.exp(scores - scores.max())
    return cast(Array, powers / powers.sum())


def read_weights(value: Mapping[str, object]) -> Weights:
    """Weights from their JSON form. Raises `KeyError` or `ValueError` when it is another form."""
    led, unled = (_read_model(cast(Mapping[str, object], value[name])) for name in ("led", "unled"))
    return Weights(led, unled, str(value["fitted_on"]))


def as_json(weights: Weights) -> dict[str, object]:
    """Weights in their JSON form."""
    models = {
        name: {"temperature": model.temperature, "trees": [_plain(tree) for tree in model.trees]}
        for name, model in (("led", weights.led), ("unled", weights.unled))
    }
    return {"fitted_on": weights.fitted_on, **models}


@cache
def shipped() -> Weights:
    """The weights beside this module."""
    return read_weights(orjson.loads(resources.files(__package__).joinpath("weights.json").read_bytes()))


def write_weights(weights: Weights, path: Path) -> None:
    """Write weights as indented JSON, the same weights as the same bytes."""
    path.write_bytes(orjson.dumps(as_json(weights), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def _read_model(value: Mapping[str, object]) -> Model:
    trees = cast(Sequence[object], value["trees"])
    return Model(tuple(_read_tree(tree) for tree in trees), float(cast(float, value["temperature"])))


def _read_tree(value: object) -> Tree:
    if isinstance(value, (int, float)):
        return float(value)
    node = cast(Mapping[str, object], value)
    name, relative = str(node["sign"]), node.get("of") == RUN
    return Question(
        name, relative, float(cast(float, node["above"])), _read_tree(node["yes"]), _read_tree(node["no"])
    )


def _plain(tree: Tree) -> object:
    if not isinstance(tree, Question):
        return tree
    of = {"of": RUN} if tree.relative else {}
    return {"sign": tree.sign, **of, "above": tree.above, "yes": _plain(tree.yes), "no": _plain(tree.no)}


def _ends(tree: Tree, table: Mapping[tuple[str, bool], Array], steps: int) -> Array:
    if not isinstance(tree, Question):
        return np.full(steps, tree)
    yes, no = (_ends(part, table, steps) for part in (tree.yes, tree.no))
    return np.where(table[tree.sign, tree.relative] > tree.above, yes, no)


def _asked(tree: Tree, table: Mapping[tuple[str, bool], Array], position: int) -> list[tuple[str, bool]]:
    keys: list[tuple[str, bool]] = []
    while isinstance(tree, Question):
        key = (tree.sign, tree.relative)
        keys.append(key)
        tree = tree.yes if table[key][position] > tree.above else tree.no
    return keys
