"""Tool error: a tool failed and nothing sensible was done about it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Annotated, ClassVar

from pydantic import Field

from pisama.acts import is_bookkeeping, is_executor
from pisama.detectors.base import Detector, Example, Needs, Signal
from pisama.endings import fatal_call
from pisama.features import CallFeatures, Features, features
from pisama.issue import Evidence, Fault, Issue
from pisama.missing_files import AskedAgain, asked_again
from pisama.outcomes import OWN_FAULT, TRANSIENT, ErrorKind
from pisama.patterns import lazy
from pisama.repetition import came_back
from pisama.text import quote
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
_ADVICE: Mapping[ErrorKind | None, str] = {
    ErrorKind.BAD_ARGUMENTS: "Put the exact schema and one valid call in the tool's description, and return what was wrong with the argument.",
    ErrorKind.SYNTAX: "Check the code or JSON before it is sent, and show the agent the line that does not parse.",
    ErrorKind.UNKNOWN_TOOL: "List the tools that exist in the error, and take names from that list only.",
    ErrorKind.FORBIDDEN: "Say in the prompt what the sandbox allows, and give the agent a tool for what it is missing.",
    ErrorKind.RATE_LIMIT: "Back off in the tool runner (wait, then retry a fixed number of times) and not by the model.",
    ErrorKind.TIMEOUT: "Raise the tool's limit or make the request smaller, and retry in the tool runner, not by the model.",
    ErrorKind.SERVICE: "Retry with a back-off in the tool runner, offer a second source, and have the agent report the outage.",
    ErrorKind.ENVIRONMENT: "Install what is missing in the environment before the run, or name in the prompt what is installed.",
    ErrorKind.AUTHENTICATION: "Give the tool valid credentials before the run; no wording of the call can help.",
    ErrorKind.EXHAUSTED: "Ask for less at a time (a page, a range, a filter), or raise the limit.",
    ErrorKind.NOT_FOUND: "Let the agent look up what exists (list, search) before it asks for it by name.",
    ErrorKind.REFUSED: "Ask the user what to do instead before going on.",
}
_AFTER = 3
"""Steps after a failure in which it may still be noticed."""


class ToolError(Detector):
    """A tool or the environment failed, and the failure was ignored or met with the same call again.

    ## Why it is a failure

    A result that is an error holds no facts. An agent that goes on as if it had one builds the rest
    of its work on nothing; one that only repeats the call gets the same error.

    ## What it does not flag

    An error followed by a real fix: other arguments or another tool, and success. An error that the
    agent names. A few retries of a failure that may pass by itself.

    ## How to fix it

    Return errors in a form that says what to change, retry passing failures in the tool runner, and
    tell the agent to name an unresolved failure in its answer.
    """

    id = "tool_error"
    needs = frozenset({Needs.RESULTS})
    tags = ("trail:Tool-related", "trail:Environment Setup Errors", "trail:Service Errors")
    signals: ClassVar[Mapping[str, Signal]] = {
        "retried": Signal("a failing call made again unchanged", 45, 0.7),
        "repeated": Signal("calls that keep failing in the same way", 40, 0.6),
        "fatal": Signal("a failure that ended the run, without an answer", 55, 0.8),
        "ignored": Signal("a failure that nobody mentions or works around", 50, 0.5),
        "missing_again": Signal("a file that was not there is asked for again, or of somebody else", 35, 0.5),
        "down": Signal("every call of a tool failed", 45, 0.6, "environment"),
        "own_call": Signal("a call that fails because it is wrong, and is not put right at once", 25, 0.45),
    }

    max_retries: Annotated[int, Field(ge=0)] = 3
    """Unchanged retries of a rate limit, a timeout or a service that is down that are in order."""
    same_failures: Annotated[int, Field(ge=2)] = 3
    """Failures in a row of one tool for the same reason, with other arguments, before they fire."""
    guesses: Annotated[int, Field(ge=2)] = 6
    """The same for things that are not found: looking for a name takes a few guesses."""
    max_evidence: Annotated[int, Field(ge=1)] = 4
    """Failures quoted in one issue."""
    max_issues: Annotated[int, Field(ge=1)] = 8
    """Failures reported for one trace, the worst first."""

    quiet = (
        Example(
            "an error followed by a real fix",
            """
            task: Weather in Oslo.
            agent: weather(city="Osloo") -> error: unknown city: Osloo
            agent: weather(city="Oslo") -> 4 C
            agent: It is 4 C.
            """,
        ),
        Example(
            "another tool after the first failed",
            """
            task: Find the page.
            agent: open(url="x.org") -> error: 403 Forbidden
            agent: search(query="x.org") -> a copy of the page
            agent: Here it is: a copy of the page.
            """,
        ),
        Example(
            "an honest end",
            """
            task: Book seat 4.
            agent: book(seat=4) -> error: seat taken
            agent: Seat 4 is taken, so I could not book it.
            """,
        ),
        Example(
            "a failure that passes",
            """
            task: Fetch the page.
            agent: fetch(url="x.org") -> error: 503 service unavailable
            agent: fetch(url="x.org") -> error: 503 service unavailable
            agent: fetch(url="x.org") -> <html>welcome</html>
            agent: The page says welcome.
            """,
        ),
        Example(
            "a test that fails until the code is right",
            """
            task: Fix the bug.
            agent: bash(command="pytest") -> Exit code 1\\n2 failed
            agent: edit(file="a.py", text="x") -> ok
            agent: bash(command="pytest") -> Exit code 1\\n2 failed
            agent: edit(file="b.py", text="y") -> ok
            agent: bash(command="pytest") -> 4 passed
            agent: All four tests pass.
            """,
        ),
        Example(
            "a few guesses at a path",
            """
            task: Find the settings.
            agent: read(path="a.ini") -> error: no such file
            agent: read(path="b.ini") -> error: no such file
            agent: read(path="c.ini") -> error: no such file
            agent: read(path="d.ini") -> [settings]
            agent: They are in d.ini.
            """,
        ),
        Example(
            "looks for a missing file, makes it, and reads it",
            """
            task: Read the settings.
            agent: read(path="conf/app.ini") -> error: FileNotFoundError: No such file or directory: conf/app.ini
            agent: bash(command="find . -name app.ini; cp base.ini conf/app.ini") -> ok
            agent: read(path="conf/app.ini") -> [settings]
            agent: The settings are empty.
            """,
        ),
        Example(
            "a run that a limit ended",
            """
            task: Find the settings.
            agent: read(path="a.ini") -> error: no such file
            outcome: max_steps
            """,
        ),
        Example(
            "a command that fails, and the run ends for a reason of its own",
            """
            task: Install the library.
            agent: bash(command="apt-get install gtest") -> Exit code 100\\nE: Unable to locate package gtest
            outcome: error
            """,
        ),
        Example(
            "a run that is still being recorded",
            """
            task: Find the settings.
            agent: read(path="a.ini") -> error: no such file
            unfinished
            """,
        ),
        Example(
            "one of two calls failed, and the other's result is the end of it",
            """
            task: Tidy the folder.
            agent: I tidy it.
              remove(path="a.tmp") -> error: no such file
              remove(path="b.tmp") -> done
            """,
        ),
    )
    fires = (
        Example(
            "somebody else is asked for the file that is not there",
            """
            task: Sum the figures in data/figures.csv.
            agent: read(path="data/figures.csv") -> error: FileNotFoundError: No such file or directory: data/figures.csv
            agent: ask_colleague(request="Could you please read for me all of the lines that are in the file data/figures.csv?") -> I have no such file.
            agent: The file data/figures.csv is missing, so I could not sum them.
            """,
            at=(1,),
        ),
        Example(
            "the same wrong call again",
            """
            task: Book a flight.
            agent: book(date="2026-13-40") -> error: invalid date
            agent: book(date="2026-13-40") -> error: invalid date
            agent: Your flight is booked.
            """,
            at=(1,),
        ),
        Example(
            "a failure that ends the run",
            """
            task: Book a flight.
            agent: find(to="LHR") -> HAT136
            agent: book(flight="HAT136", date="2026-13-40") -> error: month must be in 1..12
            """,
            at=(1,),
        ),
        Example(
            "going on as if nothing had happened",
            """
            task: Weather in Oslo and in Rome.
            agent: weather(city="Oslo") -> error: service unavailable
            agent: In Oslo it is 4 C with light rain, and in Rome 21 C and sunny.
            """,
            at=(1,),
        ),
        Example(
            "one reason, many calls",
            """
            task: Sum the figures.
            agent: python(code="import pandas\\nx = 1") -> error: InterpreterError: Import of pandas is not allowed
            agent: python(code="import pandas as p") -> error: InterpreterError: Import of pandas is not allowed
            agent: python(code="from pandas import read_csv") -> error: InterpreterError: Import of pandas is not allowed
            agent: I could not read it.
            """,
            at=(1,),
        ),
        Example(
            "a tool that never works",
            """
            task: Compare two cities.
            agent: map(city="Oslo") -> error: connection refused
            agent: map(city="Rome") -> error: connection refused
            agent: map(city="Bonn") -> error: connection refused
            agent: The map service is down; I cannot compare them.
            """,
            at=(0,),
        ),
        Example(
            "a wrong call put right only after another wrong one",
            """
            task: Look up the order.
            agent: order(number="A1") -> error: unexpected keyword argument 'number'
            agent: order(no="A1") -> error: missing 1 required argument: 'id'
            agent: order(id="A1") -> shipped
            agent: It has been shipped.
            """,
            at=(0,),
        ),
    )

    def check(self, trace: Trace) -> Iterator[Issue]:
        """One look at every group of failures of one agent, one tool and one reason."""
        table = features(trace)
        if not table.failed_calls:
            return
        run = _Run(trace, table)
        found: list[Issue] = []
        for tool, failures in run.broken_tools().items():
            found.append(self._down(trace, tool, failures))
        judged = (self._judge(trace, run, group) for group in run.groups())
        found.extend(issue for issue in judged if issue is not None)
        found.sort(key=lambda issue: -issue.severity)
        yield from found[: self.max_issues]
        for again in islice(asked_again(table.calls), self.max_issues):
            yield self._missing_again(trace, again)

    def _judge(self, trace: Trace, run: _Run, group: list[CallFeatures]) -> Issue | None:
        last, kind = group[-1], group[-1].outcome.kind
        fixed = run.fixed_after(last)
        retries = [call for call in group if run.is_retry(call)]
        allowed = self.max_retries if kind in TRANSIENT else int(fixed)
        if len(retries) > allowed:
            summary = (
                f"{last.name} failed with {_said(last)} and was called again unchanged "
                f"{_times(len(retries))}{'' if fixed else ', without success'}."
            )
            severity = min(60, 35 + 5 * len(retries) + (0 if fixed else 5))
            return self._issue(trace, "retried", retries, summary, severity, primary=retries[0])
        limit = self.guesses if kind is ErrorKind.NOT_FOUND else self.same_failures
        streak = run.streak(group)
        if len(streak) >= limit and len({call.key for call in streak}) > 1:
            summary = (
                f"{len(streak)} calls of {last.name} in a row failed for the same reason, {_said(last)}."
            )
            return self._issue(
                trace, "repeated", streak, summary, min(55, 25 + 5 * len(streak)), primary=streak[1]
            )
        if last is run.fatal:
            summary = (
                f"The run ended on a call of {last.name} that failed with {_said(last)}, without an answer."
            )
            return self._issue(trace, "fatal", [last], summary, _fatality(trace), primary=last)
        ignoring = None if fixed else run.ignored_by(last)
        if ignoring is not None:
            summary = f"{last.name} failed with {_said(last)}, and {ignoring.agent} went on without a word about it."
            return self._issue(trace, "ignored", [last], summary, None, primary=last, step=ignoring)
        if (last.outcome.kind in OWN_FAULT or _is_own_code(last)) and not run.put_right_at_once(group[0]):
            summary = f"The call of {group[0].name} was wrong: {_said(group[0])}."
            return self._issue(trace, "own_call", group, summary, None, primary=group[0])
        return None

    def _missing_again(self, trace: Trace, again: AskedAgain) -> Issue:
        call = again.call
        summary = f"{call.step.agent} asks for {quote(again.file, width=80)}, which was not there in step {again.missed.step.index}."
        return self._issue(trace, "missing_again", [call, again.missed], summary, None, primary=call)

    def _down(self, trace: Trace, tool: str, failures: list[CallFeatures]) -> Issue:
        summary = f"All {len(failures)} calls of {tool} failed, the first with {_said(failures[0])}."
        return self._issue(
            trace, "down", failures, summary, min(60, 35 + 3 * len(failures)), primary=failures[0]
        )

    def _issue(
        self,
        trace: Trace,
        signal: str,
        calls: Sequence[CallFeatures],
        summary: str,
        severity: int | None,
        *,
        primary: CallFeatures,
        step: Step | None = None,
    ) -> Issue:
        shown = [primary, *(call for call in calls if call is not primary)][: self.max_evidence]
        kind = primary.outcome.kind
        return self.issue(
            trace,
            signal,
            step or primary.step,
            summary,
            evidence=tuple(
                Evidence(
                    quote(call.outcome.message or call.call.error or call.call.result or call.name),
                    call.step.index,
                    call.number,
                    f"error: {call.outcome.kind.value if call.outcome.kind else 'runtime'}",
                )
                for call in shown
            ),
            recommendation=_ADVICE.get(
                kind,
                f"Return from {primary.name} what must change, and tell the agent to change it or to report the failure.",
            ),
            about=(primary.name, primary.outcome.message),
            severity=severity,
            call=None if step is not None else primary.number,
            fault="agent"
            if signal in ("ignored", "retried") and kind not in TRANSIENT
            else _FAULTS.get(kind, "agent"),
        )


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


def _said(call: CallFeatures) -> str:
    return f"“{quote(call.outcome.message, width=120)}”" if call.outcome.message else "an error"


def _times(count: int) -> str:
    return "once" if count == 1 else "twice" if count == 2 else f"{count} times"
