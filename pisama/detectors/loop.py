"""Loop: the same thing done again and again while nothing changes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from heapq import nlargest
from typing import Annotated, ClassVar, NamedTuple, TypeVar

from pydantic import Field

from pisama.acts import is_bookkeeping, is_reading, name_parts
from pisama.detectors.base import Detector, Example, Needs, Signal
from pisama.endings import LIMITS
from pisama.features import CallFeatures, Features, features
from pisama.issue import Evidence, Issue
from pisama.outcomes import TRANSIENT
from pisama.patterns import lazy
from pisama.repetition import Run, recorded_tokens, repeated_outputs, runs, sequences, spent, waste
from pisama.stalls import unmoved
from pisama.text import quote
from pisama.trace import Step, Trace

_ADVANCING = frozenset(
    """page scroll press key click wait sleep next move tap swipe tick undo back forward roll draw poll type continue
    pagedown pageup keypress""".split()
)
"""Words in the names of tools of which the same call may do something new each time."""
_SHORT = 60
"""Characters below which a result is only an acknowledgement."""
_STATUS = 200
"""Characters below which a result may be the state of something that is waited for."""
_PENDING = lazy(
    r"\b(?:running|pending|queued|in[ _-]progress|not (?:yet )?(?:ready|done|finished)|waiting|processing|starting|scheduled|still)\b",
    re.IGNORECASE,
)


Repetition = TypeVar("Repetition")


class Loop(Detector):
    """The same step taken again and again while nothing changes.

    The issue stands at the first step that was needless, the second time round: there the agent
    could have known, and there a fix begins to save. The evidence goes on to the last repetition.

    ## Why it is a failure

    An agent that repeats a state it has been in cannot get anywhere new: it burns tokens, time and
    money until a limit stops it, and then often reports success.

    ## What it does not flag

    Polling whose results change, the same tool on different inputs, reading again for a new
    question of the user, and retries that end in success within the limit.

    ## How to fix it

    Give the agent its last results in a form that shows that nothing changed, cap identical calls
    in the tool runner, and tell the agent what to do when a tool keeps failing.
    """

    id = "loop"
    needs = frozenset({Needs.STEPS})
    tags = ("trail:Resource Abuse", "mast:FM-1.3")
    covers: ClassVar = frozenset(
        {"tool_error.retried", "tool_error.repeated", "tool_error.down", "instruction.repeated_call"}
    )
    signals: ClassVar[Mapping[str, Signal]] = {
        "failing": Signal("the same failing call, over and over", 60, 0.9),
        "identical": Signal("the same call with the same result, over and over", 35, 0.7),
        "cycle": Signal("the same few calls in turn, with the same results each time", 50, 0.75),
        "scattered": Signal("the same failing call, again and again between other work", 45, 0.6),
        "reread": Signal(
            "the same reading of something unchanged, again and again between other work", 25, 0.4
        ),
        "unrecorded": Signal("the same call over and over; what it returned was not recorded", 30, 0.4),
        "output": Signal("nearly the same words said again and again", 45, 0.6),
        "stalled": Signal("a measure that stays the same while the agent keeps trying", 40, 0.5),
    }

    min_repeats: Annotated[int, Field(ge=2)] = 3
    """Identical acts in a row, or laps of a cycle, before it fires."""
    retry_limit: Annotated[int, Field(ge=1)] = 5
    """Calls of one failing act that count as honest retries when the last one succeeds, or when the
    failure is one that may pass (a rate limit, a timeout, a service that is down)."""
    poll_limit: Annotated[int, Field(ge=2)] = 10
    """Equal results of a poll, or equal calls of a tool that advances at each (page down, press a key), before it fires."""
    max_period: Annotated[int, Field(ge=1, le=100)] = 12
    """Longest cycle of acts that is looked for."""
    scattered_repeats: Annotated[int, Field(ge=2)] = 4
    """Identical failures anywhere in the run before they fire."""
    reread_repeats: Annotated[int, Field(ge=2)] = 6
    """Identical readings anywhere in the run before they fire."""
    same_words: Annotated[float, Field(gt=0, le=1)] = 0.75
    """Jaccard index of three-stem shingles from which on two outputs are the same."""
    stalled_calls: Annotated[int, Field(ge=3)] = 5
    """Attempts after which a measure that has not moved has stalled."""
    max_evidence: Annotated[int, Field(ge=2)] = 6
    """Repetitions that are quoted; the last is always among them."""
    max_issues: Annotated[int, Field(ge=1)] = 5
    """Loops reported for one trace, the worst first."""

    quiet = (
        Example(
            "polling that makes progress",
            """
            task: Wait for the build.
            agent: status(id=7) -> 10% done
            agent: status(id=7) -> 50% done
            agent: status(id=7) -> 100% done
            """,
        ),
        Example(
            "a poll that is pending for a while, then done",
            """
            task: Wait for the job.
            agent: job_status(id=7) -> pending
            agent: job_status(id=7) -> pending
            agent: job_status(id=7) -> pending
            agent: job_status(id=7) -> pending
            agent: job_status(id=7) -> finished
            """,
        ),
        Example(
            "reads six different files",
            """
            task: Review the package.
            agent: read(path="a1.py") -> error: no such file
            agent: read(path="a2.py") -> error: no such file
            agent: read(path="a3.py") -> error: no such file
            agent: read(path="a4.py") -> import os
            agent: read(path="a5.py") -> import os
            agent: read(path="a6.py") -> import os
            """,
        ),
        Example(
            "retries that end in success",
            """
            task: Fetch the page.
            agent: fetch(url="x.org") -> error: connection reset
            agent: fetch(url="x.org") -> error: connection reset
            agent: fetch(url="x.org") -> error: connection reset
            agent: fetch(url="x.org") -> <html>welcome</html>
            """,
        ),
        Example(
            "edits between runs of the tests, which fail in other ways",
            """
            task: Fix the bug.
            agent: bash(cmd="pytest") -> 3 failed
            agent: edit(file="a.py", text="x") -> ok
            agent: bash(cmd="pytest") -> 2 failed
            agent: edit(file="a.py", text="y") -> ok
            agent: bash(cmd="pytest") -> 1 failed
            agent: edit(file="a.py", text="z") -> ok
            agent: bash(cmd="pytest") -> 4 passed
            """,
        ),
        Example(
            "the same record read again for each new question",
            """
            task: Serve the customer.
            user: What is my seat?
            agent: get_booking(id="B1") -> seat 4, row 12
            user: And my meal?
            agent: get_booking(id="B1") -> seat 4, row 12
            user: And my row?
            agent: get_booking(id="B1") -> seat 4, row 12
            """,
        ),
        Example(
            "a limit that came after something else",
            """
            task: Tidy the folder.
            agent: remove(path="a.tmp") -> []
            agent: remove(path="a.tmp") -> []
            agent: remove(path="a.tmp") -> []
            agent: list() -> notes.txt, prices.txt
            outcome: max_steps
            """,
        ),
        Example(
            "paging through a document",
            """
            task: Read the report.
            agent: page_down() -> ok
            agent: page_down() -> ok
            agent: page_down() -> ok
            agent: page_down() -> ok
            """,
        ),
        Example(
            "a measure that improves",
            """
            task: Tune the model.
            agent: train(lr=0.1) -> loss 0.9
            agent: train(lr=0.05) -> loss 0.7
            agent: train(lr=0.02) -> loss 0.6
            agent: train(lr=0.01) -> loss 0.55
            agent: train(lr=0.005) -> loss 0.54
            """,
        ),
        Example(
            "short confirmations",
            """
            task: Follow the recipe step by step.
            agent: Done. What next?
            user: Stir.
            agent: Done. What next?
            user: Bake.
            agent: Done. What next?
            user: Serve.
            agent: Done. What next?
            """,
        ),
    )
    fires = (
        Example(
            "the same failing call three times",
            """
            task: List the folder.
            agent: ls(path="/x") -> error: no such directory
            agent: ls(path="/x") -> error: no such directory
            agent: ls(path="/x") -> error: no such directory
            """,
            at=(1,),
        ),
        Example(
            "a limit ended the run after three equal calls",
            """
            task: Tidy the folder.
            agent: remove(path="a.tmp") -> []
            agent: remove(path="a.tmp") -> []
            agent: remove(path="a.tmp") -> []
            agent: remove(path="a.tmp")
            outcome: max_steps
            """,
            at=(1,),
        ),
        Example(
            "a failing call that is only written in another way",
            """
            task: Find the launch date.
            agent: search(query="launch date of the Ariel probe") -> error: service error 17
            agent: search(query="Launch date of the 'Ariel' probe") -> error: service error 17
            agent: search(query="the launch date of the Ariel probe?") -> error: service error 17
            agent: search(query="launch date of the Ariel probe") -> error: service error 17
            agent: search(query="launch date of the ARIEL probe") -> error: service error 17
            agent: search(query="launch date of the Ariel probe") -> error: service error 17
            """,
            at=(1,),
        ),
        Example(
            "three calls in turn while another agent works",
            """
            task: Publish the notes.
            writer: build() -> missing file notes.md
            editor: review(part=1) -> fine
            writer: read(path="notes.txt") -> draft
            writer: list() -> notes.txt
            editor: review(part=2) -> fine
            writer: build() -> missing file notes.md
            writer: read(path="notes.txt") -> draft
            editor: review(part=3) -> fine
            writer: list() -> notes.txt
            writer: build() -> missing file notes.md
            writer: read(path="notes.txt") -> draft
            writer: list() -> notes.txt
            """,
            at=(5,),
        ),
        Example(
            "the same failure between other calls",
            """
            task: Deploy.
            agent: deploy(target="prod") -> error: invalid token
            agent: read(path="a") -> 1
            agent: deploy(target="prod") -> error: invalid token
            agent: read(path="b") -> 2
            agent: deploy(target="prod") -> error: invalid token
            agent: read(path="c") -> 3
            agent: deploy(target="prod") -> error: invalid token
            """,
            at=(2,),
        ),
        Example(
            "calls in parallel within one step",
            """
            task: Get the weather in Oslo.
            agent: I will ask.
              weather(city="Oslo") -> rain
              weather(city="Oslo") -> rain
              weather(city="Oslo") -> rain
              weather(city="Oslo") -> rain
            """,
            at=(0,),
        ),
        Example(
            "nearly the same words",
            """
            task: Write a slogan and improve it.
            writer: Our bakery bakes every loaf by hand with flour from the mill next door, slowly, each morning before sunrise.
            critic: Please make it shorter and mention the price of the bread on offer this week in the shop.
            writer: Our bakery bakes every loaf by hand with flour from the mill next door, slowly, each morning before sunrise.
            critic: It is still too long; cut it to six words and mention the price of bread, as I asked.
            writer: Our bakery bakes every loaf by hand with flour from the mill next door, slowly, each morning before sunrise!
            """,
            at=(2,),
        ),
        Example(
            "a measure that does not move",
            """
            task: Make the tests pass.
            agent: run_tests(note="first") -> 3 failed, 9 passed
            agent: run_tests(note="changed a.py") -> 3 failed, 9 passed in 1 s
            agent: run_tests(note="changed b.py") -> 3 failed, 9 passed in 2 s
            agent: run_tests(note="changed c.py") -> 3 failed, 9 passed in 1 s
            agent: run_tests(note="changed d.py") -> 3 failed, 9 passed in 3 s
            """,
            at=(1,),
        ),
    )

    def check(self, trace: Trace) -> Iterator[Issue]:
        """Runs and cycles of acts, then repetitions anywhere, stalls, and repeated words."""
        table = features(trace)
        total = recorded_tokens(trace)
        found: list[_Finding] = []
        looping: set[int] = set()
        for sequence in sequences(trace, table.calls).values():
            found.extend(self._runs(sequence, looping, _ending(trace, sequence)))
            found.extend(self._scattered(sequence, looping))
        found.extend(self._stalled(table, looping))
        worst = nlargest(self.max_issues, found, key=lambda finding: finding.severity)
        issues = [self._issue(trace, table, finding, total) for finding in worst]
        issues.extend(self._outputs(trace, total))
        issues.sort(key=lambda issue: -issue.severity)
        yield from issues[: self.max_issues]

    def _runs(
        self, sequence: Sequence[tuple[CallFeatures, int]], looping: set[int], ending: int
    ) -> Iterator[_Finding]:
        """The longest run of every block of acts; the same loop entered again is the same failure.

        A run that reaches the position `ending` is what the whole run was spent on when a limit ended it.
        """
        longest: dict[frozenset[int], Run] = {}
        acts = [number for _, number in sequence]
        for run in runs(acts, self.max_period, self.min_repeats):
            block = [call for call, _ in sequence[run.start : run.start + run.period]]
            end = run.start + run.length
            following = [item for item in sequence[end : end + run.period] if item[0].returned is not None]
            looping.update(call.position for call, _ in sequence[run.start : end])
            allowed = self._limit(block, following)
            if end >= ending and not any(call.outcome.failed for call in block):
                allowed = min(allowed, self.min_repeats)
            if run.laps < allowed:
                continue
            which = frozenset(acts[run.start : run.start + run.period])
            if which not in longest or longest[which].length < run.length:
                longest[which] = run
        everywhere: dict[int, list[CallFeatures]] = {}
        for call, number in sequence:
            everywhere.setdefault(number, []).append(call)
        for run in longest.values():
            calls = [call for call, _ in sequence[run.start : run.start + run.length]]
            failing = all(call.outcome.failed for call in calls[: run.period])
            if failing and run.period == 1:
                calls = everywhere[acts[run.start]]
                looping.update(call.position for call in calls)
            if any(call.returned is None for call in calls[: run.period]):
                yield _Finding("unrecorded", calls, run.period, min(39, 15 + 3 * run.laps))
            elif failing:
                laps = len(calls) // run.period
                yield _Finding("cycle" if run.period > 1 else "failing", calls, run.period, 35 + 5 * laps)
            else:
                severity = 20 + 4 * run.laps + 2 * min(run.period, 5)
                yield _Finding(
                    "cycle" if run.period > 1 else "identical", calls, run.period, min(80, severity)
                )

    def _limit(self, block: Sequence[CallFeatures], following: Sequence[tuple[CallFeatures, int]]) -> int:
        """Laps from which on this block is a loop."""
        first = block[0]
        keys = {call.key for call in block}
        moved_on = any(call.key in keys for call, _ in following)
        if any(call.outcome.failed for call in block):
            passing = all(call.outcome.kind in TRANSIENT for call in block if call.outcome.failed)
            recovered = any(call.key in keys and not call.outcome.failed for call, _ in following)
            return self.retry_limit + 1 if recovered else self.retry_limit if passing else self.min_repeats
        if all(is_bookkeeping(call.name) for call in block):
            return self.poll_limit
        if moved_on or any(_is_pending(call) for call in block):
            return self.poll_limit
        if len(block) == 1 and _is_slight(first) and _ADVANCING.intersection(name_parts(first.name)):
            return self.poll_limit
        says_little = first.returned is None or (first.outcome.empty and not is_reading(first.name))
        return self.min_repeats + 1 if says_little else self.min_repeats

    def _scattered(
        self, sequence: Sequence[tuple[CallFeatures, int]], looping: set[int]
    ) -> Iterator[_Finding]:
        groups: dict[int, list[CallFeatures]] = {}
        last_of: dict[int, CallFeatures] = {}
        for call, number in sequence:
            last_of[call.key] = call
            if call.position not in looping and call.returned is not None:
                groups.setdefault(number, []).append(call)
        for calls in groups.values():
            first, failing = calls[0], calls[0].outcome.failed
            if len(calls) < (self.scattered_repeats if failing else self.reread_repeats):
                continue
            if last_of[calls[-1].key] is not calls[-1] or is_bookkeeping(first.name):
                continue
            if failing:
                yield _Finding("scattered", calls, 1, min(75, 30 + 5 * len(calls)))
            elif not _is_slight(first):
                yield _Finding("reread", calls, 1, min(39, 15 + 2 * len(calls)))

    def _stalled(self, table: Features, looping: set[int]) -> Iterator[_Finding]:
        others = (call for call in table.calls if call.position not in looping)
        for calls, values in unmoved(others, self.stalled_calls):
            if len({call.returned for call in calls}) > 1:
                reported = ", ".join(f"{name} {value}" for name, value in values[:3])
                yield _Finding("stalled", calls, 1, min(60, 20 + 4 * len(calls)), reported)

    def _issue(self, trace: Trace, table: Features, finding: _Finding, total: int) -> Issue:
        calls = finding.calls
        needless = list(calls[finding.period :])
        loss = waste(table, needless, total)
        burned = 0 if finding.signal == "unrecorded" else round(15 * loss.share)
        first = calls[0]
        return self.issue(
            trace,
            finding.signal,
            needless[0].step,
            f"{finding.told()}: {loss}.",
            evidence=tuple(
                Evidence(
                    quote(_shown(call)),
                    call.step.index,
                    call.number,
                    "the last time" if call is needless[-1] else "the same again",
                )
                for call in self._sample(needless)
            ),
            recommendation=_advice(first, failing=first.outcome.failed),
            about=tuple(f"{call.name} {call.call.arguments}" for call in calls[: finding.period]),
            severity=min(90, finding.severity + burned),
            call=needless[0].number,
        )

    def _sample(self, repetitions: Sequence[Repetition]) -> list[Repetition]:
        return [*repetitions[: self.max_evidence - 1], *repetitions[self.max_evidence - 1 :][-1:]]

    def _outputs(self, trace: Trace, total: int) -> Iterator[Issue]:
        groups = [
            steps for steps in repeated_outputs(trace, self.same_words) if len(steps) >= self.min_repeats
        ]
        for steps in nlargest(self.max_issues, groups, key=len):
            needless = steps[1:]
            loss = spent(needless, len(needless), total)
            tokens = f" ({loss.tokens:,} tokens)" if loss.tokens else ""
            yield self.issue(
                trace,
                "output",
                needless[0],
                f"{needless[0].agent} said nearly the same {len(steps)} times, {len(needless)} of them needlessly{tokens}.",
                evidence=tuple(
                    Evidence(quote(_words(step)), step.index, None, "the same again")
                    for step in self._sample(needless)
                ),
                recommendation="Show the agent its own last answer and what was wrong with it, and end the exchange when an answer does not change.",
                about=(_words(steps[0])[:500],),
                severity=min(80, 30 + 5 * len(steps) + round(15 * loss.share)),
            )


class _Finding(NamedTuple):
    """A loop, not yet put into words."""

    signal: str
    calls: Sequence[CallFeatures]
    period: int
    severity: int
    measured: str = ""

    def told(self) -> str:
        """What happened, without its cost."""
        first, count = self.calls[0], len(self.calls)
        came = f"failed with {_said(first)}" if first.outcome.failed else "returned the same"
        if self.signal == "stalled":
            return f"{count} calls of {first.name} in a row reported {self.measured}"
        if self.signal == "unrecorded":
            came = "no result was recorded"
        if self.period > 1:
            names = _names(self.calls[: self.period])
            return f"{names} were called in turn {count // self.period} times with the same arguments and results"
        between = " between other calls" if self.signal in ("scattered", "reread") else ""
        exact = len({call.key for call in self.calls}) == 1
        same = "with the same arguments" if exact else "with arguments that differ only in wording"
        return f"{first.name} was called {count} times{between} {same} and {came}"


def _ending(trace: Trace, sequence: Sequence[tuple[CallFeatures, int]]) -> int:
    """The position after the last call that came back, when a limit ended the run; beyond the end otherwise."""
    if trace.outcome not in LIMITS:
        return len(sequence) + 1
    return next(
        (place + 1 for place in reversed(range(len(sequence))) if sequence[place][0].returned is not None),
        len(sequence) + 1,
    )


def _is_slight(call: CallFeatures) -> bool:
    """Whether a result is only an acknowledgement, so that equal ones say nothing about what was done."""
    return call.outcome.empty or len(call.call.result or "") < _SHORT


def _is_pending(call: CallFeatures) -> bool:
    result = call.call.result or ""
    return len(result) < _STATUS and _PENDING.search(result) is not None


def _names(calls: Sequence[CallFeatures]) -> str:
    names = list(dict.fromkeys(call.name for call in calls))
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1][:5])} and {names[-1]}"


def _words(step: Step) -> str:
    return step.text or step.reasoning or ""


def _said(call: CallFeatures) -> str:
    return f"“{quote(call.outcome.message, width=100)}”" if call.outcome.message else "no message"


def _shown(call: CallFeatures) -> str:
    returned = call.call.result if call.call.result is not None else call.call.error
    return returned or f"{call.name}({call.call.arguments})"


def _advice(call: CallFeatures, *, failing: bool) -> str:
    if failing:
        return (
            f"Stop {call.name} after the second identical failure: return the error with what must change (here: {_said(call)}), "
            "and tell the agent to change the arguments, use another tool or report the failure."
        )
    return (
        f"Cap identical calls of {call.name} in the tool runner, answer a repeated call with “unchanged since the last call”, "
        "and tell the agent to go on from the result it has."
    )
