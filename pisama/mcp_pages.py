"""Reports and traces in the shapes that the tools of the MCP server return."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from mcp.types import CallToolResult

from pisama.detectors.base import Detector
from pisama.issue import Issue
from pisama.json_writing import to_json
from pisama.mcp_results import (
    Analysis,
    Call,
    Cause,
    Detected,
    Detectors,
    Evidence,
    Explanation,
    Finding,
    Said,
    Steps,
    StepShown,
    Trace,
    clipped,
    paged,
    weight,
    wire,
)
from pisama.output.explain import explain
from pisama.report import Attribution, Report, TraceReport
from pisama.trace import JSON
from pisama.trace import Step as TraceStep
from pisama.trace import Trace as Run

NAME, SENTENCE, QUOTE = 160, 700, 400
"""Bytes, in a result, of a name, of a sentence, and of a quote."""
MAX_EVIDENCE = 3
"""Pieces of evidence with an issue."""

_Unit: TypeAlias = Trace | Finding | str


def analysis_page(report: Report, path: str | None, cursor: str | None, max_bytes: int) -> CallToolResult:
    """What was found: what could not be read first, then each trace with its issues."""
    units: list[_Unit] = [clipped(str(error), SENTENCE) for error in report.errors]
    for number, trace in enumerate(report.traces):
        units.append(_trace(number, trace))
        units += [_finding(number, issue) for issue in trace.issues]

    def build(page: Sequence[_Unit], following: str | None) -> Analysis:
        return Analysis(
            path=path,
            traces=[unit for unit in page if isinstance(unit, Trace)],
            issues=[unit for unit in page if isinstance(unit, Finding)],
            not_readable=[unit for unit in page if isinstance(unit, str)],
            total_traces=len(report.traces),
            total_issues=len(report.issues),
            next_cursor=following,
        )

    return paged(units, cursor, build, _size, max_bytes)


def _size(unit: _Unit) -> int:
    return weight(unit) if isinstance(unit, str) else wire(unit)


def _trace(number: int, report: TraceReport) -> Trace:
    trace = report.trace
    path = trace.at.path if trace.at is not None else None
    return Trace(
        number=number,
        id=clipped(trace.id, NAME),
        file=clipped(path, 4 * NAME) if path is not None else None,
        format=trace.format,
        verdict=report.verdict.value,
        fault=report.fault,
        task=clipped(trace.task, SENTENCE) if trace.task is not None else None,
        agents=len(trace.agents),
        steps=report.totals.steps,
        calls=report.totals.calls,
        failed_calls=report.totals.failed_calls,
        issues=len(report.issues),
        not_shown=len(report.hidden) + len(report.suppressed),
        cause=_cause(report.attribution),
        could_not_run=sorted(
            (*(item.detector for item in report.skipped), *(item.detector for item in report.crashed))
        ),
    )


def _cause(attribution: Attribution | None) -> Cause | None:
    if attribution is None:
        return None
    return Cause(
        agent=clipped(attribution.agent, NAME),
        step=attribution.step,
        confidence=round(attribution.confidence, 2),
        reason=clipped(attribution.reason, SENTENCE),
    )


def _finding(number: int, issue: Issue) -> Finding:
    return Finding(
        trace=number,
        type=issue.type,
        signal=issue.signal,
        level=issue.level.value,
        severity=issue.severity,
        confidence=round(issue.confidence, 2),
        summary=clipped(issue.summary, SENTENCE),
        fix=clipped(issue.recommendation, SENTENCE),
        agent=clipped(issue.agent, NAME) if issue.agent is not None else None,
        step=issue.step,
        fingerprint=issue.fingerprint,
        evidence=[
            Evidence(
                step=item.step,
                call=item.call,
                quote=clipped(item.quote, QUOTE),
                note=clipped(item.note, NAME),
            )
            for item in issue.evidence[:MAX_EVIDENCE]
        ],
        more_evidence=max(0, len(issue.evidence) - MAX_EVIDENCE),
    )


def steps_page(
    run: Run, first: int, last: int | None, cursor: str | None, max_text: int, max_bytes: int
) -> CallToolResult:
    """The steps with these numbers and those between."""
    window = [step for step in run.steps if step.index >= first and (last is None or step.index <= last)]
    # Shown one by one as the page asks for them: a long run is not rendered to show three of its steps.
    shown = _Shown(window, max_text, max_bytes - 1_000)

    def build(page: Sequence[int], following: str | None) -> Steps:
        return Steps(
            trace=clipped(run.id, NAME),
            total_steps=len(run.steps),
            steps=[shown[position] for position in page],
            next_cursor=following,
        )

    return paged(range(len(window)), cursor, build, lambda position: wire(shown[position]), max_bytes)


class _Shown(dict[int, StepShown]):
    """The steps of a window as they are shown, each made when it is first asked for."""

    def __init__(self, window: Sequence[TraceStep], max_text: int, max_bytes: int) -> None:
        super().__init__()
        self._window, self._max_text, self._max_bytes = window, max_text, max_bytes

    def __missing__(self, position: int) -> StepShown:
        text, items = self._max_text, 40
        while True:
            shown = _step(self._window[position], text, items)
            if wire(shown) <= self._max_bytes or items == 1:
                self[position] = shown
                return shown
            text, items = max(100, text // 2), max(1, items // 2)


def _step(step: TraceStep, max_text: int, items: int) -> StepShown:
    def cut(text: str | None) -> str | None:
        return clipped(text, max_text) if text is not None else None

    return StepShown(
        step=step.index,
        agent=clipped(step.agent, NAME),
        to=clipped(step.recipient, NAME) if step.recipient is not None else None,
        seen=[
            Said(
                role=message.role,
                name=clipped(message.name, NAME) if message.name is not None else None,
                text=clipped(message.text, max_text),
            )
            for message in step.seen[:items]
        ],
        reasoning=cut(step.reasoning),
        text=clipped(step.text, max_text),
        calls=[
            Call(
                name=clipped(call.name, NAME),
                arguments=clipped(_json(call.arguments), max_text),
                result=cut(call.result),
                error=cut(call.error),
            )
            for call in step.tool_calls[:items]
        ],
        error=cut(step.error),
        left_out=max(0, len(step.seen) - items) + max(0, len(step.tool_calls) - items),
    )


def _json(value: JSON) -> str:
    return value if isinstance(value, str) else to_json(value)


def detectors_page(kinds: Iterable[type[Detector]], cursor: str | None, max_bytes: int) -> CallToolResult:
    """The detectors that there are."""
    units = [
        Detected(
            id=kind.id, finds=clipped(kind.title(), SENTENCE), needs=sorted(need.value for need in kind.needs)
        )
        for kind in kinds
    ]

    def build(page: Sequence[Detected], following: str | None) -> Detectors:
        return Detectors(detectors=list(page), next_cursor=following)

    return paged(units, cursor, build, wire, max_bytes)


def explanation_page(kind: type[Detector], cursor: str | None, max_bytes: int) -> CallToolResult:
    """The page of the documentation on one detector."""

    def build(page: Sequence[str], following: str | None) -> Explanation:
        return Explanation(id=kind.id, page="\n\n".join(page), next_cursor=following)

    units = list(_paragraphs(explain(kind)))
    return paged(units, cursor, build, weight, max_bytes)


def _paragraphs(page: str) -> Iterator[str]:
    """The parts of a page between which it may be cut: never within an example."""
    fenced: list[str] = []
    for part in page.rstrip("\n").split("\n\n"):
        fenced.append(part)
        if sum(piece.count("```") for piece in fenced) % 2 == 0:
            yield "\n\n".join(fenced)
            fenced = []
    if fenced:
        yield "\n\n".join(fenced)
