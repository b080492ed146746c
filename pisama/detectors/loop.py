"""Loop: the same thing done again and again while nothing changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from heapq import nlargest
from typing import Annotated, ClassVar

from pydantic import Field

from pisama.detectors.base import Detector, Example, Needs, Signal
from pisama.features import features
from pisama.issue import Finding, Issue
from pisama.loops import Bounds, call_loops, looped, said_again
from pisama.repetition import recorded_tokens, repeated_outputs, spent, waste
from pisama.trace import Trace


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
        """Loops of calls, the worst of them, and words said again."""
        total = recorded_tokens(trace)
        found = [*self._loops(trace, total), *self._outputs(trace, total)]
        issues = sorted(
            (self.issue_of(trace, finding) for finding in found), key=lambda issue: -issue.severity
        )
        yield from issues[: self.max_issues]

    def _loops(self, trace: Trace, total: int) -> Iterator[Finding]:
        table = features(trace)
        bounds = Bounds(
            min_repeats=self.min_repeats,
            retry_limit=self.retry_limit,
            poll_limit=self.poll_limit,
            max_period=self.max_period,
            scattered_repeats=self.scattered_repeats,
            reread_repeats=self.reread_repeats,
            stalled_calls=self.stalled_calls,
        )
        loops = call_loops(trace, table, bounds)
        for loop in nlargest(self.max_issues, loops, key=lambda loop: loop.severity):
            yield looped(loop, waste(table, loop.needless, total), self.max_evidence)

    def _outputs(self, trace: Trace, total: int) -> Iterator[Finding]:
        groups = repeated_outputs(trace, self.same_words)
        long = (steps for steps in groups if len(steps) >= self.min_repeats)
        for steps in nlargest(self.max_issues, long, key=len):
            loss = spent(steps[1:], len(steps) - 1, total)
            yield said_again(steps, loss, self.max_evidence)
