"""`python -m benchmarks.speed [TRACES]`."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.command import application, clear_errors, show, table, tracked, write_json
from benchmarks.data import DataMissingError
from benchmarks.speed.files import FILES
from benchmarks.speed.growth import RECORDINGS
from benchmarks.speed.longer import loaders_grown, shapes_grown, show_growth, show_targets
from benchmarks.speed.measure import Timing, timed
from benchmarks.speed.processes import Process, analysed, linted
from benchmarks.speed.runs import different_steps
from benchmarks.speed.shared import shared
from benchmarks.speed.startup import startup
from benchmarks.speed.targets import Measured, targets
from pisama.config import Config
from pisama.loaders import find_files
from pisama.selection import chosen

SIZES = {"OTLP/OpenInference": 48, "OTLP/GenAI": 37, "chat messages": 47}
"""Megabytes of the made files."""


def main(
    traces: Annotated[
        Path | None,
        typer.Argument(help="Folder of JSON traces.", show_default="a made run of 2,000 steps"),
    ] = None,
    steps: Annotated[
        int, typer.Option(help="Steps of the short runs; the long ones are ten times as long.", min=10)
    ] = 2_000,
    repeat: Annotated[int, typer.Option(help="Repetitions; the least time counts.", min=1)] = 3,
    scale: Annotated[
        float, typer.Option(help="Size of the made files, as a part of their full one.", min=0.001)
    ] = 1.0,
    tracelint: Annotated[
        Path | None,
        typer.Option(
            help="The command of tracelint, which is measured on the same files.", show_default="none"
        ),
    ] = None,
    formats: Annotated[
        Path, typer.Option(help="Folder with recordings, one or more for each loader to be measured.")
    ] = RECORDINGS,
    json: Annotated[
        Path | None, typer.Option("--json", help="Write all figures to this file.", show_default="none")
    ] = None,
) -> None:
    """Measure pisama against orjson and tracelint on the same bytes, how its time and memory grow, and its start."""
    detectors = chosen(Config(plugins=False))
    with clear_errors():
        inputs = [different_steps(2_000)] if traces is None else _read(traces)
    times = timed(inputs, detectors, repeat)
    times.shared = shared(inputs, detectors)
    _show_times(times, sum(map(len, inputs)))
    with tempfile.TemporaryDirectory() as folder:
        starts = startup(Path(folder), 2 * repeat)
        files, beside = _files(Path(folder), scale, tracelint)
    _show_files(files, beside)
    shapes = shapes_grown(steps, detectors, repeat)
    loaders = loaders_grown(formats, steps, repeat)
    show_growth(shapes, loaders, steps)
    found = Measured(times, files, beside, shapes, loaders, starts)
    found.targets = targets(found)
    show_targets(found.targets)
    if json is not None:
        write_json(json, asdict(found))


def _read(folder: Path) -> list[bytes]:
    inputs = [path.read_bytes() for path in find_files(folder) if path.suffix == ".json"]
    if not inputs:
        raise DataMissingError(f"{folder} has no .json files")
    return inputs


def _files(
    folder: Path, scale: float, tracelint: Path | None
) -> tuple[dict[str, Process], dict[str, Process]]:
    """What pisama, and tracelint where it can read them in a bearable time, take for the made files."""
    files: dict[str, Process] = {}
    beside: dict[str, Process] = {}
    for name in tracked(list(FILES), "files"):
        file = folder / "trace.jsonl"
        file.write_bytes(FILES[name](int(SIZES[name] * scale * 1e6)))
        files[name] = analysed(file)
        if tracelint is not None and name.startswith("OTLP"):
            beside[name] = linted(tracelint, file)
    return files, beside


def _show_times(found: Timing, size: int) -> None:
    rows = [("orjson.loads", found.parse), ("load", found.load), *found.detectors.items()]
    rows += [(f"of it shared: {feature}", seconds) for feature, seconds in found.shared.items()]
    rows += [("all detectors", found.analysis), ("load and all detectors", found.whole)]
    show(
        table(
            f"{size / 1e6:,.1f} MB of traces, one core",
            ["what", "seconds", "of orjson.loads"],
            [(name, f"{seconds:.3f}", f"{seconds / found.parse:.2f}") for name, seconds in rows],
            "What detectors share is in the time of the first that asks for it.",
        )
    )
    for crash in found.crashed:
        typer.echo(f"crashed: {crash}", err=True)


def _show_files(files: Mapping[str, Process], beside: Mapping[str, Process]) -> None:
    listed = [("pisama", files), ("tracelint", beside)]
    rows = [
        (f"{name}, {program}", f"{each.megabytes:.0f}", f"{each.seconds:.2f}", f"{each.peak:.0f}")
        for program, measured in listed
        for name, each in measured.items()
    ]
    show(table("Whole processes on one file", ["file", "MB", "processor seconds", "peak MB"], rows))


if __name__ == "__main__":
    application(main)()
