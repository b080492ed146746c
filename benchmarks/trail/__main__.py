"""`python -m benchmarks.trail DATA`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.command import application, clear_errors, tracked, write_json
from benchmarks.trail.adapter import TABLE, fit
from benchmarks.trail.blind import run_blind
from benchmarks.trail.data import find_cases
from benchmarks.trail.oracle import run_oracle
from benchmarks.trail.sightings import examine


class Protocol(StrEnum):
    """How detectors are asked."""

    BLIND = "blind"
    ORACLE = "oracle"


def main(
    data: Annotated[
        Path,
        typer.Argument(
            help="Folder with traces/ and annotations/ of TRAIL, or a copy of its repository.",
            show_default=False,
        ),
    ],
    protocol: Annotated[
        Protocol,
        typer.Option(
            help="blind: detectors get the trace alone. oracle: the detector of the annotated category is "
            "asked about the annotated span."
        ),
    ] = Protocol.BLIND,
    json: Annotated[
        Path | None, typer.Option(help="Write the figures to this file.", show_default=False)
    ] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(
            help="Write one <trace id>.json a trace, in the benchmark's submission form, to this folder. "
            "No trace is predicted by a table fitted on it: on the traces of the shipped table, folds are.",
            show_default=False,
        ),
    ] = None,
    curve: Annotated[
        Path | None,
        typer.Option(
            help="Draw joint accuracy against pair precision: this path with .png and with .svg. "
            "Needs the extra `benchmarks`.",
            show_default=False,
        ),
    ] = None,
    *,
    signals: Annotated[
        bool, typer.Option("--signals", help="Show also how often each signal hits an annotated span.")
    ] = False,
    refit: Annotated[
        bool, typer.Option("--fit", help=f"First fit the adapter on DATA and write {TABLE.name}.")
    ] = False,
) -> None:
    """Find the annotated failures of TRAIL."""
    with clear_errors():
        cases = [examine(case) for case in tracked(find_cases(data), "traces")]
        if protocol is Protocol.ORACLE:
            run_oracle(cases, json)
            return
        if refit:
            write_json(TABLE, fit(cases).as_json())
        run_blind(cases, json, predictions, curve, with_signals=signals)


if __name__ == "__main__":
    application(main)()
