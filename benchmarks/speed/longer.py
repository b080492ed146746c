"""`python -m benchmarks.speed.longer`: growth of time and memory from 10,000 to 100,000 steps, for each shape, detector and loader.

It takes long, which is why it is not part of `python -m benchmarks.speed`; that measures the same from 2,000 to
20,000 steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.command import application, show, table, tracked, write_json
from benchmarks.speed.growth import RECORDINGS, TIMES, Growth, growth, samples
from benchmarks.speed.runs import SHAPES
from benchmarks.speed.targets import Target, of_growth
from pisama.config import Config
from pisama.detectors import Detector
from pisama.selection import chosen


def main(
    steps: Annotated[
        int, typer.Option(help="Steps of the short runs; the long ones are ten times as long.", min=10)
    ] = 10_000,
    repeat: Annotated[int, typer.Option(help="Repetitions; the least time counts.", min=1)] = 1,
    formats: Annotated[
        Path, typer.Option(help="Folder with recordings, one or more for each loader to be measured.")
    ] = RECORDINGS,
    json: Annotated[
        Path | None, typer.Option("--json", help="Write all figures to this file.", show_default="none")
    ] = None,
) -> None:
    """Measure how time and memory grow when long runs are ten times as long."""
    shapes = shapes_grown(steps, chosen(Config(plugins=False)), repeat)
    loaders = loaders_grown(formats, steps, repeat)
    show_growth(shapes, loaders, steps)
    found = list(of_growth(shapes, loaders))
    show_targets(found)
    if json is not None:
        listed = [asdict(each) for each in found]
        written = {
            name: {key: asdict(each) for key, each in grown.items()}
            for name, grown in (("shapes", shapes), ("loaders", loaders))
        }
        write_json(json, {"steps": steps, "targets": listed, **written})


def shapes_grown(steps: int, detectors: Sequence[Detector], repeat: int) -> dict[str, Growth]:
    """By the name of a shape: loading and all detectors, from so many steps to ten times as many."""
    return {
        name: growth(SHAPES[name](steps), SHAPES[name](TIMES * steps), detectors, repeat)
        for name in tracked(list(SHAPES), "shapes")
    }


def loaders_grown(folder: Path, steps: int, repeat: int) -> dict[str, Growth]:
    """By the id of a loader that knows a recording in the folder: loading alone."""
    found = tracked(list(samples(folder, steps)), "loaders")
    return {name: growth(short, long, (), repeat) for name, short, long in found}


def show_growth(shapes: Mapping[str, Growth], loaders: Mapping[str, Growth], steps: int) -> None:
    """Prints a table of the shapes, one of every detector in each of them, and one of the loaders."""
    title = f"{steps:,} steps and {TIMES * steps:,} steps"
    note = f"× is how many times more a run takes that is {TIMES} times as long."
    loading = ["", "MB", "load s", "load ×", "peak MB", "peak ×"]
    show(
        table(title, [*loading, "detectors s", "detectors ×"], _rows(shapes), note),
        table(f"{title}: time of each detector, ×", ["", *shapes], detector_rows(shapes), "–: too short to measure."),
        table(f"Recordings of {len(loaders)} formats repeated, and {TIMES} times their length: loading", loading,
              (row[: len(loading)] for row in _rows(loaders)), note),
    )  # fmt: skip


def detector_rows(shapes: Mapping[str, Growth]) -> list[tuple[str, ...]]:
    """A row for each detector that took long enough in any shape, with its growth in each of them."""
    names = sorted({name for grown in shapes.values() for name in grown.each})
    return [
        (name, *(f"{grown.each[name]:.1f}" if name in grown.each else "–" for grown in shapes.values()))
        for name in names
    ]


def show_targets(found: Iterable[Target]) -> None:
    """Prints each figure beside its limit."""
    rows = [
        (
            each.name,
            f"{each.figure:.2f} {each.unit}",
            f"{each.limit:g} {each.unit}",
            "met" if each.met else "missed",
        )
        for each in found
    ]
    show(table("Targets", ["what", "figure", "at most", ""], rows))


def _rows(found: Mapping[str, Growth]) -> list[tuple[str, ...]]:
    return [
        (
            name,
            f"{each.megabytes:,.1f}",
            f"{each.load_seconds:.2f}",
            f"{each.load:.1f}",
            f"{each.peak_megabytes:,.0f}",
            f"{each.memory:.1f}",
            f"{each.detector_seconds:.2f}",
            f"{each.detectors:.1f}",
        )
        for name, each in found.items()
    ]


if __name__ == "__main__":
    application(main)()
