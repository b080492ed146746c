"""Completion: the run ends where it should not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from pisama.detectors.base import Detector, Example, Needs, Signal
from pisama.endings import acts_after_answer
from pisama.features import CallFeatures, features
from pisama.issue import Evidence, Issue
from pisama.last_step import broken_off
from pisama.left_undone import left_undone
from pisama.text import quote
from pisama.trace import Step, Trace


class Completion(Detector):
    """The run ends where it should not: cut off, empty, midway, with open items, or given up early.

    ## Why it is a failure

    What the user gets is no result, or half of one, and often nothing says so. The work done up to
    there is lost.

    ## What it does not flag

    An honest stop after real attempts, a refusal that a policy asks for, a conversation that the
    user ended, a run that is still being recorded, and a last call that hands the result over.

    ## How to fix it

    Check before the end that the task list is empty and the last message is whole; raise the limit
    that was hit or split the task; require a set number of different attempts before "not found".
    """

    id = "completion"
    needs = frozenset({Needs.STEPS})
    tags = ("trail:Goal Deviation", "mast:FM-3.1", "mast:FM-1.5")
    signals: ClassVar = {
        "limit": Signal("a limit on steps or time ended the run", 62, 0.8, "environment"),
        "truncated": Signal("the last message was cut off", 60, 0.85),
        "empty": Signal("the last message is empty", 55, 0.6),
        "rejected": Signal("the run ends on a model call that failed", 55, 0.8, "environment"),
        "midway": Signal("the last message announces a next act that never came", 46, 0.6),
        "unfinished": Signal("the run ends on a call that nobody read the result of", 48, 0.6),
        "open_items": Signal("items of the agent's own list are open at the end", 45, 0.6),
        "gave_up": Signal("given up after few attempts with tools unused", 44, 0.6),
        "untested": Signal("tests were demanded and not run after the last change", 44, 0.6),
        "untried_patch": Signal("a patch is handed over that was never applied or tested", 30, 0.3),
        "went_on": Signal("the agent goes on after its final answer", 30, 0.5),
    }

    max_attempts: Annotated[int, Field(ge=0)] = 3
    """Different calls up to which giving up counts as early."""

    quiet = (
        Example(
            "an ordinary end",
            """
            task: What is the weather in Oslo?
            agent: get_weather(city="Oslo") -> 4 C, light rain
            agent: It is 4 C with light rain in Oslo.
            """,
        ),
        Example(
            "stops honestly after real attempts",
            """
            task: Find the award number.
            tools: search(query), open(url)
            agent: search(query="award Arendt") -> nothing useful
            agent: search(query="Arendt paper") -> a link
            agent: open(url="a.org") -> 404
            agent: open(url="b.org") -> 404
            agent: I was unable to find the award number; both copies of the paper are offline.
            """,
        ),
        Example(
            "one of two answers could not be had",
            """
            task: What is the weather in Oslo and in Atlantis?
            tools: get_weather(city), search_docs(query)
            agent: get_weather(city="Oslo") -> 4 C, light rain
            agent: get_weather(city="Atlantis") -> error: no such city
            agent: Oslo: 4 C, light rain. Atlantis: no such city was found.
            """,
        ),
        Example(
            "the tools left have nothing to do with the task",
            """
            task: What is the weather in Atlantis?
            tools: get_weather(city), book_flight(origin, destination)
            agent: get_weather(city="Atlantis") -> error: no such city
            agent: Sorry, I could not get the weather in Atlantis.
            """,
        ),
        Example(
            "a policy refusal in a conversation",
            """
            task: Cancel my flight.
            tools: get_reservation(id), cancel_reservation(id)
            agent: get_reservation(id="A1") -> {"cabin": "basic economy"}
            agent: Basic economy flights cannot be cancelled after 24 hours.
            user: Please make an exception.
            agent: I am sorry, I do not have access to exceptions.
            """,
        ),
        Example(
            "the last call submits the work",
            """
            task: Fix the bug.
            agent: bash(command="sed -i s/a/b/ x.py") -> ok
            agent: bash(command="echo COMPLETE_TASK_AND_SUBMIT") -> bye
            """,
        ),
        Example(
            "still being recorded",
            """
            task: Fix the bug.
            agent: Let me run the tests.
              bash(command="pytest")
            unfinished
            """,
        ),
        Example(
            "all items done but the report itself",
            """
            task: Tidy the folder.
            agent: todo_write(todos=[{"content": "Move files", "status": "completed"}, {"content": "Report to the user", "status": "pending"}]) -> ok
            agent: The files are in place.
            """,
        ),
        Example(
            "tests run after the last change",
            """
            task: Fix add() and make sure the tests pass.
            agent: edit(path="calc.py", new="a + b") -> ok
            agent: bash(command="pytest -q") -> 3 passed
            agent: Fixed.
            """,
        ),
        Example(
            "a new request after the answer",
            """
            task: Sum 1 and 2.
            agent: final_answer(answer="3")
            user: And the product? Look up the rule.
            agent: search(query="product rule") -> a * b
            agent: It is 2.
            """,
        ),
        Example(
            "a last call that failed is the tool's failure",
            """
            task: Book the flight.
            agent: book(date="2026-13-40") -> error: month must be in 1..12
            outcome: error
            """,
        ),
        Example(
            "a model call that failed, and the next one did not",
            """
            task: What is the weather in Oslo?
            agent [error="overloaded_error"]:
            agent: It is 4 C in Oslo.
            """,
        ),
        Example(
            "ends with a question to the user",
            """
            task: Book a table.
            agent: search(city="Oslo") -> two places
            agent: I found two places. Which one do you want, and shall I book it?
            """,
        ),
        Example(
            "a patch taken from files that were changed and tested",
            """
            task: Fix the import in x.py and answer with a patch.
            agent: bash(command="sed -i s/os/re/ x.py && pytest -q") -> 3 passed
            agent: submit(answer="--- a/x.py\\n+++ b/x.py\\n@@ -1 +1 @@\\n-import os\\n+import re\\n") -> ok
            """,
        ),
    )
    fires = (
        Example(
            "a patch from memory",
            """
            task: Fix the import in x.py and answer with a patch.
            agent: read(path="x.py") -> import os
            agent: submit(answer="--- a/x.py\\n+++ b/x.py\\n@@ -1 +1 @@\\n-import os\\n+import re\\n") -> ok
            """,
            at=(1,),
        ),
        Example(
            "max steps",
            """
            task: Find the refund policy.
            agent: search(query="refund") -> nothing
            agent: I will search again.
              search(query="refund policy") -> nothing
            outcome: max_steps
            """,
            at=(1,),
        ),
        Example(
            "cut off by the token limit",
            """
            task: Write the report.
            agent [finish=length]: The report begins: in the first quarter revenue rose by
            """,
            at=(0,),
        ),
        Example(
            "cut in the middle of a sentence",
            """
            task: Summarise the page.
            agent: read(page=1) -> a long page
            agent: The page describes three ways to store grain, of which the second was
            """,
            at=(1,),
        ),
        Example(
            "an empty answer",
            """
            task: What is the capital of France?
            agent: I look that up.
              search(query="capital of France") -> Paris
            agent:
            """,
            at=(1,),
        ),
        Example(
            "ends on an announcement",
            """
            task: Plot the sales.
            agent: load(path="sales.csv") -> 300 rows
            agent: The data is loaded. Next, I will compute the totals and write the plot.
            """,
            at=(1,),
        ),
        Example(
            "nobody read the last result",
            """
            task: What does the function return?
            agent: I read the file first.
              read(path="a.py") -> def f(): return 4
            """,
            at=(0,),
        ),
        Example(
            "the provider rejects the last request",
            """
            task: What does the function return?
            agent: read(path="a.py") -> def f(): return 4
            agent [error="unsupported_parameter"]:
            """,
            at=(1,),
        ),
        Example(
            "open items of its own list",
            """
            task: Migrate the three modules.
            agent: todo_write(todos=[{"content": "Migrate a", "status": "completed"}, {"content": "Migrate b", "status": "pending"}, {"content": "Migrate c", "status": "pending"}]) -> ok
            agent: The migration is complete.
            """,
            at=(1,),
        ),
        Example(
            "gives up after one search",
            """
            task: Find the award number.
            tools: search(query), open(url)
            agent: search(query="award Arendt") -> The paper is at a.org
            agent: I was unable to determine the award number.
            """,
            at=(1,),
        ),
        Example(
            "tests demanded, none run",
            """
            task: Fix add() and make sure the tests pass.
            agent: bash(command="pytest -q") -> 1 failed
            agent: edit(path="calc.py", new="a + b") -> ok
            agent: Fixed.
            """,
            at=(1,),
        ),
    )

    def check(self, trace: Trace) -> Iterator[Issue]:
        """The end of the run, and what led up to it."""
        table = features(trace)
        for answered, act in acts_after_answer(trace, table):
            yield self._went_on(trace, answered, act)
        if not trace.complete or not trace.steps:
            return
        ending = next(broken_off(trace, table), None)
        found = left_undone(trace, table, self.max_attempts) if ending is None else (ending,)
        yield from (self.issue_of(trace, finding) for finding in found)

    def _went_on(self, trace: Trace, answered: Step, act: CallFeatures) -> Issue:
        step, shown = act.step, quote(str(act.call.arguments) or act.name)
        return self.issue(
            trace,
            "went_on",
            step,
            f"{step.agent} gave its final answer in step {answered.index} and goes on with {act.name}.",
            evidence=(Evidence(shown, step.index, act.number, "after the answer"),),
            recommendation="End the run at the final answer.",
            about=(act.name,),
        )
