"""`python -m benchmarks.speed [TRACES]`."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.command import application, clear_errors, show, table, tracked, write_json
from benchmarks.data import DataMissingError
from benchmarks.speed.measure import MINIMUM, Timing, peak, timed
from benchmarks.speed.runs import SHAPES, different_steps
from benchmarks.speed.startup import startup
from pisama.config import Config
from pisama.detectors import Detector
from pisama.loaders import find_files
from pisama.selection import chosen

TIMES = 10
"""How many times longer the long run of each shape is."""


def main(
    traces: Annotated[
        Path | None,
        typer.Argument(help="Folder of JSON traces.", show_default="a made run of 2,000 steps"),
    ] = None,
    steps: Annotated[
        int, typer.Option(help="Steps of the short runs; the long ones are ten times as long.", min=10)
    ] = 1_000,
    repeat: Annotated[int, typer.Option(help="Repetitions; the least time counts.", min=1)] = 3,
    json: Annotated[
        Path | None, typer.Option("--json", help="Write all figures to this file.", show_default="none")
    ] = None,
) -> None:
    """Measure pisama: against orjson on the same bytes, how its time and memory grow, and how fast it starts."""
    detectors = chosen(Config(plugins=False))
    with clear_errors():
        inputs = [different_steps(2_000)] if traces is None else _read(traces)
    whole = timed(inputs, detectors, repeat)
    _show_times(whole, sum(map(len, inputs)))
    growth = {name: _growth(name, steps, detectors, repeat) for name in tracked(list(SHAPES), "shapes")}
    _show_growth(growth, steps)
    with tempfile.TemporaryDirectory() as folder:
        starts = startup(Path(folder), repeat)
    base = next(iter(starts.values()))
    show(
        table(
            "Start-up, wall time",
            ["command", "seconds", "of the bare program"],
            [(name, f"{seconds:.3f}", f"{seconds / base:.1f}") for name, seconds in starts.items()],
        )
    )
    if json is not None:
        write_json(json, {"times": asdict(whole), "growth": growth, "startup": starts})


def _read(folder: Path) -> list[bytes]:
    inputs = [path.read_bytes() for path in find_files(folder) if path.suffix == ".json"]
    if not inputs:
        raise DataMissingError(f"{folder} has no .json files")
    return inputs


def _show_times(found: Timing, size: int) -> None:
    rows = [("orjson.loads", found.parse), ("load", found.load), *found.detectors.items()]
    rows += [("all detectors", found.analysis), ("load and all detectors", found.whole)]
    show(
        table(
            f"{size / 1e6:,.1f} MB of traces, one core",
            ["what", "seconds", "of orjson.loads"],
            [(name, f"{seconds:.3f}", f"{seconds / found.parse:.2f}") for name, seconds in rows],
            "What detectors share is charged to the first that asks for it.",
        )
    )
    for crash in found.crashed:
        typer.echo(f"crashed: {crash}", err=True)


def _growth(shape: str, steps: int, detectors: tuple[Detector, ...], repeat: int) -> dict[str, object]:
    short, long = SHAPES[shape](steps), SHAPES[shape](TIMES * steps)
    few, many = timed([short], detectors, repeat), timed([long], detectors, 1)
    ratios = {
        name: seconds / max(few.detectors[name], MINIMUM / TIMES)
        for name, seconds in many.detectors.items()
        if seconds >= MINIMUM
    }
    worst = max(ratios, key=lambda name: ratios[name], default="")
    return {
        "bytes": len(long),
        "parse": many.parse,
        "load": many.load,
        "analysis": many.analysis,
        "load_growth": many.load / few.load,
        "analysis_growth": many.analysis / few.analysis,
        "worst_detector": worst,
        "worst_growth": ratios.get(worst, 0.0),
        "memory": peak(long, detectors),
        "memory_growth": peak(long, detectors) / peak(short, detectors),
        "crashed": [*few.crashed, *many.crashed],
    }


def _show_growth(growth: dict[str, dict[str, object]], steps: int) -> None:
    rows = [
        (
            name,
            f"{found['bytes'] / 1e6:,.1f}",  # type: ignore[operator]
            f"{found['load']:.2f}",
            f"{found['analysis']:.2f}",
            f"{found['load_growth']:.1f}",
            f"{found['analysis_growth']:.1f}",
            f"{found['worst_detector']} {found['worst_growth']:.1f}",
            f"{found['memory'] / 1e6:,.0f}",  # type: ignore[operator]
            f"{found['memory_growth']:.1f}",
        )
        for name, found in growth.items()
    ]
    columns = [
        "shape",
        "MB",
        "load s",
        "detectors s",
        "load ×",
        "detectors ×",
        "worst ×",
        "peak MB",
        "peak ×",
    ]
    show(
        table(
            f"{steps:,} steps and {TIMES * steps:,} steps",
            columns,
            rows,
            f"× is how many times more the {TIMES} times longer run takes.",
        )
    )


if __name__ == "__main__":
    application(main)()
