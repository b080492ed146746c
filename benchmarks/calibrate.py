"""`python -m benchmarks.calibrate DATA`: measures how often each signal is right.

The confidence of a signal is its share of right issues, smoothed towards the prior in its detector:
(right + STRENGTH x prior) / (issues + STRENGTH). A signal that never fired keeps its prior and has no
entry. The same data and detectors give the same table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from benchmarks.command import application, clear_errors, show, table, tracked, write_json
from benchmarks.labelled_runs import agent_process_bench, asse_bench, tau_bench
from benchmarks.statistics import folds, mean, ratio
from benchmarks.trail.data import find_cases
from benchmarks.trail.sightings import examine
from benchmarks.verdicts import Verdict, run_verdicts, trail_verdicts
from pisama.detectors import BUILT_IN

STRENGTH = 4.0
"""Issues that the prior counts for."""
CERTAIN = 0.98
"""No signal is called surer than this: the sets are small and alike."""
FOLDS = 10
SEEDS = (0, 1, 2, 3, 4)
PRIORS: Mapping[str, float] = {
    f"{kind.id}.{name}": signal.confidence for kind in BUILT_IN for name, signal in kind.signals.items()
}
BINS = (0.0, 0.4, 0.6, 0.8, 1.01)
SHIPPED = Path(__file__).parent.parent / "pisama" / "detectors" / "confidence.json"


@dataclass(frozen=True, slots=True)
class Bin:
    """Issues whose stated confidence lies in a range."""

    low: float
    high: float
    issues: float
    stated: float
    """Mean of the stated confidences."""
    right: float
    """Share of right issues."""


@dataclass(frozen=True, slots=True)
class Quality:
    """How well stated confidences fit what happened."""

    brier: float
    """Mean squared difference between confidence and outcome (Brier 1950); 0 is perfect."""
    bins: tuple[Bin, ...]


def main(
    data: Annotated[
        Path,
        typer.Argument(
            help="Folder with trail/, agentprocessbench/, taubench_airline/ and assebench/.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(help="Write the table of confidences to this file.", show_default="the package's own"),
    ] = SHIPPED,
    json: Annotated[
        Path | None, typer.Option(help="Write the figures to this file.", show_default=False)
    ] = None,
    predictions: Annotated[
        Path | None, typer.Option(help="Write the verdict on every issue to this file.", show_default=False)
    ] = None,
) -> None:
    """Measure the confidence of every signal and write the table that pisama ships."""
    with clear_errors():
        cases = find_cases(data / "trail")
        runs = [*agent_process_bench(data), *tau_bench(data), *asse_bench(data)]
        verdicts = [verdict for case in tracked(cases, "TRAIL") for verdict in trail_verdicts(examine(case))]
        verdicts += [verdict for run in tracked(runs, "other runs") for verdict in run_verdicts(run)]
    fitted = fit(verdicts)
    stated = {
        "prior": quality([(PRIORS[each.signal], each.right) for each in verdicts]),
        "fitted, cross-validated": quality(held_out(verdicts)),
        "fitted, in-sample": quality([(fitted[each.signal], each.right) for each in verdicts]),
    }
    show(_signals_table(verdicts, fitted), _quality_table(stated))
    write_json(output, fitted)
    if json is not None:
        figures = {
            "benchmark": "calibrate",
            "issues": len(verdicts),
            "sources": dict(Counter(each.source for each in verdicts)),
            "quality": {name: asdict(each) for name, each in stated.items()},
            "signals": _counts(verdicts),
        }
        write_json(json, figures)
    if predictions is not None:
        write_json(predictions, [asdict(each) for each in verdicts])


def fit(verdicts: Sequence[Verdict]) -> dict[str, float]:
    """The smoothed share of right issues of every signal that fired, to two decimals."""
    return {
        signal: round(
            min(CERTAIN, (count["right"] + STRENGTH * PRIORS[signal]) / (count["issues"] + STRENGTH)), 2
        )
        for signal, count in sorted(_counts(verdicts).items())
    }


def held_out(verdicts: Sequence[Verdict]) -> list[tuple[float, bool]]:
    """The confidence of every issue as fitted on other traces, with whether it was right; once a seed."""
    found: list[tuple[float, bool]] = []
    for seed in SEEDS:
        for training, positions in folds(verdicts, lambda each: each.run, FOLDS, seed):
            fitted = fit(training)
            unseen = [verdicts[position] for position in positions]
            found.extend((fitted.get(each.signal, PRIORS[each.signal]), each.right) for each in unseen)
    return found


def quality(stated: Sequence[tuple[float, bool]]) -> Quality:
    """Brier score and reliability of stated confidences."""
    bins = []
    for low, high in pairwise(BINS):
        within = [(confidence, right) for confidence, right in stated if low <= confidence < high]
        if within:
            share = mean(right for _, right in within)
            bins.append(Bin(low, min(high, 1.0), len(within), mean(each for each, _ in within), share))
    return Quality(mean((confidence - right) ** 2 for confidence, right in stated), tuple(bins))


def _counts(verdicts: Sequence[Verdict]) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for each in verdicts:
        count = counts.setdefault(each.signal, {"issues": 0, "right": 0})
        count["issues"] += 1
        count["right"] += each.right
    return counts


def _signals_table(verdicts: Sequence[Verdict], fitted: Mapping[str, float]) -> Table:
    rows = [
        (
            signal,
            str(count["issues"]),
            f"{ratio(count['right'], count['issues']):.2f}",
            f"{PRIORS[signal]:.2f}",
            f"{fitted[signal]:.2f}",
        )
        for signal, count in sorted(_counts(verdicts).items(), key=lambda item: (-item[1]["issues"], item[0]))
    ]
    return table("Confidence of signals", ("signal", "issues judged", "right", "prior", "fitted"), rows)


def _quality_table(stated: Mapping[str, Quality]) -> Table:
    rows = [
        (
            name,
            f"{each.brier:.3f}",
            "\n".join(
                f"{part.low:.1f}-{part.high:.1f}: {part.stated:.2f} stated, {part.right:.2f} right"
                for part in each.bins
            ),
        )
        for name, each in stated.items()
    ]
    return table(
        "How confidences fit what happened", ("confidence", "Brier score", "by range of confidence"), rows
    )


if __name__ == "__main__":
    application(main)()
