"""Who and when: what pisama says, and what can be said without reading."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from benchmarks.examination import AS_SHIPPED, report_on
from benchmarks.whowhen.data import Case
from benchmarks.whowhen.metrics import Answer, agent_messages
from pisama.issue import Level
from pisama.report import TraceReport

ABSTENTION = Answer(None, None)
SURE = 0.6
"""Confidence from which the earliest issue is preferred over a more confident later one."""


def examined(case: Case) -> TraceReport | None:
    """The report on the conversation alone, with the settings pisama ships with."""
    return report_on(case.blind, AS_SHIPPED)


def attributed(report: TraceReport | None) -> Answer:
    """The attribution of a report; an abstention where it has none."""
    found = report.attribution if report is not None else None
    return Answer(found.agent, found.step) if found is not None else ABSTENTION


def earliest_issue(report: TraceReport | None) -> Answer:
    """The earliest issue that is at least medium and sure; without one, the most confident issue."""
    placed = [issue for issue in (report.issues if report else ()) if issue.step is not None]
    sure = [issue for issue in placed if issue.confidence >= SURE and issue.severity >= Level.MEDIUM.floor]
    if sure:
        first = min(sure, key=lambda issue: (issue.step or 0, -issue.confidence))
    elif placed:
        first = max(placed, key=lambda issue: (issue.confidence, -(issue.step or 0)))
    else:
        return ABSTENTION
    return Answer(first.agent, first.step)


def _at(case: Case, position: int) -> Answer:
    return Answer(case.speakers[position], position) if position < len(case.speakers) else ABSTENTION


def first_speaker(case: Case) -> Answer:
    """The first message of an agent."""
    return _at(case, min(agent_messages(case), default=len(case.speakers)))


def second_message(case: Case) -> Answer:
    """The message at position 1, whoever wrote it."""
    return _at(case, 1)


def last_speaker(case: Case) -> Answer:
    """The last message of an agent."""
    return _at(case, max(agent_messages(case), default=len(case.speakers)))


def last_worker(case: Case) -> Answer:
    """The last message of an agent that does not speak first, which leaves out an orchestrator."""
    leader = first_speaker(case).agent
    workers = [position for position in agent_messages(case) if case.speakers[position] != leader]
    return _at(case, max(workers, default=len(case.speakers)))


def most_active(case: Case) -> Answer:
    """The agent with the most messages, at its first one."""
    counts = Counter(case.speakers[position] for position in agent_messages(case))
    if not counts:
        return ABSTENTION
    busiest = max(counts, key=lambda name: (counts[name], name))
    return _at(case, case.speakers.index(busiest))


BASELINES: Mapping[str, Callable[[Case], Answer]] = {
    "first speaker": first_speaker,
    "always step 1": second_message,
    "last speaker": last_speaker,
    "last speaker but the leader": last_worker,
    "most active speaker": most_active,
}
