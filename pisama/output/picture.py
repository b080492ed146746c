"""`pisama stats --picture`: which failures, and how it goes from day to day. Needs matplotlib, the extra `picture`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pisama.config import ConfigError
from pisama.file_writing import replacing
from pisama.output.terminal import printable
from pisama.statistics import NO_DAY, Statistics, Table

SUFFIXES = (".svg", ".png")
BARS = 20
"""Failures that get a bar; there are as many detectors, and some of other packages."""
DAYS = 90
"""Latest days that are drawn."""
TICKS = 10
_BLUE, _RED, _GREY = "#1f4e79", "#b03a2e", "#c8d3de"


def check(path: Path) -> None:
    """Raises `ConfigError` when no picture of this name can be drawn: another extension, or matplotlib is missing."""
    if path.suffix.lower() not in SUFFIXES:
        raise ConfigError(f"{path}: a picture is .svg or .png")
    if find_spec("matplotlib") is None:
        raise ConfigError("a picture needs an extra: pip install 'pisama[picture]'")


def draw(path: Path, found: Statistics) -> None:
    """Writes the picture as SVG or PNG, by the extension; the same statistics give the same bytes.

    `path` is one that `check` lets pass. Raises `OSError` when it cannot be written.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    tables = {table.name: table for table in found.tables()}
    with mpl.rc_context({"svg.hashsalt": "pisama", "text.parse_math": False}):
        figure = Figure(figsize=(9, 7.5), layout="constrained")
        above, below = figure.subplots(2, 1)
        _failures(above, tables["failures"])
        _days(below, tables["days"])
        figure.suptitle(f"{found.traces:,} traces, {found.issues:,} issues")
        metadata = {"Date": None, "Creator": None} if path.suffix.lower() == ".svg" else {"Software": None}
        with replacing(path) as file:
            figure.savefig(file, format=path.suffix[1:].lower(), dpi=150, metadata=metadata)


def _failures(axes: Any, table: Table) -> None:
    rows = table.rows[:BARS][::-1]
    axes.set(title="Traces with each failure", xlabel="traces")
    if not rows:
        axes.text(0.5, 0.5, "no issues", ha="center", transform=axes.transAxes)
        axes.set_yticks([])
        return
    names = [printable(str(row[0])) for row in rows]
    bars = axes.barh(range(len(rows)), [row[2] for row in rows], color=_BLUE)
    axes.set_yticks(range(len(rows)), names)
    axes.bar_label(bars, labels=[f"{float(row[3] or 0):.1%}" for row in rows], padding=3, fontsize="small")
    axes.margins(x=0.1)


def _days(axes: Any, table: Table) -> None:
    rows = [row for row in table.rows if row[0] != NO_DAY][-DAYS:]
    axes.set(title="Traces by day", ylabel="traces")
    if not rows:
        axes.text(0.5, 0.5, NO_DAY, ha="center", transform=axes.transAxes)
        axes.set_xticks([])
        return
    places = range(len(rows))
    axes.bar(places, [row[1] for row in rows], color=_GREY, label="all")
    axes.bar(places, [row[2] for row in rows], color=_RED, label="failed")
    every = -(-len(rows) // TICKS)
    axes.set_xticks(places[::every], [str(row[0]) for row in rows][::every], rotation=30, ha="right")
    axes.legend(fontsize="small")
