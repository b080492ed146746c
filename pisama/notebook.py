"""A report in a notebook: a small summary as HTML, and its issues as a data frame."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pisama.issue import Issue
    from pisama.report import Report, TraceReport

MAX_ROWS = 50
"""Rows of each table; the data frame has all of them."""
LIBRARIES = ("pandas", "polars")
COLUMNS = (
    "trace file type signal level severity confidence summary recommendation fault tier agent step span_id fingerprint"
).split()

_CELL = ' style="text-align:left;vertical-align:top"'


def html_summary(report: Report) -> str:
    """The traces with their verdicts, and the issues, worst first. Everything is escaped; there is no script."""
    return "".join(_html(report))


def _html(report: Report) -> Iterator[str]:
    yield "<div><p><b>pisama</b>: "
    yield escape(f"{_counted(len(report.traces), 'trace')}, {_counted(len(report.issues), 'issue')}")
    yield "</p>"
    for error in report.errors[:MAX_ROWS]:
        yield f"<p>not readable: {escape(str(error))}</p>"
    if len(report.traces) > 1:
        yield from _table(
            ("verdict", "trace", "issues"), (_trace(trace) for trace in report.traces[:MAX_ROWS])
        )
    issues = sorted(report.issues, key=lambda issue: (-issue.severity, -issue.confidence))
    if issues:
        yield from _table(
            ("level", "type", "where", "what", "fix"), (_issue(issue) for issue in issues[:MAX_ROWS])
        )
    elif report.traces:
        yield f"<p>{escape(', '.join(dict.fromkeys(trace.verdict.value for trace in report.traces)))}</p>"
    more = max(0, len(issues) - MAX_ROWS) + max(0, len(report.traces) - MAX_ROWS)
    if more:
        yield f"<p>{more:,} rows more: report.to_frame() has all issues</p>"
    yield "</div>"


def _trace(report: TraceReport) -> tuple[str, ...]:
    return report.verdict.value, _file(report) or report.trace.id, str(len(report.issues))


def _issue(issue: Issue) -> tuple[str, ...]:
    where = f"{issue.agent}, step {issue.step}" if issue.step is not None else ""
    return issue.level.value, issue.type, where, issue.summary, issue.recommendation


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    yield f"<table><tr>{''.join(f'<th{_CELL}>{escape(cell)}</th>' for cell in head)}</tr>"
    for row in rows:
        yield f"<tr>{''.join(f'<td{_CELL}>{escape(cell)}</td>' for cell in row)}</tr>"
    yield "</table>"


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
