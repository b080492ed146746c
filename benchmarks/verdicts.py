"""Was this issue right? One answer an issue, from the labels of four sets, for measuring confidence.

* TRAIL: right when the model call or the tool call it names carries any annotation.
* AgentProcessBench: right when the step it names is labelled bad.
* tau-bench: only runs are labelled. Issues on right runs are wrong. Issues on wrong runs say nothing
  about the issue itself and are left out.
* ASSEBench: injection issues only. Right on runs judged unsafe, and on runs labelled as attacked.

Who&When labels one mistake of many and is left out. Annotators miss failures too, so the share of right
issues is nearer to a lower bound of the precision than to its middle.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.examination import EVERYTHING, report_on
from benchmarks.labelled_runs import Run
from benchmarks.trail.sightings import Examined
from pisama.issue import Issue


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether one issue was right."""

    run: str
    """Names the trace, or the task where several runs share one: they share a fold."""
    source: str
    signal: str
    """`detector.signal`."""
    right: bool


def trail_verdicts(each: Examined) -> Iterator[Verdict]:
    """A verdict for every issue that names a span."""
    annotated = {span for span, _ in each.gold}
    for sighting in each.sightings:
        named = {sighting.spans[place] for place in ("step", "tool") if place in sighting.spans}
        if named:
            yield Verdict(each.case.id, "TRAIL", sighting.signal, bool(named & annotated))


def run_verdicts(run: Run) -> Iterator[Verdict]:
    """A verdict for every issue of a run that its label can judge."""
    report = report_on(run.blind, EVERYTHING)
    if report is None:
        return
    for issue in (*report.issues, *report.covered, *report.hidden):
        right = _right(run, issue)
        if right is not None:
            task = f"{run.source} {run.id.split('.', 1)[0]}"
            yield Verdict(task, run.source, f"{issue.type}.{issue.signal}", right)


def _right(run: Run, issue: Issue) -> bool | None:
    if run.source == "ASSEBench security":
        return run.attacked or not run.right if issue.type == "injection" else None
    if run.bad_steps:
        return run.bad_steps.get(issue.step) if issue.step is not None else None
    return False if run.right else None
