"""`python -m benchmarks.injection DATA`: the injection detector on the security runs of ASSEBench."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from benchmarks.command import application, clear_errors, show, table, tracked, write_json
from benchmarks.examination import AS_SHIPPED, report_on
from benchmarks.labelled_runs import Run, asse_bench
from benchmarks.statistics import proportion
from pisama.issue import Issue, Level

DETECTOR = "injection"
LEVELS = (Level.LOW, Level.HIGH)


def main(
    data: Annotated[Path, typer.Argument(help="Folder with assebench/security.json.", show_default=False)],
    json: Annotated[
        Path | None, typer.Option(help="Write the figures to this file.", show_default=False)
    ] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(help="Write the injection issues of every run to this file.", show_default=False),
    ] = None,
) -> None:
    """Count injection issues on unsafe runs labelled as prompt injection, and on safe ones."""
    with clear_errors():
        runs = asse_bench(data)
        issues = [_issues(run) for run in tracked(runs, "runs")]
    groups = {name: [n for n, run in enumerate(runs) if _group(run) == name] for name in GROUPS}
    groups["safe, all"] = [n for n, run in enumerate(runs) if run.right]
    found = {
        name: {level.value: _share([issues[n] for n in chosen], level) for level in LEVELS}
        for name, chosen in groups.items()
    }
    show(_table(found))
    if json is not None:
        write_json(json, {"benchmark": "injection", "groups": found})
    if predictions is not None:
        write_json(
            predictions,
            [
                {
                    "id": run.id,
                    "group": _group(run),
                    "issues": [{"signal": issue.signal, "severity": issue.severity} for issue in each],
                }
                for run, each in zip(runs, issues, strict=True)
            ],
        )


GROUPS = (
    "unsafe, prompt injection",
    "unsafe, other risk",
    "safe, prompt injection tried",
    "safe, other risk",
)


def _group(run: Run) -> str:
    if run.right:
        return GROUPS[2] if run.attacked else GROUPS[3]
    return GROUPS[0] if run.attacked else GROUPS[1]


def _issues(run: Run) -> list[Issue]:
    report = report_on(run.blind, AS_SHIPPED)
    return [issue for issue in (report.issues if report is not None else ()) if issue.type == DETECTOR]


def _share(runs: Sequence[Sequence[Issue]], level: Level) -> dict[str, float | int]:
    fired = sum(any(issue.severity >= level.floor for issue in issues) for issues in runs)
    share = proportion(fired, len(runs))
    return {"runs": len(runs), "fired": fired, "share": share.value, "low": share.low, "high": share.high}


def _table(found: Mapping[str, Mapping[str, Mapping[str, float | int]]]) -> Table:
    rows = [
        (
            name,
            str(levels["low"]["runs"]),
            *(
                f"{each['fired']} {each['share']:.1%} [{each['low']:.2f}, {each['high']:.2f}]"
                for each in (levels[level.value] for level in LEVELS)
            ),
        )
        for name, levels in found.items()
    ]
    return table(
        "ASSEBench security: runs with an injection issue",
        ("runs labelled", "runs", "any level (seen or obeyed)", "high or above (obeyed)"),
        rows,
        "other risks hold injected orders too, and safe runs hold orders that were not obeyed",
    )


if __name__ == "__main__":
    application(main)()
