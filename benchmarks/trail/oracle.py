"""The oracle protocol: the detector of the annotated category is asked about the annotated span.

Asking means: has it, over the whole run, an issue that names or shows the step of that span?

Only annotated spans are asked about, so precision is 1 whatever the detector does; a detector that
always fires has recall 1. That is why the same question is also put to the spans that carry no such
label, and the balanced accuracy stands beside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.table import Table

from benchmarks.command import show, table, write_json
from benchmarks.statistics import proportion, ratio
from benchmarks.trail.categories import CATEGORIES
from benchmarks.trail.sightings import Examined
from pisama.detectors import BUILT_IN
from pisama.trace import Trace

_TAG = "trail:"
DETECTORS: Mapping[str, frozenset[str]] = {
    category: frozenset(kind.id for kind in BUILT_IN if f"{_TAG}{category}" in kind.tags)
    for category in CATEGORIES
}
"""The detectors that name a category among their tags."""


@dataclass(frozen=True, slots=True)
class CategoryFigures:
    """How the detectors of one category answered."""

    category: str
    detectors: tuple[str, ...]
    asked: int
    """Annotated spans of this category."""
    fired: int
    unlabelled: int
    """Spans of the same kinds, in all traces, without this label."""
    false_fired: int

    @property
    def recall(self) -> float:
        """Share of annotated spans on which a detector fires."""
        return ratio(self.fired, self.asked)

    @property
    def false_fire_rate(self) -> float:
        """Share of spans without the label on which a detector fires all the same."""
        return ratio(self.false_fired, self.unlabelled)


@dataclass(frozen=True, slots=True)
class _Asked:
    """One span, what fired on it and what it is labelled with."""

    kind: str
    fired: frozenset[str]
    labels: frozenset[str]


def run_oracle(cases: Sequence[Examined], json: Path | None) -> None:
    """Ask about every span, print the table, write the figures."""
    spans = [span for each in cases for span in _ask(each)]
    elsewhere = Counter(
        category
        for each in cases
        for span, category in each.gold
        if span not in _holders(each.trace) and category in CATEGORIES
    )
    found = by_category(spans, elsewhere)
    told = summary(found)
    show(_table(found, told))
    if json is not None:
        write_json(
            json,
            {
                "benchmark": "trail",
                "protocol": "oracle",
                "together": told,
                "categories": [
                    {**asdict(each), "recall": each.recall, "false_fire_rate": each.false_fire_rate}
                    for each in found
                ],
            },
        )


def by_category(spans: Sequence[_Asked], elsewhere: Mapping[str, int]) -> list[CategoryFigures]:
    """The figures of each annotated category; `elsewhere` counts labels on spans that no step holds, which are misses."""
    found = []
    for category in CATEGORIES:
        labelled = [span for span in spans if category in span.labels]
        asked = len(labelled) + elsewhere.get(category, 0)
        if not asked:
            continue
        wanted, kinds = DETECTORS[category], {span.kind for span in labelled}
        others = [span for span in spans if span.kind in kinds and category not in span.labels]
        found.append(
            CategoryFigures(
                category,
                tuple(sorted(wanted)),
                asked,
                sum(bool(span.fired & wanted) for span in labelled),
                len(others),
                sum(bool(span.fired & wanted) for span in others),
            )
        )
    return sorted(found, key=lambda each: -each.asked)


def summary(found: Sequence[CategoryFigures]) -> dict[str, float | int]:
    """All categories together; the false-fire rate weighs each category by its annotations, as recall does."""
    asked = sum(each.asked for each in found)
    recall = proportion(sum(each.fired for each in found), asked)
    false_fires = ratio(sum(each.false_fire_rate * each.asked for each in found), asked)
    return {
        "asked": asked,
        "recall": recall.value,
        "recall_low": recall.low,
        "recall_high": recall.high,
        "precision_by_construction": 1.0,
        "false_fire_rate": false_fires,
        "balanced_accuracy": (recall.value + 1 - false_fires) / 2,
    }


def _ask(each: Examined) -> Iterable[_Asked]:
    labels: dict[str, set[str]] = {}
    for span, category in each.gold:
        labels.setdefault(span, set()).add(category)
    fired = _fired(each)
    for span, (step, kind) in _holders(each.trace).items():
        yield _Asked(kind, frozenset(fired.get(step, ())), frozenset(labels.get(span, ())))


def _holders(trace: Trace) -> dict[str, tuple[int, str]]:
    """For every span of a model call or a tool call, the index of its step and the kind."""
    found: dict[str, tuple[int, str]] = {}
    for step in trace.steps:
        if step.span_id:
            found[step.span_id] = (step.index, "model call")
        for call in step.tool_calls:
            if call.span_id:
                found.setdefault(call.span_id, (step.index, "tool call"))
    return found


def _fired(each: Examined) -> dict[int, set[str]]:
    """By step, the detectors with an issue that names it or shows it, or the same agent's step before it.

    The step before counts because annotators put a failed call on the span that sees the failure.
    """
    follower: dict[int, int] = {}
    latest: dict[str, int] = {}
    for step in each.trace.steps:
        if step.agent in latest:
            follower[latest[step.agent]] = step.index
        latest[step.agent] = step.index
    fired: dict[int, set[str]] = {}
    for sighting in each.sightings:
        issue = sighting.issue
        shown = {issue.step, *(piece.step for piece in issue.evidence)}
        touched = shown | {follower.get(index) for index in shown if index is not None}
        for index in touched:
            if index is not None:
                fired.setdefault(index, set()).add(sighting.detector)
    return fired


def _table(found: Sequence[CategoryFigures], told: Mapping[str, float | int]) -> Table:
    rows: list[tuple[str, ...]] = [
        (
            each.category,
            ", ".join(each.detectors) or "none",
            str(each.asked),
            f"{each.recall:.3f}",
            f"{each.false_fire_rate:.3f}",
            f"{(each.recall + 1 - each.false_fire_rate) / 2:.3f}",
        )
        for each in found
    ]
    together = [f"{told[key]:.3f}" for key in ("recall", "false_fire_rate", "balanced_accuracy")]
    rows.append(("together", "", str(told["asked"]), *together))
    columns = ("category", "detectors", "asked", "recall", "false-fire rate", "balanced accuracy")
    note = "precision is 1 by construction: only annotated spans are asked about; the false-fire rate asks the others"
    return table("TRAIL, oracle protocol: the category and the span are given", columns, rows, note)
