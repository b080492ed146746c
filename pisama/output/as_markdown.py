"""`--format markdown`: a report that fits a pull request comment or a job summary."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pisama.issue import Evidence, Issue
from pisama.output.terminal import told
from pisama.patterns import lazy
from pisama.report import Report, TraceReport, Verdict

MAX_TRACES = 200
"""Traces in the table."""
MAX_ISSUES = 50
"""Issues told in full: a comment on GitHub holds 65,536 characters."""
MAX_EVIDENCE = 3
"""Pieces of evidence told with an issue."""

_SPECIAL = lazy(r"[\\`*_\[\]#|~<>&@$]|(?<=[a-z]):(?=//)|(?<=www)\.", re.IGNORECASE)
_APART = "&#8203;"
_MARKS = {Verdict.FAILED: "❌", Verdict.SUSPECT: "⚠️", Verdict.NOTHING_FOUND: "⚪", Verdict.NOT_EXAMINED: "❔"}


def render(report: Report) -> str:
    """A table of the traces, then every issue, worst first, folded."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield "## pisama"
    yield ""
    if report.traces:
        yield "| | trace | issues | worst |"
        yield "|---|---|---|---|"
        yield from (_row(trace) for trace in report.traces[:MAX_TRACES])
        yield from _more(len(report.traces) - MAX_TRACES, "trace")
    for error in report.errors:
        yield f"\n❗ not readable: {plain(str(error))}"
    issues = sorted(report.issues, key=lambda issue: (-issue.severity, -issue.confidence))
    for issue in issues[:MAX_ISSUES]:
        yield ""
        yield from _issue(issue)
    yield from _more(len(issues) - MAX_ISSUES, "issue")
    hidden = sum(len(trace.hidden) for trace in report.traces)
    if hidden:
        yield f"\n{hidden} more under the severity or confidence asked for."
    suppressed = sum(len(trace.suppressed) for trace in report.traces)
    if suppressed:
        yield f"\n{suppressed} more in the baseline or suppressed by the configuration."
    if report.stale:
        yield f"\nNo longer found, of the entries of the baseline: {len(report.stale)}."


def _row(trace: TraceReport) -> str:
    path = trace.trace.at.path if trace.trace.at is not None else None
    name = plain(path or trace.trace.id or "input")
    worst = plain(trace.issues[0].summary) if trace.issues else ""
    return f"| {_MARKS[trace.verdict]} {trace.verdict.value} | {name} | {len(trace.issues)} | {worst} |"


def _issue(issue: Issue) -> Iterator[str]:
    place = f", {plain(issue.agent or '')}, step {issue.step}" if issue.step is not None else ""
    yield f"<details><summary><b>{issue.level.value} {issue.type}</b>{place}: {plain(issue.summary)}</summary>"
    yield ""
    tier = ", tier llm: a model says so" if issue.tier == "llm" else ""
    yield f"Severity {issue.severity}, confidence {issue.confidence:.2f}{tier}."
    yield ""
    yield from (f"- {_evidence(evidence)}" for evidence in issue.evidence[:MAX_EVIDENCE])
    yield from _more(len(issue.evidence) - MAX_EVIDENCE, "piece of evidence", "pieces of evidence")
    yield ""
    yield f"**Fix:** {plain(issue.recommendation)}"
    yield ""
    yield "</details>"


def _evidence(evidence: Evidence) -> str:
    step = f"step {evidence.step}: " if evidence.step is not None else ""
    note = f" ({plain(evidence.note)})" if evidence.note else ""
    return f"{step}“{plain(evidence.quote)}”{note}"


def _more(count: int, one: str, several: str | None = None) -> Iterator[str]:
    if count > 0:
        yield f"\nand {count} more {one if count == 1 else several or one + 's'}"


def plain(text: str) -> str:
    """Words that are shown as they are: no markup, no HTML, no link, no mention, no table cell ends in them."""
    # Entities, because they also hold within the HTML of a summary, where a backslash does not. GitHub looks for mentions
    # and references in what was rendered, where an entity is a letter again: what takes no room stands behind it there.
    return _SPECIAL.sub(lambda match: f"&#{ord(match[0])};{_APART if match[0] in '@#' else ''}", told(text))
