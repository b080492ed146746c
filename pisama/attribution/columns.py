"""What signs are made with: a number a step, from flags, texts and neighbours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from math import log1p

from pisama.attribution.wording import count

Columns = dict[str, list[float]]
"""By name of the sign; each column as long as the run has steps."""


def flags(values: Iterable[object]) -> list[float]:
    """Truth values as 1 and 0."""
    return [float(bool(value)) for value in values]


def where(flags: Sequence[bool], values: Sequence[float]) -> list[float]:
    """The values where a flag is set, 0 elsewhere."""
    return [value if flag else 0.0 for flag, value in zip(flags, values, strict=True)]


def counts(pattern: re.Pattern[str], texts: Sequence[str]) -> list[float]:
    """How often a pattern occurs in each text, as log(1 + count)."""
    return [log1p(count(pattern, text)) for text in texts]


def before(flags: Sequence[bool]) -> list[bool]:
    """For each position the flag of the one before."""
    return [False, *flags[:-1]] if flags else []


def first(flags: Iterable[bool]) -> list[bool]:
    """Only the first set flag."""
    listed = list(flags)
    position = listed.index(True) if True in listed else -1
    return [number == position for number in range(len(listed))]


def last(flags: Iterable[bool]) -> list[bool]:
    """Only the last set flag."""
    return first(reversed(list(flags)))[::-1]


def nearest(flags: Iterable[bool]) -> list[int | None]:
    """For each position the nearest set one at or before it."""
    found: list[int | None] = []
    latest: int | None = None
    for position, flag in enumerate(flags):
        latest = position if flag else latest
        found.append(latest)
    return found


def mean_after(values: Sequence[float]) -> list[float]:
    """The mean of what comes after each; 0 for the last."""
    total, found = 0.0, []
    for number, value in enumerate(reversed(values)):
        found.append(total / number if number else 0.0)
        total += value
    return found[::-1]


def any_after(given: Sequence[bool]) -> list[float]:
    """1 where a flag is set later."""
    return flags(mean_after([float(flag) for flag in given]))
