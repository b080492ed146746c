"""The report: what was found, and what was not looked at and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any, Literal

from pisama.issue import Fault, Issue, Level, Tier
from pisama.notebook import frame, html_summary
from pisama.redact import redact
from pisama.trace import Location, Trace, Usage


class Exit(IntEnum):
    """Exit codes of every command."""

    CLEAN = 0
    ISSUES = 1
    USAGE = 2
    UNREADABLE = 3
    CRASHED = 4

    @classmethod
    def of(cls, fail_on: Level | None, *, worst: int, unreadable: bool, crashed: bool) -> Exit:
        """What became of an analysis; `worst` is the severity of its worst issue, -1 without any.

        A crashed detector outranks unreadable input, which outranks issues: what was not
        examined must not pass for clean.
        """
        if crashed:
            return cls.CRASHED
        if unreadable:
            return cls.UNREADABLE
        return cls.ISSUES if fail_on is not None and worst >= fail_on.floor else cls.CLEAN


@dataclass(frozen=True, slots=True)
class LoadError:
    """Something in the input that could not be read."""

    reason: str
    at: Location
    fatal: bool = False
    """True when nothing of this input could be read; False when the rest of it was."""

    def __str__(self) -> str:
        return f"{self.at}: {redact(self.reason)}"


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


STANDS_OUT = 0.2
"""Confidence below which steps named on labelled runs were wrong four times in five (docs/benchmarks.md)."""


@dataclass(frozen=True, slots=True)
class Suppressed:
    """An issue that was left out on purpose."""

    issue: Issue
    by: Literal["baseline", "rule"]
    reason: str


@dataclass(frozen=True, slots=True)
class Stale:
    """An entry of the baseline that its trace does not show any more."""

    fingerprint: str
    type: str
    path: str
    """As the baseline has it: relative to its folder."""
    summary: str


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
class ModelUsage:
    """What a model was asked, and what it took."""

    model: str
    calls: int = 0
    """Answers, those from the cache included."""
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None
    """USD; None where no price is known."""
    estimated: bool = False
    """The provider gave no count of tokens for some answer, so they are estimates."""
    cached: int = 0
    """Answers that came from the cache, and cost nothing now. The tokens and the cost are those of the first time."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """Who most likely made the decisive mistake, and when."""

    agent: str
    step: int
    span_id: str | None
    confidence: float
    """How likely the step is the decisive mistake, 0-1, as calibrated on runs that were not fitted on; with
    the tier `llm` what the model said of its own answer, which is not calibrated."""
    reason: str
    candidates: tuple[Candidate, ...] = ()
    """Best first; the first is the one named above."""
    tier: Tier = "heuristic"
    """`llm` when a model named agent and step."""
    cited: tuple[int, ...] = ()
    """Steps that the model names as the grounds of its answer."""
    usage: ModelUsage | None = None
    """What asking a model took, also when its answer could not be used; None when none was asked."""
    note: str = ""
    """Why the answer stands without a model although one was to be asked; empty otherwise."""

    @property
    def stands_out(self) -> bool:
        """Whether one step stands out; where none does, the attribution is little more than a guess."""
        return self.confidence >= STANDS_OUT


@dataclass(frozen=True, slots=True)
class Judged:
    """What asking a model about all the traces came to."""

    usage: ModelUsage
    asked: int = 0
    """Traces with a question to the model or to the cache of its answers."""
    answered: int = 0
    """Traces whose answer could be used."""
    sure: int = 0
    """Failed runs that were not asked about, because the answer without a model is sure enough."""
    spent: float = 0.0
    """USD of the calls made now, as far as their prices are known."""
    notes: tuple[str, ...] = ()
    """What a person should know, a line each."""
    interrupted: bool = False


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
class ToolTotals:
    """How the calls of one tool went."""

    name: str
    calls: int
    failed: int
    unknown: int
    """Calls of which no result was recorded."""
    last_error: str = ""
    """The words of the latest failure."""


class Verdict(StrEnum):
    """One trace in a word. There is no word for healthy: that nothing was found proves no health."""

    FAILED = "failed"
    """An issue at or above high."""
    SUSPECT = "suspect"
    """Issues, all of them below high."""
    NOTHING_FOUND = "nothing found"
    NOT_EXAMINED = "not examined"
    """No detector could run."""


@dataclass(frozen=True, slots=True)
class TraceReport:
    """What was found in one trace."""

    trace: Trace
    issues: tuple[Issue, ...]
    """Worst first: by severity, then confidence, then step."""
    totals: Totals
    tools: tuple[ToolTotals, ...]
    """Every tool that was called, in order of first call."""
    ran: tuple[str, ...]
    skipped: tuple[Skipped, ...] = ()
    crashed: tuple[Crashed, ...] = ()
    hidden: tuple[Issue, ...] = ()
    """Issues under the severity or confidence asked for: counted, not shown."""
    covered: tuple[Issue, ...] = ()
    """Issues that tell a failure again which one of `issues` tells better."""
    suppressed: tuple[Suppressed, ...] = ()
    """Issues that the baseline or a suppression of the configuration took out."""
    attribution: Attribution | None = None

    @property
    def verdict(self) -> Verdict:
        """The trace in a word, by the issues that are shown."""
        if any(issue.severity >= Level.HIGH.floor for issue in self.issues):
            return Verdict.FAILED
        if self.issues:
            return Verdict.SUSPECT
        return Verdict.NOTHING_FOUND if self.ran else Verdict.NOT_EXAMINED

    @property
    def fault(self) -> Fault | None:
        """Who is at fault for the most and the worst of the issues; None without issues."""
        weights: dict[Fault, float] = {}
        for issue in self.issues:
            weights[issue.fault] = weights.get(issue.fault, 0.0) + issue.severity**2 * issue.confidence
        return max(weights.items(), key=lambda pair: pair[1])[0] if weights else None


@dataclass(frozen=True, slots=True)
class Planned:
    """What asking a model about one trace would take."""

    report: TraceReport
    usage: Usage | None
    """Estimated tokens of the question, the most of the answer, and their price; None when nothing can be asked."""
    kept: bool = False
    """The answer is known already, and costs nothing."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in everything that was given."""

    traces: tuple[TraceReport, ...]
    errors: tuple[LoadError, ...] = ()
    stale: tuple[Stale, ...] = ()
    """Entries of the baseline that the traces they were made from do not show any more."""
    judged: Judged | None = None
    """What asking a model came to; None when none was to be asked."""

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

    def to_frame(self, library: Literal["pandas", "polars"] | None = None) -> Any:
        """The issues as a data frame, a row each: of pandas where it is installed, else of polars.

        Raises `ImportError` when the library asked for, or both of them, is not installed.
        """
        return frame(self, library)

    def _repr_html_(self) -> str:
        return html_summary(self)

    def exit_code(self, fail_on: Level | None = Level.HIGH) -> Exit:
        """The exit code of a command that made this report; `fail_on=None` never fails on issues."""
        return Exit.of(
            fail_on,
            worst=max((issue.severity for issue in self.issues), default=-1),
            unreadable=bool(self.errors),
            crashed=any(trace.crashed for trace in self.traces),
        )


class InterruptedAnalysisError(KeyboardInterrupt):
    """The user stopped an analysis while a model was asked; `report` holds all that was done."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        self.report = report
