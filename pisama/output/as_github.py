"""`--format github`: workflow commands, which GitHub Actions shows as annotations.

GitHub shows ten annotations of a kind a step, so they come worst first.
"""

from __future__ import annotations

from collections.abc import Iterator

from pisama.issue import Issue, Level
from pisama.output.terminal import told
from pisama.report import LoadError, Report
from pisama.trace import Location

_COMMANDS = {
    Level.INFO: "notice",
    Level.LOW: "notice",
    Level.MEDIUM: "warning",
    Level.HIGH: "error",
    Level.CRITICAL: "error",
}


def render(report: Report) -> str:
    """One line an issue, and one for each input that could not be read."""
    return "".join(f"{line}\n" for line in _lines(report))


def _lines(report: Report) -> Iterator[str]:
    yield from (_unread(error) for error in report.errors)
    for trace in report.traces:
        for crashed in trace.crashed:
            yield _command("error", f"{crashed.detector} crashed", crashed.error, trace.trace.at)
    for issue in sorted(report.issues, key=lambda issue: (-issue.severity, -issue.confidence)):
        yield _annotation(issue)


def _annotation(issue: Issue) -> str:
    place = f"{issue.agent}, step {issue.step}: " if issue.step is not None else ""
    tier = ", tier llm" if issue.tier == "llm" else ""
    title = f"{issue.type} ({issue.level.value}, confidence {issue.confidence:.2f}{tier})"
    return _command(
        _COMMANDS[issue.level], title, f"{place}{issue.summary} Fix: {issue.recommendation}", issue.at
    )


def _unread(error: LoadError) -> str:
    return _command("error", "not readable", error.reason, error.at)


def _command(command: str, title: str, message: str, at: Location | None) -> str:
    properties = {"title": title}
    if at is not None and at.path is not None:
        properties = {"file": at.path, "line": str(at.line or 1), **properties}
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{command} {listed}::{_data(message)}"


def _data(text: str) -> str:
    """Escaped as the runner unescapes it, so that no word of a trace ends the command or starts another."""
    return told(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
