"""What detectors saw in a trace, and the spans each issue could stand for in the benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from benchmarks.examination import EVERYTHING, report_on
from benchmarks.trail.data import Case, Pair, blind_trace, gold_pairs
from benchmarks.trail.spans import Candidate, candidates
from pisama.issue import Issue
from pisama.report import TraceReport
from pisama.trace import Step, Trace

Place: TypeAlias = Literal["step", "tool", "next", "previous", "evidence", "last"]
"""Which span an issue is put on, seen from the step it names: that step's model call, the tool call it names, the
same agent's next or previous step, the step of its last piece of evidence, the last step of the run."""

PLACES: tuple[Place, ...] = get_args(Place)


@dataclass(frozen=True, slots=True)
class Sighting:
    """One issue with the spans it could stand for."""

    detector: str
    signal: str
    """`detector.signal`."""
    spans: Mapping[Place, str]
    issue: Issue = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Examined:
    """One trace: what was seen in it blindly, and, kept apart, what annotators found."""

    case: Case
    trace: Trace
    sightings: tuple[Sighting, ...]
    candidates: tuple[Candidate, ...]
    gold: frozenset[Pair]


def examine(case: Case) -> Examined:
    """Run every detector over the trace alone, then read its annotation.

    Issues count also where pisama would not show them: the adapter weighs a signal by how often it was right.
    """
    report = report_on(blind_trace(case.trace_path), EVERYTHING)
    seen = sightings(report) if report is not None else ()
    trace = report.trace if report is not None else Trace(case.id, "unreadable")
    spans = candidates(trace, [sighting.issue for sighting in seen])
    return Examined(case, trace, seen, spans, gold_pairs(case.annotation_path))


def sightings(report: TraceReport) -> tuple[Sighting, ...]:
    """Every issue of a report, shown or not, with the spans it could stand for."""
    around = _Neighbours(report.trace)
    return tuple(
        Sighting(issue.type, f"{issue.type}.{issue.signal}", around.spans(issue), issue)
        for issue in (*report.issues, *report.covered, *report.hidden)
    )


class _Neighbours:
    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.previous: dict[int, Step] = {}
        self.next: dict[int, Step] = {}
        latest: dict[str, Step] = {}
        for step in trace.steps:
            before = latest.get(step.agent)
            if before is not None:
                self.previous[step.index] = before
                self.next[before.index] = step
            latest[step.agent] = step

    def spans(self, issue: Issue) -> dict[Place, str]:
        """The span of each place that the trace has, seen from this issue."""
        steps = self.trace.steps
        step = self.trace.step(issue.step) if issue.step is not None else None
        shown = [piece.step for piece in issue.evidence if piece.step is not None]
        found: dict[Place, Step | None] = {
            "step": step,
            "next": self.next.get(step.index) if step else None,
            "previous": self.previous.get(step.index) if step else None,
            "evidence": self.trace.step(shown[-1]) if shown else None,
            "last": steps[-1] if steps else None,
        }
        spans = {place: each.span_id for place, each in found.items() if each is not None and each.span_id}
        if step is not None and issue.span_id and issue.span_id != step.span_id:
            spans["tool"] = issue.span_id
        return spans
