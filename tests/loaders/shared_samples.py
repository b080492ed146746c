"""The samples of real emitters that lie beside the project, in ../shared/formats, and are no part of it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import TypeVar

import pytest

from pisama import Report, analyze

FORMATS = Path(__file__).parents[3] / "shared" / "formats"
MANIFEST = FORMATS / "MANIFEST.tsv"

Value = TypeVar("Value")


@dataclass(frozen=True)
class Sample:
    """A line of the manifest."""

    path: str
    label: str


def _samples() -> tuple[Sample, ...]:
    if not MANIFEST.exists():
        return ()
    with MANIFEST.open(encoding="utf-8", newline="") as lines:
        return tuple(Sample(row["path"], row["sniff_label"]) for row in csv.DictReader(lines, delimiter="\t"))


SAMPLES = _samples()
needs_samples = pytest.mark.skipif(not SAMPLES, reason="the samples of ../shared/formats are not here")


def matching(patterns: Iterable[str], but: Iterable[str] = ()) -> list[str]:
    """Paths of the samples that fit one of the first patterns and none of the second."""
    return [
        sample.path
        for sample in SAMPLES
        if any(fnmatch(sample.path, pattern) for pattern in patterns)
        and not any(fnmatch(sample.path, pattern) for pattern in but)
    ]


def first(table: Mapping[str, Value], name: str) -> Value | None:
    """The value of the first pattern that fits."""
    return next((value for pattern, value in table.items() if fnmatch(name, pattern)), None)


@cache
def report(path: str) -> Report:
    """What the library says of a sample."""
    return analyze(FORMATS / path)
