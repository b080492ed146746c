"""Failures: failed calls of a run that were not met with what they ask for.

An error that is fixed, worked around or named is none of them, nor are a few retries of what may pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

from pisama.acts import is_bookkeeping, is_executor
from pisama.endings import fatal_call
from pisama.features import CallFeatures, Features
from pisama.issue import Fault
from pisama.missing_files import asked_again
from pisama.outcomes import OWN_FAULT, TRANSIENT, ErrorKind
from pisama.patterns import lazy
from pisama.repetition import came_back
from pisama.trace import Step, Trace

_NOTICED = lazy(
    r"error|fail|exception|unable|could ?n[o']t|can ?n[o']t|can't|not (?:found|available|able|possible|work|exist|allowed|valid|have|been)"
    r"|n't |issue|problem|unfortunately|sorry|apolog|instead|tr(?:y|ied)\b|alternative|another|different|unavailable|limit|missing"
    r"|invalid|incorrect|unsuccessful|denied|exceed|insufficient|timed? ?out|fix|correct|blocked|without access|mistake|wrong|debug"
    r"|adjust|refine|instal|no (?:results?|such|access)|does not|do not|did not|was not|is not|however",
    re.IGNORECASE,
)
"""Words of somebody who has seen that something went wrong."""
_RAISED = lazy(r"(?:[A-Za-z_][\w.]{0,80})?(?:Error|Exception)\b")
_ENVIRONMENTAL = TRANSIENT | {ErrorKind.ENVIRONMENT, ErrorKind.AUTHENTICATION, ErrorKind.EXHAUSTED}
_FAULTS: Mapping[ErrorKind | None, Fault] = {
    **dict.fromkeys(OWN_FAULT, "agent"),
    **dict.fromkeys(TRANSIENT, "tool"),
    ErrorKind.ENVIRONMENT: "environment",
    ErrorKind.AUTHENTICATION: "environment",
    ErrorKind.EXHAUSTED: "environment",
    ErrorKind.REFUSED: "user",
}
_AFTER = 3
"""Steps after a failure in which it may still be noticed."""

Kind: TypeAlias = Literal["retried", "repeated", "fatal", "ignored", "missing_again", "down", "own_call"]


class Failure(NamedTuple):
    """Failed calls of one tool for one reason, and what was made of them."""

    kind: Kind
    primary: CallFeatures
    """The call that it stands at."""
    last: CallFeatures
    """The last that failed for this reason."""
    calls: Sequence[CallFeatures]
    """All that show it."""
    severity: int | None = None
    """0-100, where the number of calls or the end of the run say it."""
    fixed: bool = False
    """Whether the agent got a result in the end."""
    ignoring: Step | None = None
    """The step that goes on without a word about it."""

    @property
    def fault(self) -> Fault:
        """Who would have to change."""
        reason = self.primary.outcome.kind
        mine = self.kind in ("ignored", "retried") and reason not in TRANSIENT
        return "agent" if mine else _FAULTS.get(reason, "agent")


class Bounds(NamedTuple):
    """What is in order; what each means is told by the options of `tool_error`."""

    max_retries: int
    same_failures: int
    guesses: int


def failures(trace: Trace, table: Features, bounds: Bounds) -> Iterator[Failure]:
    """At most one for every group of failures of one agent, one tool and one reason, and one for every broken tool."""
    if not table.failed_calls:
        return
    run = _Run(trace, table)
    for calls in run.broken_tools().values():
        yield Failure("down", calls[0], calls[-1], calls, min(60, 35 + 3 * len(calls)))
    for group in run.groups():
        failure = _persisted_in(run, group, bounds) or _left_standing(trace, run, group)
        if failure is not None:
            yield failure


def missing_again(table: Features) -> Iterator[tuple[Failure, str]]:
    """Files that were not there and are asked for again; each with the file."""
    if table.failed_calls:
        for again in asked_again(table.calls):
            yield Failure("missing_again", again.call, again.call, (again.call, again.missed)), again.file


def _persisted_in(run: _Run, group: Sequence[CallFeatures], bounds: Bounds) -> Failure | None:
    """The call made again unchanged, or in other ways that fail as well."""
    last, kind = group[-1], group[-1].outcome.kind
    fixed = run.fixed_after(last)
    retries = [call for call in group if run.is_retry(call)]
    if len(retries) > (bounds.max_retries if kind in TRANSIENT else int(fixed)):
        severity = min(60, 35 + 5 * len(retries) + (0 if fixed else 5))
        return Failure("retried", retries[0], last, retries, severity, fixed=fixed)
    limit = bounds.guesses if kind is ErrorKind.NOT_FOUND else bounds.same_failures
    streak = run.streak(group)
    if len(streak) >= limit and len({call.key for call in streak}) > 1:
        return Failure("repeated", streak[1], last, streak, min(55, 25 + 5 * len(streak)))
    return None


def _left_standing(trace: Trace, run: _Run, group: Sequence[CallFeatures]) -> Failure | None:
    """The failure ended the run, was passed over, or was the call's own and not put right."""
    first, last = group[0], group[-1]
    if last is run.fatal:
        return Failure("fatal", last, last, [last], _fatality(trace))
    ignoring = None if run.fixed_after(last) else run.ignored_by(last)
    if ignoring is not None:
        return Failure("ignored", last, last, [last], ignoring=ignoring)
    if (last.outcome.kind in OWN_FAULT or _is_own_code(last)) and not run.put_right_at_once(first):
        return Failure("own_call", first, last, group)
    return None


class _Run:
    """The calls of one run by agent and by tool, and what came after a failure."""

    def __init__(self, trace: Trace, table: Features) -> None:
        self.fatal = fatal_call(trace)
        self._trace = trace
        self._failed = table.failed_calls
        self._by_agent: dict[str, list[CallFeatures]] = {}
        self._by_tool: dict[str, list[CallFeatures]] = {}
        self._place: dict[int, tuple[int, int]] = {}
        self._last_success: dict[str, int] = {}
        for call in table.calls:
            mine = self._by_agent.setdefault(call.step.agent, [])
            alike = self._by_tool.setdefault(call.name, [])
            self._place[call.position] = len(mine), len(alike)
            mine.append(call)
            alike.append(call)
            if not call.outcome.failed and not call.outcome.empty:
                self._last_success[call.name] = call.position
                if not is_bookkeeping(call.name):
                    self._last_success[f"\0{call.step.agent}"] = call.position
        self._order = {step.index: number for number, step in enumerate(trace.steps)}

    def groups(self) -> Iterator[list[CallFeatures]]:
        """Failures of one agent and one tool for one reason, in order of the first of each group; a user's refusal is none."""
        down = self.broken_tools()
        found: dict[object, list[CallFeatures]] = {}
        for call in self._failed:
            if call.name not in down and call.outcome.kind is not ErrorKind.REFUSED:
                found.setdefault((call.step.agent, call.name, came_back(call)), []).append(call)
        yield from found.values()

    def broken_tools(self) -> dict[str, list[CallFeatures]]:
        """Tools of which every call, and at least three different ones, failed because of their surroundings."""
        return {
            name: calls
            for name, calls in self._by_tool.items()
            if not is_executor(name)
            and len(calls) >= 3
            and all(call.outcome.kind in _ENVIRONMENTAL for call in calls)
            and len({call.key for call in calls}) > 1
        }

    def is_retry(self, call: CallFeatures) -> bool:
        """Whether the call before it, by the same agent, was the same one and failed too."""
        calls, place = self._by_agent[call.step.agent], self._place[call.position][0]
        before = calls[place - 1] if place else None
        return (
            before is not None
            and before.key == call.key
            and before.outcome.failed
            and before.step is not call.step
        )

    def fixed_after(self, call: CallFeatures) -> bool:
        """Whether the tool, or for an ordinary tool any other of this agent's, succeeded later."""
        if self._last_success.get(call.name, -1) > call.position:
            return True
        return self._last_success.get(f"\0{call.step.agent}", -1) > call.position

    def streak(self, group: Sequence[CallFeatures]) -> Sequence[CallFeatures]:
        """The longest stretch of the group in which the agent called nothing else in between."""
        best_start = best_length = start = 0
        for number, call in enumerate(group):
            calls, place = self._by_agent[call.step.agent], self._place[call.position][0]
            if number and not (place and calls[place - 1] is group[number - 1]):
                start = number
            if number - start + 1 > best_length:
                best_start, best_length = start, number - start + 1
        return group[best_start : best_start + best_length]

    def put_right_at_once(self, call: CallFeatures) -> bool:
        """Whether the next call of the tool, or else the agent's next call of any kind, succeeded."""
        mine, alike = self._place[call.position]
        following = [
            *self._by_tool[call.name][alike + 1 : alike + 2],
            *self._by_agent[call.step.agent][mine + 1 : mine + 2],
        ]
        return not following or any(not other.outcome.failed for other in following)

    def ignored_by(self, call: CallFeatures) -> Step | None:
        """The step that speaks next and neither says that something failed nor does anything more about it."""
        here = self._order[call.step.index]
        after = self._trace.steps[here + 1 : here + 1 + _AFTER]
        if not after or self._place[call.position][0] + 1 < len(self._by_agent[call.step.agent]):
            return None
        if any(not is_bookkeeping(other.name) for step in after for other in step.tool_calls):
            return None
        if any(sibling is not call.call and sibling.name == call.name for sibling in call.step.tool_calls):
            return None
        said = "\n".join([*(step.words[:4_000] for step in after), (self._trace.final_answer or "")[:4_000]])
        return None if not said.strip() or _NOTICED.search(said) else after[0]


def _fatality(trace: Trace) -> int:
    """How bad a failure is that ended the run: for sure when the record says that the run failed."""
    return 65 if trace.outcome == "error" else 55


def _is_own_code(call: CallFeatures) -> bool:
    """Whether code that the agent wrote raised; a command that reports a failure may well be right."""
    return (
        is_executor(call.name)
        and call.outcome.kind is ErrorKind.RUNTIME
        and _RAISED.match(call.outcome.message) is not None
    )
