"""A report in a notebook: a small summary as HTML, and its issues as a data frame."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

from pisama import templates
from pisama.patterns import lazy
from pisama.redact import redact
from pisama.unseen import RUNNER, STYLED, UNSEEN

if TYPE_CHECKING:
    from pisama.issue import Issue
    from pisama.report import Report, TraceReport

MAX_ROWS = 50
"""Rows of each table; the data frame has all of them."""
LIBRARIES = ("pandas", "polars")
COLUMNS = (
    "trace file type signal level severity confidence summary recommendation fault tier agent step span_id fingerprint"
).split()

_HALF = lazy(rf"[\x00-\x08\x0b-\x1f\ud800-\udfff{UNSEEN}]|{STYLED}|{RUNNER}")


def html_summary(report: Report) -> str:
    """The traces with their verdicts, and the issues, worst first. Everything is escaped; there is no script."""
    return templates.environment().get_template("summary.html").render(summary=summary_of(report))


def summary_of(report: Report) -> dict[str, object]:
    """What the template `summary.html` shows."""
    issues = sorted(report.issues, key=lambda issue: (-issue.severity, -issue.confidence))
    more = max(0, len(issues) - MAX_ROWS) + max(0, len(report.traces) - MAX_ROWS)
    return {
        "counts": f"{_counted(len(report.traces), 'trace')}, {_counted(len(report.issues), 'issue')}",
        "errors": [_whole(str(error)) for error in report.errors[:MAX_ROWS]],
        "traces": [_trace(trace) for trace in report.traces[:MAX_ROWS]],
        "issues": [_issue(issue) for issue in issues[:MAX_ROWS]],
        "cause": _cause(report) if len(report.traces) == 1 else "",
        "unexamined": list(_unexamined(report.traces)),
        "more": f"{more:,} rows more: report.to_frame() has all issues" if more else "",
    }


def _trace(report: TraceReport) -> tuple[str, ...]:
    return report.verdict.value, _whole(_file(report) or report.trace.id), str(len(report.issues))


def _issue(issue: Issue) -> tuple[str, ...]:
    where = f"{issue.agent}, step {issue.step}" if issue.step is not None else ""
    told = (issue.level.value, issue.type, where, issue.summary, issue.recommendation)
    return tuple(_whole(text) for text in told)


def _cause(report: Report) -> str:
    cause = report.attribution
    if cause is None:
        return ""
    doubt = "" if cause.stands_out else "cannot tell, for no step stands out; the first suspect is "
    return _whole(
        f"{doubt}{cause.agent} at step {cause.step}, because {cause.reason} (confidence {cause.confidence:.2f})"
    )


def _unexamined(traces: Sequence[TraceReport]) -> Iterator[str]:
    for name, count in Counter(item.detector for trace in traces for item in trace.crashed).items():
        yield f"crashed: {name} on {_counted(count, 'trace')}"
    skipped = Counter(item.detector for trace in traces for item in trace.skipped)
    if skipped:
        yield f"could not run: {', '.join(sorted(skipped))}"
    suppressed = sum(len(trace.suppressed) for trace in traces)
    if suppressed:
        yield f"suppressed: {_counted(suppressed, 'issue')}"


def _whole(text: str) -> str:
    """The text on one line without secrets, and without halves of characters, which no page can hold, and what nobody sees
    or a runner obeys."""
    return _HALF.sub("\ufffd", redact(text).replace("\n", " "))


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def frame(report: Report, library: Literal["pandas", "polars"] | None) -> Any:
    """The issues, a row each. Raises `ImportError` when the library, or both of them, is not installed."""
    names = [library] if library is not None else [name for name in LIBRARIES if find_spec(name)]
    if not names:
        raise ImportError("a data frame needs pandas or polars: install one of them")
    rows = [_row(trace, issue) for trace in report.traces for issue in trace.issues]
    columns = {name: [row[name] for row in rows] for name in COLUMNS}
    return import_module(names[0]).DataFrame(columns)


def _row(report: TraceReport, issue: Issue) -> dict[str, object]:
    own = {"trace": report.trace.id, "file": _file(report), "level": issue.level.value}
    return {name: own[name] if name in own else getattr(issue, name) for name in COLUMNS}


def _file(report: TraceReport) -> str | None:
    return report.trace.at.path if report.trace.at is not None else None
