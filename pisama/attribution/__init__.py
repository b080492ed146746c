"""Who and when: which agent made the decisive mistake of a failed run, and at which step."""

from __future__ import annotations

from pisama.attribution.failure import failed
from pisama.report import Attribution, TraceReport

__all__ = ["attribute", "failed"]


def attribute(report: TraceReport) -> Attribution | None:
    """Who most likely made the decisive mistake, and when; None when nothing is known to have failed."""
    if not failed(report):
        return None
    from pisama.attribution.ranker import rank  # not needed where nothing failed

    return rank(report)
