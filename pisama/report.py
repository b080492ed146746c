"""The report: what was found, and what was not looked at and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from pisama.issue import Issue, Level
from pisama.trace import Location, Trace


class Exit(IntEnum):
    """Exit codes of every command."""

    CLEAN = 0
    ISSUES = 1
    USAGE = 2
    UNREADABLE = 3
    CRASHED = 4


@dataclass(frozen=True, slots=True)
class LoadError:
    """Something in the input that could not be read."""

    reason: str
    at: Location
    fatal: bool = False
    """True when nothing of this input could be read; False when the rest of it was."""

    def __str__(self) -> str:
        return f"{self.at}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Skipped:
    """A detector that could not run on this trace."""

    detector: str
    reason: str


@dataclass(frozen=True, slots=True)
class Crashed:
    """A detector that raised."""

    detector: str
    error: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A step that may hold the decisive mistake."""

    agent: str
    step: int
    span_id: str | None
    score: float
    """0-1, comparable within one trace."""
    reason: str


@dataclass(frozen=True, slots=True)
class Attribution:
    """Who most likely made the decisive mistake, and when."""

    agent: str
    step: int
    span_id: str | None
    confidence: float
    reason: str
    candidates: tuple[Candidate, ...] = ()
    """Best first; the first is the one named above."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What a run consumed. None where nothing was recorded."""

    steps: int
    calls: int
    failed_calls: int
    input_tokens: int | None
    output_tokens: int | None
    cost: float | None
    """USD."""
    seconds: float | None
    """Wall time between the first and the last recorded moment."""


@dataclass(frozen=True, slots=True)
class TraceReport:
    """The verdict on one trace."""

    trace: Trace
    issues: tuple[Issue, ...]
    """Worst first: by severity, then confidence, then step."""
    totals: Totals
    ran: tuple[str, ...]
    skipped: tuple[Skipped, ...] = ()
    crashed: tuple[Crashed, ...] = ()
    hidden: tuple[Issue, ...] = ()
    """Issues under the severity or confidence asked for: counted, not shown."""
    suppressed: tuple[Issue, ...] = ()
    """Issues a baseline or an ignore rule took out."""
    attribution: Attribution | None = None

    @property
    def worst(self) -> Level | None:
        """Level of the worst issue; None without issues, which is not a proof of health."""
        return self.issues[0].level if self.issues else None


@dataclass(frozen=True, slots=True)
class Report:
    """The verdict on everything that was given."""

    traces: tuple[TraceReport, ...]
    errors: tuple[LoadError, ...] = ()

    @property
    def issues(self) -> tuple[Issue, ...]:
        """The issues of all traces, in the order of the traces."""
        return tuple(issue for trace in self.traces for issue in trace.issues)

    @property
    def attribution(self) -> Attribution | None:
        """Who and when in the first trace that failed; None when nothing failed."""
        return next(self._attributions(), None)

    def _attributions(self) -> Iterator[Attribution]:
        return (trace.attribution for trace in self.traces if trace.attribution is not None)

    def exit_code(self, fail_on: Level | None = Level.HIGH) -> Exit:
        """The exit code of a command that made this report; `fail_on=None` never fails on issues.

        A crashed detector outranks unreadable input, which outranks issues: what was not
        examined must not pass for clean.
        """
        if any(trace.crashed for trace in self.traces):
            return Exit.CRASHED
        if self.errors:
            return Exit.UNREADABLE
        if fail_on is not None and any(issue.severity >= fail_on.floor for issue in self.issues):
            return Exit.ISSUES
        return Exit.CLEAN
