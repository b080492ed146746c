"""`--format json`: the report for programs.

The types here are the published shape and are kept apart from the internal ones, so that a change
inside does not become a change outside. `SCHEMA` is raised when a field goes or changes meaning.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from pisama.issue import Evidence, Issue
from pisama.redact import redact, redact_name
from pisama.report import Attribution, LoadError, Report, TraceReport, Verdict
from pisama.trace import Location
from pisama.unseen import visible_json
from pisama.version import __version__

SCHEMA: Literal[1] = 1

Name: TypeAlias = Annotated[str, AfterValidator(redact_name)]
"""A name or an id of the trace, which is as much its words as a quote."""


class Shape(BaseModel):
    """A published shape, built from the internal one with the same fields."""

    model_config = ConfigDict(frozen=True, from_attributes=True, use_attribute_docstrings=True)


class Place(Shape):
    """Where in the input."""

    path: str | None
    line: int | None
    pointer: str


class EvidenceShape(Shape):
    """One place in the trace that shows the failure."""

    step: int | None
    call: int | None
    quote: str
    note: str


class IssueShape(Shape):
    """One failure."""

    trace: Name
    """Id of the trace it was found in."""
    type: str
    signal: str
    summary: str
    severity: int
    level: str
    confidence: float
    recommendation: str
    fault: str
    tier: str
    agent: Name | None
    step: int | None
    span_id: Name | None
    at: Place | None
    evidence: tuple[EvidenceShape, ...]
    fingerprint: str


class ReasonShape(Shape):
    """A detector that did not say anything, and why."""

    detector: str
    reason: str


class ToolShape(Shape):
    """How the calls of one tool went."""

    name: Name
    calls: int
    failed: int
    unknown: int
    last_error: str


class TotalsShape(Shape):
    """What a run consumed; null where nothing was recorded."""

    steps: int
    calls: int
    failed_calls: int
    input_tokens: int | None
    output_tokens: int | None
    cost: float | None
    """USD."""
    seconds: float | None


class CandidateShape(Shape):
    """A step that may hold the decisive mistake."""

    agent: Name
    step: int
    span_id: Name | None
    score: float
    reason: str


class ModelUsageShape(Shape):
    """What a model was asked, and what it took."""

    model: str
    calls: int
    """Answers, those from the cache included."""
    input_tokens: int
    output_tokens: int
    cost: float | None
    """USD; null where no price is known."""
    estimated: bool
    """Whether tokens are estimates, because the provider gave no count."""
    cached: int
    """Answers from the cache: their tokens and cost are those of the first time."""


class AttributionShape(Shape):
    """Who most likely made the decisive mistake, and when."""

    agent: Name
    step: int
    span_id: Name | None
    confidence: float
    reason: str
    candidates: tuple[CandidateShape, ...]
    tier: str
    """`llm` when a model named agent and step, else `heuristic`."""
    cited: tuple[int, ...]
    """Steps that the model names as the grounds of its answer."""
    usage: ModelUsageShape | None
    """Null when no model was asked."""
    note: str
    """Why no model says so although one was to be asked."""


class JudgedShape(Shape):
    """What asking a model about all the traces came to."""

    usage: ModelUsageShape
    asked: int
    answered: int
    sure: int
    """Failed runs whose answer without a model was sure enough."""
    spent: float
    """USD of the calls made now, as far as their prices are known."""
    notes: tuple[str, ...]
    interrupted: bool


class TraceShape(Shape):
    """One trace: what it was, and how far it could be examined."""

    id: Name
    format: str
    at: Place | None
    task: str | None
    agents: tuple[Name, ...]
    complete: bool
    outcome: Name | None
    verdict: Verdict
    fault: str | None
    totals: TotalsShape
    tools: tuple[ToolShape, ...]
    attribution: AttributionShape | None
    ran: tuple[str, ...]
    skipped: tuple[ReasonShape, ...]
    crashed: tuple[ReasonShape, ...]
    hidden: int
    """Issues under the severity or confidence asked for."""
    covered: int
    """Issues that tell again what one of the others tells better."""
    suppressed: int
    """Issues that the baseline or a suppression of the configuration took out."""


class StaleShape(Shape):
    """An entry of the baseline that its trace does not show any more."""

    fingerprint: str
    type: str
    path: str
    """Relative to the folder of the baseline."""
    summary: str


class ErrorShape(Shape):
    """Something in the input that could not be read."""

    at: Place
    reason: str
    fatal: bool
    """Whether nothing of this input could be read."""


class ReportShape(Shape):
    """The whole report."""

    schema_version: Literal[1] = Field(serialization_alias="schema")
    pisama: str
    """Version that wrote it."""
    issues: tuple[IssueShape, ...]
    attribution: AttributionShape | None
    """That of the first trace that failed."""
    traces: tuple[TraceShape, ...]
    errors: tuple[ErrorShape, ...]
    stale: tuple[StaleShape, ...]
    judged: JudgedShape | None
    """Null when no model was to be asked."""


def render(report: Report) -> str:
    """The report as indented JSON text."""
    shape = ReportShape(
        schema_version=SCHEMA,
        pisama=__version__,
        issues=tuple(_issue(issue, trace.trace.id) for trace in report.traces for issue in trace.issues),
        attribution=_attribution(report.attribution),
        traces=tuple(_trace(trace) for trace in report.traces),
        errors=tuple(_error(error) for error in report.errors),
        stale=tuple(StaleShape.model_validate(entry) for entry in report.stale),
        judged=JudgedShape.model_validate(report.judged) if report.judged is not None else None,
    )
    return visible_json(shape.model_dump_json(by_alias=True, indent=2)) + "\n"


def _issue(issue: Issue, trace: str) -> IssueShape:
    return IssueShape(
        trace=trace,
        type=issue.type,
        signal=issue.signal,
        summary=issue.summary,
        severity=issue.severity,
        level=issue.level.value,
        confidence=round(issue.confidence, 3),
        recommendation=issue.recommendation,
        fault=issue.fault,
        tier=issue.tier,
        agent=issue.agent,
        step=issue.step,
        span_id=issue.span_id,
        at=_place(issue.at),
        evidence=tuple(_evidence(item) for item in issue.evidence),
        fingerprint=issue.fingerprint,
    )


def _evidence(evidence: Evidence) -> EvidenceShape:
    return EvidenceShape.model_validate(evidence)


def _trace(report: TraceReport) -> TraceShape:
    trace = report.trace
    return TraceShape(
        id=trace.id,
        format=trace.format,
        at=_place(trace.at),
        task=redact(trace.task) if trace.task is not None else None,
        agents=trace.agents,
        complete=trace.complete,
        outcome=trace.outcome,
        verdict=report.verdict,
        fault=report.fault,
        totals=TotalsShape.model_validate(report.totals),
        tools=tuple(ToolShape.model_validate(tool) for tool in report.tools),
        attribution=_attribution(report.attribution),
        ran=report.ran,
        skipped=tuple(ReasonShape(detector=item.detector, reason=item.reason) for item in report.skipped),
        crashed=tuple(
            ReasonShape(detector=item.detector, reason=redact(item.error)) for item in report.crashed
        ),
        hidden=len(report.hidden),
        covered=len(report.covered),
        suppressed=len(report.suppressed),
    )


def _attribution(attribution: Attribution | None) -> AttributionShape | None:
    return AttributionShape.model_validate(attribution) if attribution is not None else None


def _error(error: LoadError) -> ErrorShape:
    return ErrorShape(at=Place.model_validate(error.at), reason=redact(error.reason), fatal=error.fatal)


def _place(at: Location | None) -> Place | None:
    return Place.model_validate(at) if at is not None else None
