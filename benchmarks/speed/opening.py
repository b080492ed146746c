"""How long the HTML report of a long run takes to write, and to open in Chromium."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

import pisama
from benchmarks.browser import MISSING, chromium
from benchmarks.command import application, clear_errors, show, table
from benchmarks.data import DataMissingError
from benchmarks.speed.runs import SHAPES
from pisama.config import Config
from pisama.output.as_html import render

_DRAWN = """
const done = arguments[0];
requestAnimationFrame(() => setTimeout(() => done([performance.now(), document.querySelectorAll('.step').length])));
"""
"""Milliseconds since the address was asked for, when the page has been drawn once and waits for its reader."""


@dataclass(frozen=True, slots=True)
class Opening:
    """One report."""

    shape: str
    megabytes: float
    written: float
    """Seconds to make the page from the report."""
    opened: float
    """Seconds until it is drawn and answers; the least of the repetitions."""


def openings(steps: int, repeat: int) -> Iterator[Opening]:
    """The reports of runs in the shapes of `benchmarks.speed`."""
    with TemporaryDirectory() as folder, chromium() as driver:
        for shape, make in SHAPES.items():
            report = pisama.analyze(make(steps), config=Config(plugins=False))
            begin = time.perf_counter()
            page = render(report)
            written = time.perf_counter() - begin
            file = Path(folder) / "report.html"
            file.write_text(page, encoding="utf-8")
            times = []
            for _ in range(repeat):
                driver.get("about:blank")
                driver.get(file.as_uri())
                milliseconds, drawn = driver.execute_async_script(_DRAWN)
                if not drawn:
                    raise DataMissingError(f"the report of {shape!r} shows no step")
                times.append(milliseconds / 1000)
            yield Opening(shape, file.stat().st_size / 1e6, written, min(times))


def main(
    steps: Annotated[int, typer.Option(help="Steps of each run.", min=1)] = 10_000,
    repeat: Annotated[int, typer.Option(help="Repetitions; the least time counts.", min=1)] = 3,
) -> None:
    """Measure how long the HTML report takes to write and to open in headless Chromium."""
    with clear_errors():
        if MISSING:
            raise DataMissingError(MISSING)
        rows = [
            (each.shape, f"{each.megabytes:.1f}", f"{each.written:.2f}", f"{each.opened:.2f}")
            for each in openings(steps, repeat)
        ]
    show(table(f"The HTML report of {steps:,} steps", ["shape", "MB", "written in, s", "opened in, s"], rows))


if __name__ == "__main__":
    application(main)()
