"""`python -m benchmarks.whowhen DATA`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from benchmarks.command import application, clear_errors, show, table, tracked, write_json
from benchmarks.whowhen.answers import BASELINES, examined, pisama_answers
from benchmarks.whowhen.data import SUBSETS, Case, find_cases
from benchmarks.whowhen.metrics import TOLERANCES, Answer, Figures, figures, random_figures


def main(
    data: Annotated[
        Path,
        typer.Argument(help=f"Folder with {' and '.join(SUBSETS)} of Who&When.", show_default=False),
    ],
    json: Annotated[
        Path | None, typer.Option(help="Write the figures to this file.", show_default=False)
    ] = None,
    predictions: Annotated[
        Path | None, typer.Option(help="Write who and when for every case to this file.", show_default=False)
    ] = None,
) -> None:
    """Name the agent and the step of the decisive mistake in the runs of Who&When."""
    with clear_errors():
        cases = find_cases(data)
        name, answers = pisama_answers([examined(case) for case in tracked(cases, "conversations")])
        systems = {name: answers, **{each: [ask(case) for case in cases] for each, ask in BASELINES.items()}}
        found = {
            subset: _compared(
                cases, systems, [n for n, case in enumerate(cases) if subset in (case.subset, "together")]
            )
            for subset in (*SUBSETS, "together")
        }
        show(*(_table(subset, each) for subset, each in found.items()))
        if predictions is not None:
            write_json(
                predictions, {case.id: asdict(answer) for case, answer in zip(cases, answers, strict=True)}
            )
        if json is not None:
            plain = {
                subset: {each: asdict(figure) for each, figure in systems.items()}
                for subset, systems in found.items()
            }
            write_json(json, {"benchmark": "whowhen", "system": name, "figures": plain})


def _compared(
    cases: Sequence[Case], systems: dict[str, list[Answer]], chosen: Sequence[int]
) -> dict[str, Figures]:
    some = [cases[position] for position in chosen]
    found = {name: figures(some, [answers[n] for n in chosen]) for name, answers in systems.items()}
    return {**found, "a message at random": random_figures(some)}


def _table(subset: str, systems: dict[str, Figures]) -> Table:
    rows = [
        (
            name,
            f"{each.agent.value:.3f}\n{each.agent.low:.2f}-{each.agent.high:.2f}",
            f"{each.step.value:.3f}\n{each.step.low:.2f}-{each.step.high:.2f}",
            *(f"{each.within[size]:.3f}" for size in TOLERANCES),
            f"{each.lenient_agent:.3f}",
            f"{each.lenient_step:.3f}",
        )
        for name, each in systems.items()
    ]
    columns = ("", "agent", "step", *(f"±{size}" for size in TOLERANCES), "lenient agent", "lenient step")
    cases = next(iter(systems.values())).cases
    return table(f"Who&When, {subset}, {cases} cases, strict", columns, rows, "below: 95% Wilson intervals")


if __name__ == "__main__":
    application(main)()
