"""Traces and detectors in, a report out: the only place that catches a detector's exception."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pisama.budget import OverBudgetError, budget, check_budget
from pisama.config import Config
from pisama.detectors.base import Detector
from pisama.features import CallFeatures, features
from pisama.issue import Issue
from pisama.redact import redact, redact_issue
from pisama.report import Crashed, Skipped, ToolTotals, Totals, TraceReport
from pisama.trace import Span, Step, ToolCall, Trace, total_cost

_NANOSECONDS = 1_000_000_000


def examine(trace: Trace, detectors: Iterable[Detector], config: Config) -> TraceReport:
    """Run the detectors over one trace. Never raises for what a detector does."""
    findings = _Findings()
    for detector in detectors:
        missing = sorted(need for need in detector.needs if not need.recorded(trace))
        if missing:
            reason = f"the trace does not record {' or '.join(need.value for need in missing)}"
            findings.skipped.append(Skipped(detector.id, reason))
        else:
            findings.run(detector, trace, config.detector_seconds)
    asked_for = [issue for issue in findings.issues if _asked_for(issue, config)]
    shown, covered = told_once(asked_for, findings.covers)
    hidden = [issue for issue in findings.issues if not _asked_for(issue, config)]
    return TraceReport(
        trace=trace,
        issues=worst_first(shown),
        totals=totals(trace),
        tools=tool_totals(trace),
        ran=tuple(findings.ran),
        skipped=tuple(findings.skipped),
        crashed=tuple(findings.crashed),
        hidden=worst_first(hidden),
        covered=worst_first(covered),
    )


def with_issues(report: TraceReport, issues: Iterable[Issue], config: Config) -> TraceReport:
    """The report with more issues, each shown or hidden as the settings ask."""
    new = [redact_issue(issue) for issue in issues]
    shown = [issue for issue in new if _asked_for(issue, config)]
    hidden = [issue for issue in new if not _asked_for(issue, config)]
    return replace(
        report,
        issues=worst_first((*report.issues, *shown)),
        hidden=worst_first((*report.hidden, *hidden)),
    )


@dataclass(slots=True)
class _Findings:
    issues: list[Issue] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    crashed: list[Crashed] = field(default_factory=list)
    covers: dict[str, frozenset[str]] = field(default_factory=dict)
    """By detector: the signals of others that say its failures again."""

    def run(self, detector: Detector, trace: Trace, seconds: float) -> None:
        self.covers[detector.id] = detector.covers
        try:
            with budget(seconds):
                for issue in detector.check(trace):
                    self.issues.append(redact_issue(issue))
                    check_budget()
        except OverBudgetError:
            reason = f"it took more than {seconds:g} seconds (detector_seconds), and what it found until then is kept"
            self.skipped.append(Skipped(detector.id, reason))
        except Exception as error:  # noqa: BLE001 - a broken detector must not take the others with it
            self.crashed.append(Crashed(detector.id, f"{type(error).__name__}: {error}"))
        else:
            self.ran.append(detector.id)


def told_once(
    issues: Sequence[Issue], covers: Mapping[str, frozenset[str]]
) -> tuple[list[Issue], list[Issue]]:
    """The issues that tell a failure first hand, and those that only tell one of them again."""
    told = {
        (signal, place)
        for issue in issues
        for signal in covers[issue.type]
        for place in (issue.step, *((evidence.step, evidence.call) for evidence in issue.evidence))
    }
    kept: list[Issue] = []
    covered: list[Issue] = []
    for issue in issues:
        signal, primary = f"{issue.type}.{issue.signal}", issue.evidence[0]
        again = {(signal, issue.step), (signal, (primary.step, primary.call))} & told
        (covered if again else kept).append(issue)
    return kept, covered


def worst_first(issues: Iterable[Issue]) -> tuple[Issue, ...]:
    """By severity, then confidence, then place; the order never depends on the detectors' order."""
    return tuple(
        sorted(
            issues,
            key=lambda issue: (
                -issue.severity,
                -issue.confidence,
                issue.step if issue.step is not None else -1,
                issue.type,
                issue.fingerprint,
            ),
        )
    )


def totals(trace: Trace) -> Totals:
    """What the run consumed, as far as its steps recorded it."""
    usages = [step.usage for step in trace.steps if step.usage is not None]
    table = features(trace)
    return Totals(
        steps=len(trace.steps),
        calls=len(table.calls),
        failed_calls=len(table.failed_calls),
        input_tokens=_sum([usage.input_tokens for usage in usages]),
        output_tokens=_sum([usage.output_tokens for usage in usages]),
        cost=total_cost(usage.cost for usage in usages),
        seconds=_duration(trace),
    )


def tool_totals(trace: Trace) -> tuple[ToolTotals, ...]:
    """How the calls of each tool went, in order of first call."""
    by_name: dict[str, list[CallFeatures]] = {}
    for call in features(trace).calls:
        by_name.setdefault(call.name, []).append(call)
    return tuple(_tally(name, calls) for name, calls in by_name.items())


def _tally(name: str, calls: list[CallFeatures]) -> ToolTotals:
    failures = [call.outcome.message for call in calls if call.outcome.failed]
    return ToolTotals(
        name=name,
        calls=len(calls),
        failed=len(failures),
        unknown=sum(call.outcome.status == "unknown" for call in calls),
        last_error=redact(failures[-1]) if failures else "",
    )


def _asked_for(issue: Issue, config: Config) -> bool:
    return issue.severity >= config.min_severity.floor and issue.confidence >= config.min_confidence


def _sum(values: Sequence[int | None]) -> int | None:
    recorded = [value for value in values if value is not None]
    return sum(recorded) if recorded else None


def _duration(trace: Trace) -> float | None:
    timed: tuple[Step | Span | ToolCall, ...] = (
        *trace.steps,
        *trace.spans,
        *(call for _, call in trace.calls()),
    )
    moments = [moment for item in timed for moment in (item.start, item.end) if moment is not None]
    return (max(moments) - min(moments)) / _NANOSECONDS if moments else None
