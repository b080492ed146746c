"""Rows for many traces: one for each trace, each issue, and each input that could not be read.

What `--format jsonl` prints and `--output DIR` keeps. The columns are a promise, like the JSON report: they are
written out here, a JSON Schema and a page of the documentation are made of them, and Parquet files have the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Literal

from pisama.issue import Issue
from pisama.output.as_json import EvidenceShape, Name, ReasonShape, Shape, ToolShape
from pisama.redact import redact
from pisama.report import LoadError, TraceReport
from pisama.trace import Location, Trace
from pisama.unseen import visible_json

_NANOSECONDS = 1_000_000_000


class Row(Shape):
    """What every row says."""

    kind: str
    path: str | None
    """File or address that it is about; null for standard input."""
    line: int | None
    """1-based line; null where the file has no lines of its own."""
    pointer: str
    """JSON pointer inside that line or file; empty for the whole of it."""


class TraceRow(Row):
    """One trace: what it was, what it consumed, and how far it could be examined."""

    kind: Literal["trace"] = "trace"
    trace: Name
    """Id of the trace."""
    format: str
    """Id of the input format."""
    task: str | None
    """What the run was asked to do."""
    agents: tuple[Name, ...]
    """Every agent that acted, in order of first act."""
    complete: bool
    """False when the record was cut off."""
    outcome: Name | None
    """How the run ended according to its own record."""
    verdict: str
    """`failed`, `suspect`, `nothing found` or `not examined`."""
    fault: str | None
    """Who is at fault for the most and the worst of the issues."""
    issues: int
    """Issues that are shown, each a row of its own."""
    severity: int | None
    """Of the worst issue, 0-100; null without issues."""
    started: str | None
    """First recorded moment, ISO 8601, UTC."""
    seconds: float | None
    """Between the first and the last recorded moment."""
    steps: int
    calls: int
    """Calls of tools."""
    failed_calls: int
    input_tokens: int | None
    output_tokens: int | None
    cost: float | None
    """USD."""
    tools: tuple[ToolShape, ...]
    """Every tool that was called, in order of first call."""
    cause_agent: Name | None
    """The agent that most likely made the decisive mistake."""
    cause_step: int | None
    cause_span_id: Name | None
    cause_confidence: float | None
    """How likely that step is the decisive mistake, 0-1."""
    cause_reason: str | None
    ran: tuple[str, ...]
    """Detectors that examined it."""
    skipped: tuple[ReasonShape, ...]
    """Detectors that could not run, and why."""
    crashed: tuple[ReasonShape, ...]
    """Detectors that crashed."""
    hidden: int
    """Issues under the severity or confidence asked for."""
    covered: int
    """Issues that tell again what one of the others tells better."""
    suppressed: int
    """Issues that the baseline or a suppression of the configuration took out."""


class IssueRow(Row):
    """One failure."""

    kind: Literal["issue"] = "issue"
    trace: Name
    """Id of the trace it was found in."""
    started: str | None
    """First recorded moment of that trace, ISO 8601, UTC."""
    type: str
    """Id of the detector."""
    signal: str
    """Which of the detector's signals fired."""
    level: str
    """`info`, `low`, `medium`, `high` or `critical`."""
    severity: int
    """0-100."""
    confidence: float
    """0-1."""
    summary: str
    recommendation: str
    fault: str
    """`agent`, `tool`, `environment` or `user`."""
    tier: str
    agent: Name | None
    step: int | None
    span_id: Name | None
    tool: Name | None
    """The tool whose call shows it best; null where no call does."""
    evidence: tuple[EvidenceShape, ...]
    fingerprint: str
    """The same for the same failure in another run of the same task."""


class ErrorRow(Row):
    """Something in the input that could not be read."""

    kind: Literal["error"] = "error"
    reason: str
    fatal: bool
    """Whether nothing of this input could be read."""


TABLES: dict[str, type[Row]] = {"traces": TraceRow, "issues": IssueRow, "errors": ErrorRow}
"""The rows by the name of their table."""


def rows_of(report: TraceReport) -> Iterator[TraceRow | IssueRow]:
    """The row of a trace, and those of its issues, worst first."""
    trace = report.trace
    started = _started(trace)
    cause = report.attribution
    yield TraceRow(
        **_place(trace.at),
        trace=trace.id,
        format=trace.format,
        task=redact(trace.task) if trace.task is not None else None,
        agents=trace.agents,
        complete=trace.complete,
        outcome=trace.outcome,
        verdict=report.verdict.value,
        fault=report.fault,
        issues=len(report.issues),
        severity=max((issue.severity for issue in report.issues), default=None),
        started=started,
        seconds=report.totals.seconds,
        steps=report.totals.steps,
        calls=report.totals.calls,
        failed_calls=report.totals.failed_calls,
        input_tokens=report.totals.input_tokens,
        output_tokens=report.totals.output_tokens,
        cost=report.totals.cost,
        tools=tuple(ToolShape.model_validate(tool) for tool in report.tools),
        cause_agent=cause.agent if cause else None,
        cause_step=cause.step if cause else None,
        cause_span_id=cause.span_id if cause else None,
        cause_confidence=cause.confidence if cause else None,
        cause_reason=cause.reason if cause else None,
        ran=report.ran,
        skipped=tuple(ReasonShape(detector=item.detector, reason=item.reason) for item in report.skipped),
        crashed=tuple(
            ReasonShape(detector=item.detector, reason=redact(item.error)) for item in report.crashed
        ),
        hidden=len(report.hidden),
        covered=len(report.covered),
        suppressed=len(report.suppressed),
    )
    for issue in report.issues:
        yield _issue(issue, trace, started)


def error_row(error: LoadError) -> ErrorRow:
    """The row of what could not be read."""
    return ErrorRow(**_place(error.at), reason=redact(error.reason), fatal=error.fatal)


def as_line(row: Row) -> bytes:
    """A row as one line of JSON, with its line break."""
    return visible_json(row.model_dump_json()).encode() + b"\n"


def _issue(issue: Issue, trace: Trace, started: str | None) -> IssueRow:
    return IssueRow(
        **_place(issue.at or trace.at),
        trace=trace.id,
        started=started,
        type=issue.type,
        signal=issue.signal,
        level=issue.level.value,
        severity=issue.severity,
        confidence=round(issue.confidence, 3),
        summary=issue.summary,
        recommendation=issue.recommendation,
        fault=issue.fault,
        tier=issue.tier,
        agent=issue.agent,
        step=issue.step,
        span_id=issue.span_id,
        tool=_tool(issue, trace),
        evidence=tuple(EvidenceShape.model_validate(item) for item in issue.evidence),
        fingerprint=issue.fingerprint,
    )


def _tool(issue: Issue, trace: Trace) -> str | None:
    for evidence in issue.evidence:
        if evidence.step is None or evidence.call is None:
            continue
        step = trace.step(evidence.step)
        if step is not None and evidence.call < len(step.tool_calls):
            return step.tool_calls[evidence.call].name
    return None


def _started(trace: Trace) -> str | None:
    starts = (*(step.start for step in trace.steps), *(span.start for span in trace.spans))
    moments = [moment for moment in starts if moment is not None]
    if not moments:
        return None
    try:
        return datetime.fromtimestamp(min(moments) / _NANOSECONDS, UTC).isoformat(timespec="milliseconds")
    except (OverflowError, ValueError, OSError):
        return None  # no year that a calendar has


def _place(at: Location | None) -> dict[str, str | int | None]:
    at = at or Location()
    return {"path": at.path, "line": at.line, "pointer": at.pointer}
