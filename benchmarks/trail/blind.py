"""The blind protocol: figures, tables and files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.table import Table

from benchmarks.command import show, table, write_json
from benchmarks.statistics import Interval, ratio
from benchmarks.trail.adapter import digest, shipped
from benchmarks.trail.evaluation import (
    BASELINES,
    FOLDS,
    SEEDS,
    baseline,
    by_split,
    cross_validated,
    curve,
    with_table,
)
from benchmarks.trail.metrics import CategoryFigures, Figures, by_category
from benchmarks.trail.sightings import Examined
from benchmarks.trail.submission import write_submission

COLUMNS = ("location", "joint", "category F1", "pair precision", "pair recall", "pair F1", "a trace")


SHIPPED, VALIDATED = "shipped table", "cross-validated by trace"


def run_blind(
    cases: Sequence[Examined],
    json: Path | None,
    predictions: Path | None,
    picture: Path | None,
    *,
    with_signals: bool,
) -> None:
    """Print the tables of the blind protocol and write the files that were asked for.

    The shipped table counts, except on the very traces it was fitted on: there the cross-validated
    figures count, and those of the shipped table are named in-sample.
    """
    adapter = shipped().within_budget(cases)
    own_traces = adapter.fitted_on == digest(cases)
    answers = {VALIDATED: cross_validated(cases), SHIPPED: with_table(cases, adapter)}
    headline = VALIDATED if own_traces else SHIPPED
    found = {name: by_split(cases, each.scored) for name, each in answers.items()}
    trivial = {name: by_split(cases, [baseline(cases, make)]) for name, make in BASELINES.items()}
    categories = by_category(answers[headline].scored[0])
    points = curve(cases, answers[headline])
    notes = {
        VALIDATED: "fitted on nine tenths of these traces, tested on the rest",
        SHIPPED: "in-sample: fitted on these very traces"
        if own_traces
        else "not fitted on this set of traces",
    }
    show(
        *(
            _figures_table(f"TRAIL, blind, {name} ({notes[name]})", found[name])
            for name in sorted(found, key=lambda name: name != headline)
        ),
        _comparison({f"pisama, {headline}": found[headline], **trivial}),
        _categories_table(categories, headline),
    )
    if with_signals:
        show(_signals_table(cases))
    if predictions is not None:
        write_submission(predictions, cases, None if own_traces else adapter)
    if picture is not None:
        from benchmarks.trail.picture import draw

        together = {name: each["together"] for name, each in trivial.items()}
        draw(picture, points, found[headline]["together"], together, headline)
    if json is not None:
        write_json(
            json,
            {
                "benchmark": "trail",
                "protocol": "blind",
                "headline": headline,
                "folds": FOLDS,
                "divisions": len(SEEDS),
                "figures": {name: _plain(each) for name, each in found.items()},
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


def _measures(each: Figures) -> tuple[Interval, ...]:
    return (
        each.location_accuracy,
        each.joint_accuracy,
        each.category_f1,
        each.pair_precision,
        each.pair_recall,
        each.pair_f1,
    )


def _figures_table(title: str, splits: Mapping[str, Figures]) -> Table:
    rows = [
        (
            f"{name} ({each.traces})",
            *(f"{value.value:.3f}\n{value.low:.2f}-{value.high:.2f}" for value in _measures(each)),
            f"{each.predictions_per_trace.value:.1f}",
        )
        for name, each in splits.items()
    ]
    return table(title, ("traces", *COLUMNS), rows, "below: 95% bootstrap intervals over traces")


def _comparison(systems: Mapping[str, Mapping[str, Figures]]) -> Table:
    rows = [
        (
            name,
            *(f"{value.value:.3f}" for value in _measures(each["together"])),
            f"{each['together'].predictions_per_trace.value:.1f}",
        )
        for name, each in systems.items()
    ]
    return table(
        "Beside what needs no detector, all traces",
        ("", *COLUMNS),
        rows,
        "baselines are cross-validated",
    )


def _categories_table(categories: Sequence[CategoryFigures], headline: str) -> Table:
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
    return table(f"By category, {headline}, in (span, category) pairs", columns, rows)


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
