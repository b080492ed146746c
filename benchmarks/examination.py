"""Asking pisama about a trace the way a user would, and about everything it noticed."""

from __future__ import annotations

from pisama.api import analyze
from pisama.config import Config
from pisama.issue import Level
from pisama.report import TraceReport
from pisama.trace import JSON

AS_SHIPPED = Config(plugins=False)
"""The default settings, without detectors of other packages."""

EVERYTHING = Config(min_severity=Level.INFO, min_confidence=0.0, plugins=False)
"""Also what pisama would count but not show."""


def report_on(source: JSON, config: Config) -> TraceReport | None:
    """The report on the one trace in a decoded JSON value; None when no trace could be read from it."""
    if not isinstance(source, (dict, list)):
        return None
    traces = analyze(source, config=config).traces
    return traces[0] if traces else None
