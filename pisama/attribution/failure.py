"""Whether a run failed at all."""

from __future__ import annotations

from pisama.issue import Level
from pisama.report import TraceReport

SUCCESS = "success"
"""The only recorded outcome that names no failure."""


def failed(report: TraceReport) -> bool:
    """Whether an issue is at least medium, shown or not, or the run's own record says that it did not succeed."""
    outcome = report.trace.outcome
    return outcome not in (None, SUCCESS) or any(
        issue.severity >= Level.MEDIUM.floor for issue in (*report.issues, *report.hidden)
    )
