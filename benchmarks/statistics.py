"""Folds and intervals, the same at every run."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

RESAMPLES = 2000
"""Bootstrap samples: enough for a 95% interval that is stable in the second digit."""

Case = TypeVar("Case")


def folds(
    cases: Sequence[Case], name: Callable[[Case], str], count: int, seed: int
) -> Iterator[tuple[list[Case], list[int]]]:
    """Training cases and the positions of the held-out cases, `count` times.

    Cases are dealt in the order of a hash of the seed and their name, so that folds do not depend
    on the order of the files; cases of the same name share a fold.
    """
    names = sorted({name(case) for case in cases}, key=lambda each: _hash(seed, each))
    fold_of = {each: position % count for position, each in enumerate(names)}
    for fold in range(min(count, len(names))):
        held_out = [position for position, case in enumerate(cases) if fold_of[name(case)] == fold]
        yield [case for case in cases if fold_of[name(case)] != fold], held_out


def _hash(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}:{name}".encode("utf-8", "surrogatepass")).digest()


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its 95% percentile bootstrap interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.2f}, {self.high:.2f}]"


Weights = npt.NDArray[np.float64]
"""How often each case was drawn; shape (samples, cases)."""


def resampled(cases: int, seed: int = 0) -> Weights:
    """Row 0 takes every case once; the other rows draw with replacement. Shape (RESAMPLES + 1, cases)."""
    generator = np.random.default_rng(seed)
    drawn = generator.multinomial(cases, np.full(cases, 1 / cases), size=RESAMPLES)
    return np.vstack([np.ones(cases), drawn]).astype(np.float64)


def interval(samples: npt.NDArray[np.float64]) -> Interval:
    """The figure in the first place, with the 2.5th and 97.5th percentile of the others."""
    low, high = np.percentile(samples[1:], [2.5, 97.5])
    return Interval(float(samples[0]), float(low), float(high))


def proportion(hits: float, of: int, z: float = 1.96) -> Interval:
    """A share with its 95% Wilson score interval (Wilson 1927); of nothing, 0 with the widest interval."""
    if of == 0:
        return Interval(0.0, 0.0, 1.0)
    share = hits / of
    centre = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * float(np.sqrt(share * (1 - share) / of + z * z / (4 * of * of)))
    return Interval(share, max(0.0, centre - half), min(1.0, centre + half))


def ratio(part: float, whole: float) -> float:
    """Part of whole; 0 of nothing."""
    return part / whole if whole else 0.0


def harmonic(first: float, second: float) -> float:
    """The harmonic mean, which F1 is of precision and recall."""
    return ratio(2 * first * second, first + second)


def mean(values: Iterable[float]) -> float:
    """The mean; 0 of nothing."""
    listed = list(values)
    return ratio(sum(listed), len(listed))
