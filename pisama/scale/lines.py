"""A report on a trace as lines, which is all that leaves the process that made it when there are many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pisama.issue import Level
from pisama.output.rows import as_line, error_row, rows_of
from pisama.report import Exit, LoadError, TraceReport


@dataclass(frozen=True, slots=True)
class Lines:
    """The rows of one trace, or of one error, as lines of JSON."""

    trace: bytes = b""
    issues: tuple[bytes, ...] = ()
    error: bytes = b""
    severity: int = -1
    """Of the worst issue; -1 without any."""
    crashed: bool = False

    def __bytes__(self) -> bytes:
        return b"".join((self.trace, *self.issues, self.error))


def lines_of(report: TraceReport) -> Lines:
    """The rows of a trace and of its issues."""
    trace, *issues = map(as_line, rows_of(report))
    worst = max((issue.severity for issue in report.issues), default=-1)
    return Lines(trace, tuple(issues), severity=worst, crashed=bool(report.crashed))


def lines_of_error(error: LoadError) -> Lines:
    """The row of what could not be read."""
    return Lines(error=as_line(error_row(error)))


@dataclass(slots=True)
class Tally:
    """What was found so far, in numbers."""

    traces: int = 0
    issues: int = 0
    errors: int = 0
    severity: int = -1
    """Of the worst issue; -1 without any."""
    crashed: bool = False

    def add(self, lines: Lines) -> None:
        """One trace more, or one error."""
        self.traces += bool(lines.trace)
        self.issues += len(lines.issues)
        self.errors += bool(lines.error)
        self.severity = max(self.severity, lines.severity)
        self.crashed = self.crashed or lines.crashed

    def merge(self, recorded: dict[str, Any]) -> None:
        """Adds what another tally counted, as `dataclasses.asdict` gives it."""
        self.traces += recorded["traces"]
        self.issues += recorded["issues"]
        self.errors += recorded["errors"]
        self.severity = max(self.severity, recorded["severity"])
        self.crashed = self.crashed or recorded["crashed"]

    def exit_code(self, fail_on: Level | None) -> Exit:
        """As `Report.exit_code`."""
        return Exit.of(fail_on, worst=self.severity, unreadable=bool(self.errors), crashed=self.crashed)
