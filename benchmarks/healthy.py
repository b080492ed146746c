"""`python -m benchmarks.healthy DATA`: false alarms on runs known to be right; the release gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from benchmarks.command import application, clear_errors, show, table, tracked, write_json
from benchmarks.examination import AS_SHIPPED, report_on
from benchmarks.labelled_runs import Run, agent_process_bench, tau_bench
from benchmarks.statistics import Interval, proportion, ratio
from pisama.detectors import BUILT_IN
from pisama.issue import Issue, Level

LEVELS = (Level.LOW, Level.MEDIUM, Level.HIGH)


@dataclass(frozen=True, slots=True)
class Examined:
    """A run, and the issues a user would be shown."""

    run: Run
    issues: tuple[Issue, ...]


def main(
    data: Annotated[
        Path, typer.Argument(help="Folder with taubench_airline/ and agentprocessbench/.", show_default=False)
    ],
    max_high: Annotated[
        float, typer.Option(help="Largest share of right runs with an issue at or above high.")
    ] = 0.03,
    max_medium_detector: Annotated[
        float, typer.Option(help="Largest share of right runs with a medium issue, for any detector.")
    ] = 0.05,
    json: Annotated[
        Path | None, typer.Option(help="Write the figures to this file.", show_default=False)
    ] = None,
    predictions: Annotated[
        Path | None, typer.Option(help="Write the issues of every run to this file.", show_default=False)
    ] = None,
) -> None:
    """Count false alarms on right runs, beside issues on wrong ones. Exit code 1: over a limit."""
    with clear_errors():
        runs = [*tau_bench(data), *agent_process_bench(data)]
        examined = [_examine(run) for run in tracked(runs, "runs")]
    sources = list(dict.fromkeys(each.run.source for each in examined))
    overall = {
        source: {level.value: _share(examined, level, source=source) for level in LEVELS}
        for source in (*sources, "together")
    }
    detectors = {
        kind.id: {level.value: _share(examined, level, detector=kind.id) for level in LEVELS}
        for kind in BUILT_IN
    }
    excess = over_limits(overall, detectors, max_high, max_medium_detector)
    show(_table("Runs with an issue at or above a level", overall), _table("By detector", detectors))
    typer.echo("\n".join(excess) or "within the limits")
    if json is not None:
        figures = {"benchmark": "healthy", "runs": overall, "detectors": detectors, "over_limits": excess}
        write_json(json, figures)
    if predictions is not None:
        write_json(predictions, [_told(each) for each in examined])
    if excess:
        raise typer.Exit(1)


def _examine(run: Run) -> Examined:
    report = report_on(run.blind, AS_SHIPPED)
    return Examined(run, report.issues if report is not None else ())


Shares = Mapping[str, Mapping[str, Mapping[str, float | int]]]


def _share(
    examined: Sequence[Examined], level: Level, *, source: str = "together", detector: str | None = None
) -> dict[str, float | int]:
    """Right and wrong runs, and the share of each with such an issue."""
    told: dict[str, float | int] = {}
    for name, right in (("right", True), ("wrong", False)):
        runs = [
            each for each in examined if each.run.right is right and source in (each.run.source, "together")
        ]
        fired = sum(
            any(issue.severity >= level.floor and detector in (issue.type, None) for issue in each.issues)
            for each in runs
        )
        bounds: Interval = proportion(fired, len(runs))
        told |= {f"{name}_runs": len(runs), f"{name}_fired": fired, f"{name}_share": ratio(fired, len(runs))}
        told |= {f"{name}_low": bounds.low, f"{name}_high": bounds.high}
    return told


def over_limits(overall: Shares, detectors: Shares, max_high: float, max_medium: float) -> list[str]:
    """A sentence for every limit that is exceeded."""
    share = overall["together"]["high"]["right_share"]
    found = []
    if share > max_high:
        found.append(f"{share:.1%} of right runs have an issue at or above high; the limit is {max_high:.1%}")
    for name, levels in detectors.items():
        share = levels["medium"]["right_share"]
        if share > max_medium:
            found.append(
                f"{name} fires at or above medium on {share:.1%} of right runs; the limit is {max_medium:.1%}"
            )
    return found


def _table(title: str, shares: Shares) -> Table:
    rows = [
        (name, *(_cell(levels[level.value], label) for level in LEVELS for label in ("right", "wrong")))
        for name, levels in shares.items()
    ]
    columns = ("", *(f"{level.value}, {label}" for level in LEVELS for label in ("right", "wrong")))
    return table(title, columns, rows, "right runs are false alarms; wrong runs need not show their failure")


def _cell(share: Mapping[str, float | int], label: str) -> str:
    fired, runs = share[f"{label}_fired"], share[f"{label}_runs"]
    return f"{fired}/{runs} {share[f'{label}_share']:.1%}" if fired else "-"


def _told(each: Examined) -> dict[str, object]:
    issues = [
        {"type": issue.type, "signal": issue.signal, "severity": issue.severity, "step": issue.step}
        for issue in each.issues
    ]
    return {"source": each.run.source, "id": each.run.id, "right": each.run.right, "issues": issues}


if __name__ == "__main__":
    application(main)()
