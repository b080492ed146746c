"""`--format jsonl`: a line for each trace, followed by one for each of its issues, and one for each error."""

from __future__ import annotations

from pisama.output.rows import as_line, error_row, rows_of
from pisama.report import Report


def render(report: Report) -> str:
    """The report as lines; the errors come last."""
    lines = [as_line(row) for trace in report.traces for row in rows_of(trace)]
    lines += [as_line(error_row(error)) for error in report.errors]
    return b"".join(lines).decode()
