"""The run on one screen: a lane per agent, a column per step, marks for calls, errors and issues."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pisama.features import Features, features
from pisama.issue import Issue
from pisama.report import TraceReport
from pisama.trace import Step

WORDS, CALL, FAILED, NOTHING, ISSUE = "·", "●", "✗", " ", "▲"
LEGEND = f"{WORDS} words  {CALL} calls  {FAILED} failed call  {ISSUE} issue"
MAX_LANES = 8
"""Agents with a lane of their own; the others share the last one."""

_RANK = {NOTHING: 0, WORDS: 1, CALL: 2, FAILED: 3}


class Lane(NamedTuple):
    """One row of the timeline."""

    title: str
    marks: str
    is_issues: bool = False


def lanes(report: TraceReport, columns: int) -> Iterator[Lane]:
    """The rows, at most `columns` marks wide; longer runs have several steps in a column."""
    steps = report.trace.steps
    if not steps:
        return
    width = min(columns, len(steps))
    column_of = {step.index: position * width // len(steps) for position, step in enumerate(steps)}
    table = features(report.trace)
    for title, agents in _titles(report.trace.agents):
        marks = [NOTHING] * width
        for step in steps:
            if step.agent in agents:
                column = column_of[step.index]
                marks[column] = max(marks[column], _mark(step, table), key=_RANK.__getitem__)
        yield Lane(title, "".join(marks))
    if report.issues:
        yield Lane("issues", _issue_marks(report.issues, column_of, width), is_issues=True)


def _titles(agents: Sequence[str]) -> Iterator[tuple[str, frozenset[str]]]:
    alone = agents if len(agents) <= MAX_LANES else agents[: MAX_LANES - 1]
    for agent in alone:
        yield agent, frozenset([agent])
    rest = agents[len(alone) :]
    if rest:
        yield f"{len(rest)} others", frozenset(rest)


def _mark(step: Step, table: Features) -> str:
    calls = table.calls_by_step.get(step.index, ())
    if step.error is not None or any(call.outcome.failed for call in calls):
        return FAILED
    return CALL if calls else WORDS


def _issue_marks(issues: Sequence[Issue], column_of: dict[int, int], width: int) -> str:
    marks = [NOTHING] * width
    for issue in issues:
        if issue.step in column_of:
            marks[column_of[issue.step]] = ISSUE
    return "".join(marks)
