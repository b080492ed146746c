"""`python -m benchmarks.whowhen DATA`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from benchmarks.command import application, clear_errors, show, table, tracked, write_json
from benchmarks.data import DataMissingError
from benchmarks.whowhen import judged
from benchmarks.whowhen.answers import BASELINES, attributed, earliest_issue, examined
from benchmarks.whowhen.data import SUBSETS, Case, find_cases
from benchmarks.whowhen.fitting import Labelled, digest, fit
from benchmarks.whowhen.metrics import TOLERANCES, Answer, Figures, averaged, random_figures
from benchmarks.whowhen.validation import (
    Placed,
    Reliability,
    cross_validated,
    labelled,
    placed,
    reliability,
    transferred,
)
from pisama.attribution import model as weighing
from pisama.attribution.signs import ORDER
from pisama.cli_input import INTERRUPTED
from pisama.config import Config
from pisama.report import TraceReport

WEIGHTS = Path(weighing.__file__).with_name("weights.json")

Systems = dict[str, Sequence[Sequence[Answer]]]
"""By system its answers to every case, once for each repetition."""


def main(
    data: Annotated[
        Path,
        typer.Argument(help=f"Folder with {' and '.join(SUBSETS)} of Who&When.", show_default=False),
    ],
    json: Annotated[
        Path | None, typer.Option(help="Write the figures to this file.", show_default=False)
    ] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(
            help="Write who and when for every case to this file. No case is answered with weights fitted on it.",
            show_default=False,
        ),
    ] = None,
    shuffles: Annotated[
        int, typer.Option(min=0, help="Repetitions of the cross-validation, each with other folds.")
    ] = 5,
    *,
    refit: Annotated[
        bool,
        typer.Option(
            "--fit", help=f"Fit the weights that pisama ships with, pisama/attribution/{WEIGHTS.name}."
        ),
    ] = False,
    weights: Annotated[
        Path, typer.Option(help="Where --fit writes the weights.", show_default=False)
    ] = WEIGHTS,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="PROVIDER:NAME",
            help="Ask this model instead; it goes on where an earlier run was stopped.",
            show_default=False,
        ),
    ] = None,
    base_url: Annotated[
        str | None, typer.Option(help="Where that model is served.", show_default="its provider")
    ] = None,
    max_cost: Annotated[float, typer.Option(min=0, help="USD that it may cost.")] = 1.0,
    max_traces: Annotated[
        int | None, typer.Option(min=0, help="Cases that it is called for at most.", show_default="all")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what asking it would take.")] = False,
) -> None:
    """Name the agent and the step of the decisive mistake in the runs of Who&When."""
    with clear_errors():
        cases = find_cases(data)
        reports = [examined(case) for case in tracked(cases, "conversations")]
        known = [labelled(case, report) for case, report in zip(cases, reports, strict=True)]
        if model is not None:
            config = Config(
                base_url=base_url, max_cost=max_cost, max_traces=max_traces, escalate="always", plugins=False
            )
            _judge(cases, judged.suspected(known, reports), model, config, json, dry_run=dry_run)
            return
        if refit:
            _fit(known, weights)
        validated = cross_validated(known, shuffles, tracked=tracked)
        unordered = cross_validated(known, shuffles, ORDER, tracked)
        systems: Systems = {
            **({"pisama, cross-validated": _answers(validated)} if validated else {}),
            **({"the same without signs of order": _answers(unordered)} if unordered else {}),
            "pisama, fitted on the other subset": _answers([transferred(known)]),
            **_shipped(known),
            "pisama, as `analyze` says": [[attributed(report) for report in reports]],
            "earliest sure issue": [[earliest_issue(report) for report in reports]],
            **{each: [[ask(case) for case in cases]] for each, ask in BASELINES.items()},
        }
        found = {
            subset: _compared(
                cases, systems, [n for n, case in enumerate(cases) if subset in (case.subset, "together")]
            )
            for subset in (*SUBSETS, "together")
        }
        trusted = reliability(cases, validated)
        show(*(_table(subset, each) for subset, each in found.items()), *_confidence(trusted))
        if predictions is not None:
            said = next(iter(systems.values()))[0]
            write_json(
                predictions, {case.id: asdict(answer) for case, answer in zip(cases, said, strict=True)}
            )
        if json is not None:
            plain = {
                subset: {each: asdict(figure) for each, figure in systems.items()}
                for subset, systems in found.items()
            }
            confidence = [asdict(each) for each in trusted]
            write_json(
                json,
                {"benchmark": "whowhen", "shuffles": shuffles, "figures": plain, "confidence": confidence},
            )


def _judge(
    cases: Sequence[Case],
    reports: Sequence[TraceReport | None],
    model: str,
    config: Config,
    json: Path | None,
    *,
    dry_run: bool,
) -> None:
    if dry_run:
        typer.echo(judged.planned(reports, model, config), nl=False)
        return
    found = judged.asked(cases, reports, model, config)
    show(*found.tables())
    for note in found.judged.notes:
        typer.echo(note, err=True)
    if json is not None:
        write_json(json, found.as_json())
    if found.judged.interrupted:
        raise typer.Exit(INTERRUPTED)


def _fit(known: Sequence[Labelled | None], weights: Path) -> None:
    try:
        fitted = fit([each for each in known if each is not None])
    except ValueError as error:
        raise DataMissingError(str(error)) from None
    weighing.write_weights(fitted, weights)
    weighing.shipped.cache_clear()


def _shipped(known: Sequence[Labelled | None]) -> Systems:
    """The weights as they are shipped, unless they were fitted on these very cases and would flatter."""
    weights = weighing.shipped()
    fitted_here = weights.fitted_on == digest(each.case.id for each in known if each is not None)
    name = "pisama, as shipped" + (" (fitted on these cases)" if fitted_here else "")
    return {name: _answers([[placed(each, weights) for each in known]])}


def _answers(shuffles: Sequence[Sequence[Placed]]) -> Sequence[Sequence[Answer]]:
    return [[each.answer for each in said] for said in shuffles]


def _compared(cases: Sequence[Case], systems: Systems, chosen: Sequence[int]) -> dict[str, Figures]:
    some = [cases[position] for position in chosen]
    found = {
        name: averaged(some, [[answers[n] for n in chosen] for answers in shuffles])
        for name, shuffles in systems.items()
    }
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


def _confidence(trusted: Sequence[Reliability]) -> Iterator[Table]:
    if trusted:
        rows = [(f"{each.stated:.2f}", f"{each.right:.2f}", str(each.cases)) for each in trusted]
        yield table("Confidence in the step, cross-validated", ("stated", "right", "answers"), rows)


if __name__ == "__main__":
    application(main)()
