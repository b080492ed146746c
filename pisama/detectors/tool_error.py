"""Tool error: a tool failed and nothing sensible was done about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Annotated, ClassVar

from pydantic import Field

from pisama.detectors.base import Detector, Example, Needs, Signal
from pisama.failures import Bounds, Failure, failures, missing_again
from pisama.features import CallFeatures, features
from pisama.issue import Evidence, Issue
from pisama.outcomes import ErrorKind
from pisama.text import quote
from pisama.trace import Trace

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
        """The worst of the failures that were met badly, then the files asked for again."""
        table = features(trace)
        bounds = Bounds(self.max_retries, self.same_failures, self.guesses)
        found = [self._issue(trace, failure, _told(failure)) for failure in failures(trace, table, bounds)]
        found.sort(key=lambda issue: -issue.severity)
        yield from found[: self.max_issues]
        for failure, file in islice(missing_again(table), self.max_issues):
            call, missed = failure.calls
            summary = f"{call.step.agent} asks for {quote(file, width=80)}, which was not there in step {missed.step.index}."
            yield self._issue(trace, failure, summary)

    def _issue(self, trace: Trace, failure: Failure, summary: str) -> Issue:
        primary = failure.primary
        shown = [primary, *(call for call in failure.calls if call is not primary)][: self.max_evidence]
        return self.issue(
            trace,
            failure.kind,
            failure.ignoring or primary.step,
            summary,
            evidence=tuple(_evidence(call) for call in shown),
            recommendation=_ADVICE.get(
                primary.outcome.kind,
                f"Return from {primary.name} what must change, and tell the agent to change it or to report the failure.",
            ),
            about=(primary.name, primary.outcome.message),
            severity=failure.severity,
            call=None if failure.ignoring is not None else primary.number,
            fault=failure.fault,
        )


def _told(failure: Failure) -> str:
    """What happened, in one sentence."""
    name, count = failure.primary.name, len(failure.calls)
    said = _said(failure.last)
    match failure.kind:
        case "retried":
            end = "" if failure.fixed else ", without success"
            return f"{name} failed with {said} and was called again unchanged {_times(count)}{end}."
        case "repeated":
            return f"{count} calls of {name} in a row failed for the same reason, {said}."
        case "fatal":
            return f"The run ended on a call of {name} that failed with {said}, without an answer."
        case "ignored":
            agent = failure.ignoring.agent if failure.ignoring is not None else failure.primary.step.agent
            return f"{name} failed with {said}, and {agent} went on without a word about it."
        case "down":
            return f"All {count} calls of {name} failed, the first with {_said(failure.primary)}."
        case _:
            return f"The call of {name} was wrong: {_said(failure.primary)}."


def _evidence(call: CallFeatures) -> Evidence:
    kind = call.outcome.kind
    shown = call.outcome.message or call.call.error or call.call.result or call.name
    return Evidence(quote(shown), call.step.index, call.number, f"error: {kind.value if kind else 'runtime'}")


def _said(call: CallFeatures) -> str:
    return f"“{quote(call.outcome.message, width=120)}”" if call.outcome.message else "an error"


def _times(count: int) -> str:
    return "once" if count == 1 else "twice" if count == 2 else f"{count} times"
