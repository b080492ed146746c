"""Reading TRAIL: the traces without what the run could not know, and the annotations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from benchmarks.data import DataMissingError, as_object, as_objects, as_text, first_folder, read_json
from benchmarks.trail.categories import normalised
from pisama.trace import JSON

Pair: TypeAlias = tuple[str, str]
"""A span id and a category."""

SPLITS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "gaia": (
        ("traces/gaia", "annotations/gaia"),
        ("benchmarking/data/GAIA", "benchmarking/processed_annotations_gaia"),
        ("data/GAIA", "processed_annotations_gaia"),
    ),
    "swe_bench": (
        ("traces/swe_bench", "annotations/swe_bench"),
        ("benchmarking/data/SWE Bench", "benchmarking/processed_annotations_swe_bench"),
        ("data/SWE Bench", "processed_annotations_swe_bench"),
    ),
}
"""Where traces and annotations lie, by split: this project's layout first, then the upstream repository's."""


@dataclass(frozen=True, slots=True)
class Case:
    """One trace of the benchmark and where its annotation is."""

    id: str
    split: str
    trace_path: Path
    annotation_path: Path


def find_cases(data: Path) -> list[Case]:
    """Every trace that has an annotation, ordered by split and id. Raises `DataMissingError`."""
    if not data.is_dir():
        raise DataMissingError(f"{data} is not a folder; it should hold traces/ and annotations/ of TRAIL")
    return [case for split, places in SPLITS.items() for case in _split(data, split, places)]


def _split(data: Path, split: str, places: tuple[tuple[str, str], ...]) -> list[Case]:
    traces = first_folder((data / place for place, _ in places), f"folder of {split} traces")
    annotations = first_folder((data / place for _, place in places), f"folder of {split} annotations")
    cases = [
        Case(path.stem, split, path, annotations / path.name)
        for path in sorted(traces.glob("*.json"))
        if (annotations / path.name).is_file()
    ]
    if not cases:
        raise DataMissingError(f"no trace in {traces} has an annotation of the same name in {annotations}")
    return cases


def blind_trace(path: Path) -> dict[str, JSON]:
    """The trace as a detector may see it.

    `logs` are taken out of every span: those of the benchmark's own runner hold the true answer and
    the steps of the person who wrote the question.
    """
    trace = as_object(read_json(path))
    waiting = as_objects(trace.get("spans"))
    while waiting:
        span = waiting.pop()
        span.pop("logs", None)
        waiting.extend(as_objects(span.get("child_spans")))
    return trace


def gold_pairs(path: Path) -> frozenset[Pair]:
    """The annotated (span, category) pairs as a set, categories normalised."""
    errors = as_objects(as_object(read_json(path)).get("errors"))
    return frozenset(
        (as_text(error.get("location")).strip(), normalised(as_text(error.get("category"))))
        for error in errors
    )
