"""The fitted weights: what every sign of a step adds to its score, and scores as probabilities.

The score of a step is the sum of its signs, each times its weight: log odds against the other steps
of the run. The probability of a step is the softmax of the scores of its run, divided by a
temperature that was set on runs the weights had not seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from math import exp, fsum
from operator import mul
from pathlib import Path
from typing import NamedTuple, cast

import orjson

from pisama.attribution.columns import Columns


class Model(NamedTuple):
    """Weights for one kind of run."""

    weights: Mapping[str, float]
    """By sign: log odds for each unit of it."""
    temperature: float

    def scores(self, columns: Columns) -> list[float]:
        """The sum of the weighed signs for every step, exactly rounded: the same on every version of Python."""
        weights = tuple(self.weights.values())
        steps = zip(*(columns[name] for name in self.weights), strict=True)
        return [fsum(map(mul, weights, step)) for step in steps]

    def probabilities(self, columns: Columns) -> list[float]:
        """How likely each step is the decisive mistake; sums to 1 over the run, which must have steps."""
        return softmax([score / self.temperature for score in self.scores(columns)])

    def credits(self, columns: Columns, positions: Sequence[int]) -> list[dict[str, float]]:
        """What each sign adds to the score of each of these steps, beyond what it adds to the mean step of the run."""
        means = {name: fsum(columns[name]) / len(columns[name]) for name in self.weights}
        return [
            {name: (columns[name][position] - means[name]) * weight for name, weight in self.weights.items()}
            for position in positions
        ]


class Weights(NamedTuple):
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


def softmax(scores: Sequence[float]) -> list[float]:
    """Scores as probabilities."""
    highest = max(scores)
    powers = [exp(score - highest) for score in scores]
    total = fsum(powers)
    return [power / total for power in powers]


def read_weights(value: Mapping[str, object]) -> Weights:
    """Weights from their JSON form. Raises `KeyError` or `ValueError` when it is another form."""
    led, unled = (_read_model(cast(Mapping[str, object], value[name])) for name in ("led", "unled"))
    return Weights(led, unled, str(value["fitted_on"]))


def as_json(weights: Weights) -> dict[str, object]:
    """Weights in their JSON form, the signs by what they are called."""
    models = {
        name: {"temperature": model.temperature, "weights": dict(sorted(model.weights.items()))}
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
    weights = cast(Mapping[str, float], value["weights"])
    return Model(
        {name: float(weight) for name, weight in weights.items()}, float(cast(float, value["temperature"]))
    )
