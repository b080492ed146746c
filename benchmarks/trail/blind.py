"""The blind protocol: figures, tables and files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.table import Table

from benchmarks.command import show, table, write_json
from benchmarks.statistics import Interval, ratio
from benchmarks.trail.adapter import shipped
from benchmarks.trail.evaluation import (
    BASELINES,
    FOLDS,
    SEEDS,
    baseline,
    by_split,
    cross_validated,
    curve,
    in_sample,
)
from benchmarks.trail.metrics import CategoryFigures, Figures, by_category
from benchmarks.trail.sightings import Examined
from benchmarks.trail.submission import write_submission

COLUMNS = ("location", "joint", "category F1", "pair precision", "pair recall", "pair F1", "a trace")


def run_blind(
    cases: Sequence[Examined],
    json: Path | None,
    predictions: Path | None,
    picture: Path | None,
    *,
    with_signals: bool,
) -> None:
    """Print the tables of the blind protocol and write the files that were asked for."""
    validated = cross_validated(cases)
    ours = by_split(cases, validated.scored)
    fitted = by_split(cases, [in_sample(cases, shipped())])
    trivial = {name: by_split(cases, [baseline(cases, make)]) for name, make in BASELINES.items()}
    categories = by_category(validated.scored[0])
    points = curve(cases, validated)
    show(
        _figures_table("TRAIL, blind, cross-validated by trace", ours, intervals=True),
        _figures_table(
            "TRAIL, blind, the shipped table on the traces it was fitted on", fitted, intervals=False
        ),
        _comparison({"pisama": ours, **trivial}),
        _categories_table(categories),
    )
    if with_signals:
        show(_signals_table(cases))
    if predictions is not None:
        write_submission(predictions, cases)
    if picture is not None:
        from benchmarks.trail.picture import draw

        draw(picture, points, ours["together"], {name: each["together"] for name, each in trivial.items()})
    if json is not None:
        write_json(
            json,
            {
                "benchmark": "trail",
                "protocol": "blind",
                "folds": FOLDS,
                "divisions": len(SEEDS),
                "cross_validated": _plain(ours),
                "in_sample": _plain(fitted),
                "baselines": {name: _plain(each) for name, each in trivial.items()},
                "categories": [
                    {**asdict(each), "precision": each.precision, "recall": each.recall}
                    for each in categories
                ],
                "curve": [
                    {"pair_precision": precision, "joint_accuracy": joint, "predictions_per_trace": count}
                    for precision, joint, count in points
                ],
            },
        )


def _plain(splits: Mapping[str, Figures]) -> dict[str, object]:
    return {split: asdict(each) for split, each in splits.items()}


def _row(each: Figures, *, intervals: bool) -> list[str]:
    values = (
        each.location_accuracy,
        each.joint_accuracy,
        each.category_f1,
        each.pair_precision,
        each.pair_recall,
        each.pair_f1,
    )
    return [
        *(_told(value, intervals=intervals) for value in values),
        f"{each.predictions_per_trace.value:.1f}",
    ]


def _told(value: Interval, *, intervals: bool) -> str:
    return f"{value.value:.3f}\n{value.low:.2f}-{value.high:.2f}" if intervals else f"{value.value:.3f}"


def _figures_table(title: str, splits: Mapping[str, Figures], *, intervals: bool) -> Table:
    rows = [(f"{name} ({each.traces})", *_row(each, intervals=intervals)) for name, each in splits.items()]
    return table(
        title, ("traces", *COLUMNS), rows, "below: 95% bootstrap intervals over traces" if intervals else ""
    )


def _comparison(systems: Mapping[str, Mapping[str, Figures]]) -> Table:
    rows = [(name, *_row(each["together"], intervals=False)) for name, each in systems.items()]
    return table("Beside what needs no look at the trace, all traces, cross-validated", ("", *COLUMNS), rows)


def _categories_table(categories: Sequence[CategoryFigures]) -> Table:
    rows = [
        (
            each.category,
            str(each.gold),
            str(each.predicted),
            str(each.hits),
            f"{each.precision:.2f}",
            f"{each.recall:.2f}",
        )
        for each in categories
    ]
    columns = ("category", "annotated", "predicted", "right", "precision", "recall")
    return table("By category, cross-validated, in (span, category) pairs", columns, rows)


def _signals_table(cases: Sequence[Examined]) -> Table:
    """Every signal: its issues, how many stand on an annotated span, and the category most often there."""
    counts: dict[str, list[int]] = {}
    named: dict[str, dict[str, int]] = {}
    for each in cases:
        for sighting in each.sightings:
            places = {span: place for place, span in reversed(list(sighting.spans.items()))}
            own = sighting.spans.get("tool"), sighting.spans.get("step")
            categories = {category for span, category in each.gold if span in own}
            count = counts.setdefault(sighting.signal, [0, 0])
            count[0] += 1
            count[1] += bool(categories)
            tally = named.setdefault(sighting.signal, {})
            for span, category in each.gold:
                if span in places:
                    key = f"{category} @{places[span]}"
                    tally[key] = tally.get(key, 0) + 1
    rows = [
        (signal, str(fired), f"{ratio(hit, fired):.2f}", _most(named[signal]))
        for signal, (fired, hit) in sorted(counts.items(), key=lambda item: -item[1][0])
    ]
    return table("Signals on all traces", ("signal", "issues", "on an annotated span", "most often"), rows)


def _most(tally: Mapping[str, int]) -> str:
    ranked = sorted(tally.items(), key=lambda item: (-item[1], item[0]))[:3]
    return ", ".join(f"{name} {count}" for name, count in ranked)
