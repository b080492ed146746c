"""Predictions in the benchmark's own submission form, so that its scorer can read them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.command import write_json
from benchmarks.statistics import folds
from benchmarks.trail.adapter import Adapter, fit
from benchmarks.trail.evaluation import FOLDS, SEEDS
from benchmarks.trail.sightings import Examined
from benchmarks.trail.spans import Candidate
from pisama.issue import Issue, Level
from pisama.text import quote

_IMPACT = {
    Level.INFO: "LOW",
    Level.LOW: "LOW",
    Level.MEDIUM: "MEDIUM",
    Level.HIGH: "HIGH",
    Level.CRITICAL: "HIGH",
}


def write_submission(folder: Path, cases: Sequence[Examined], adapter: Adapter | None) -> None:
    """One `<trace id>.json` a trace, predicted with this table.

    Without one, each trace is predicted by a table that was fitted on other traces.
    """
    for training, held_out in folds(cases, lambda each: each.case.id, FOLDS, SEEDS[0]):
        table = adapter or fit(training)
        for position in held_out:
            each = cases[position]
            write_json(folder / f"{each.case.id}.json", submission(each, table))


def submission(each: Examined, adapter: Adapter) -> dict[str, object]:
    """The predictions of one trace, the most probable first."""
    by_span = {candidate.span: candidate for candidate in each.candidates}
    ranked = sorted(adapter.probabilities(each.candidates).items(), key=lambda item: (-item[1], item[0]))
    errors = [
        {"category": category, "location": span, **_told(by_span[span])}
        for (span, category), mark in ranked
        if mark >= adapter.threshold
    ]
    return {"errors": errors, "scores": [_scores([sighting.issue for sighting in each.sightings])]}


def _told(candidate: Candidate) -> dict[str, str]:
    """What the form wants beside category and place: of the worst issue there, else of the span itself."""
    issue = candidate.issue
    if issue is None:
        signs = ", ".join(sorted(candidate.signs))
        return {"evidence": quote(candidate.words), "description": f"By its signs: {signs}.", "impact": "LOW"}
    return {
        "evidence": issue.evidence[0].quote,
        "description": issue.summary,
        "impact": _IMPACT[issue.level],
    }


def _scores(issues: Sequence[Issue]) -> dict[str, float]:
    """Marks from 5 (nothing found) down to 1, by the chance that no severe issue is real.

    The form wants marks; pisama makes no claim about them and nothing in this project reads them.
    """
    sound = 1.0
    for issue in issues:
        sound *= 1 - issue.confidence * issue.severity / 100
    mark = round(1 + 4 * sound, 2)
    safe = 1.0 if any(issue.type == "injection" for issue in issues) else 5.0
    return {
        "reliability_score": mark,
        "security_score": safe,
        "instruction_adherence_score": mark,
        "plan_opt_score": mark,
        "overall": mark,
    }
