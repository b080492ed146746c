"""Completion: the run ends where it should not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from pisama.acts import (
    acts_of_call,
    command_of,
    is_answering,
    is_bookkeeping,
    is_executor,
    is_reading,
    name_parts,
    spoken,
)
from pisama.claims import gives_up
from pisama.detectors.base import Detector, Example, Needs, Signal
from pisama.endings import LIMITS, fatal_call, fatal_rejection, is_rate_limited, is_too_long, records_words
from pisama.features import CallFeatures, Features, features
from pisama.issue import Evidence, Issue
from pisama.patches import hunks
from pisama.patterns import lazy
from pisama.plans import PlanStep, plan_of
from pisama.spots import Sign
from pisama.text import quote
from pisama.trace import Step, Trace

_CUT_REASONS = frozenset({"length", "max_tokens", "max_output_tokens", "model_length", "incomplete"})
_CUT = lazy(
    r"(?:[,(\[{]|\b(?:and|or|the|a|an|of|to|in|with|for|is|are|was|were|that|by|but|from|which|because|as))\s{0,4}\Z"
)
_SUBMITS = lazy(
    r"\b(?:submit|complete_task|complete|finish(?:ed)?|done|final|exit|answer|handoff|transfer|escalate|report|send|post|commit)",
    re.IGNORECASE,
)
_LAST_ITEM = lazy(
    r"\b(?:report|summari[sz]e|answer|present|submit|respond|reply|tell|return|deliver|share|provide|output)\b",
    re.IGNORECASE,
)
_TESTS_WANTED = lazy(
    r"\b(?:run|execute|rerun) (?:all )?(?:the |your |our |its )?(?:\w{1,20} )?tests?\b|\b(?:make sure|ensure|verify|check|confirm)(?: that)?(?: all)?(?: the| your| its)?(?: \w{1,20})? tests? (?:still )?pass",
    re.IGNORECASE,
)
_TRIES = Sign(
    (
        *(
            "git ",
            "patch -",
            "pytest",
            "py.test",
            "unittest",
            "tox",
            "nox",
            "ctest",
            "jest",
            "rspec",
            "phpunit",
        ),
        *(" test", " check", "sed -i", "subprocess.", "write_text(", "'w", '"w'),
    ),
    lazy(
        r"\bgit (?:apply|diff|am|stash)\b|\bpatch -|\b(?:pytest|py\.test|unittest|tox|nox|ctest|jest|rspec|phpunit)\b|\b(?:make|npm|yarn|pnpm|cargo|go|mvn|gradle|dotnet|bazel) (?:run )?(?:test|check)\b"
        r"|\bsed -i|\bsubprocess\.|\bwrite_text\(|,[ ]?['\"]w[bt+]?['\"]\)",
    ),
)
_EDITING = frozenset({"edit", "write", "patch", "replace", "insert", "multiedit", "create", "apply"})


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
        yield from self._went_on(trace, table)
        if not trace.complete or not trace.steps:
            return
        last = trace.steps[-1]
        ending = next(self._ending(trace, table, last), None)
        if ending is not None:
            yield ending
            return
        yield from self._untried_patch(trace, table)
        yield from self._open_items(trace, table, last)
        yield from self._gave_up(trace, table, last)
        yield from self._untested(trace, table)

    def _ending(self, trace: Trace, table: Features, last: Step) -> Iterator[Issue]:
        if trace.outcome in LIMITS:
            answer = (trace.final_answer or "").strip()
            how = (
                f"with what it had by then as its answer: “{quote(answer, width=80)}”"
                if answer
                else "without an answer"
            )
            yield self.issue(
                trace,
                "limit",
                last,
                f"The run was ended by a limit ({trace.outcome}) after {len(trace.steps)} steps, {how}.",
                evidence=(Evidence(quote(last.text or "no text"), last.index, None, "the last step"),),
                recommendation="Find out what the steps were spent on before raising the limit; split the task or stop repeats first.",
                about=(trace.outcome,),
            )
        if last.finish_reason in _CUT_REASONS or (not last.tool_calls and _is_cut(last.text)):
            why = (
                f"finish reason {last.finish_reason}"
                if last.finish_reason in _CUT_REASONS
                else "it stops inside a sentence"
            )
            yield self.issue(
                trace,
                "truncated",
                last,
                f"The last message of {last.agent} is cut off ({why}).",
                evidence=(Evidence(quote(last.text[-180:] or "no text"), last.index, None, "its end"),),
                recommendation="Raise the output limit for the final answer, or ask for a shorter one, and continue when the finish reason is length.",
                about=("truncated",),
            )
        if last.error is None and not last.tool_calls:
            yield from self._silent_or_midway(trace, table, last)
        if fatal_rejection(trace) is last:
            yield from self._rejected(trace, last, last.error or "no message")
        if last.tool_calls and fatal_call(trace) is None:
            yield from self._unread(trace, table, last)

    def _rejected(self, trace: Trace, last: Step, message: str) -> Iterator[Issue]:
        if is_too_long(message) or is_rate_limited(message):
            return  # `overflow` reports what went over a limit
        yield self.issue(
            trace,
            "rejected",
            last,
            f"The run ends on a model call of {last.agent} that failed, without an answer: \u201c{quote(message, width=140)}\u201d.",
            evidence=(Evidence(quote(message), last.index, None, "the error of the model call"),),
            recommendation="Correct the request that the provider names here; where the failure may pass, retry it with a back-off, and end the run with a message of its own.",
            about=("rejected", message),
        )

    def _silent_or_midway(self, trace: Trace, table: Features, last: Step) -> Iterator[Issue]:
        if not last.words.strip():
            if any(step.text for step in trace.steps) and trace.final_answer is not None:
                yield self.issue(
                    trace,
                    "empty",
                    last,
                    f"{last.agent} ends the run with an empty message.",
                    evidence=(Evidence(quote(_before(trace, last)), None, None, "the last words before it"),),
                    recommendation="Treat an empty final message as a failure and ask the model again.",
                    about=("empty",),
                )
            return
        tail = last.text[-400:]
        announced = table.announcements(tail)
        if (
            announced
            and not tail.rstrip().endswith("?")
            and not re.search(r"\b(?:you|your|TERMINATE)\b", tail[announced[-1].start :])
        ):
            yield self.issue(
                trace,
                "midway",
                last,
                f"The run ends with \u201c{quote(announced[-1].sentence, width=120)}\u201d, which never happened.",
                evidence=(Evidence(quote(tail, announced[-1].start), last.index, None, "the last words"),),
                recommendation="Do not take a message that announces work for the final answer; let the agent go on until it calls the tool that ends the run.",
                about=(announced[-1].verb, announced[-1].sentence),
            )

    def _unread(self, trace: Trace, table: Features, last: Step) -> Iterator[Issue]:
        calls = table.calls_by_step[last.index]
        final = calls[-1]
        handed_over = (
            any(_hands_over(call) for call in calls)
            or trace.final_answer
            or _SUBMITS.search(last.text[-200:])
        )
        if handed_over or (
            final.outcome.status == "unknown" and not any(call.call.result for call in table.calls)
        ):
            return
        if final.outcome.status != "unknown" and not records_words(trace):
            return
        state = (
            "failed"
            if final.outcome.failed
            else "has no result"
            if final.outcome.status == "unknown"
            else "was never used"
        )
        yield self.issue(
            trace,
            "unfinished",
            last,
            f"The run ends on a call of {final.name} that {state}; no answer follows.",
            evidence=(
                Evidence(
                    quote(final.call.error or final.call.result or final.name),
                    last.index,
                    final.number,
                    "the last call",
                ),
            ),
            recommendation="Let the agent read its last result and answer; when a limit stopped it, have it sum up what it knows first.",
            about=(final.name,),
        )

    def _open_items(self, trace: Trace, table: Features, last: Step) -> Iterator[Issue]:
        found = _last_list(trace, table)
        if found is None:
            return
        step, items = found
        left = tuple(item for item in items if item.state == "open" and not _LAST_ITEM.search(item.text))
        if not left or left == items or gives_up(last.text):
            return
        names = "; ".join(quote(item.text, width=60) for item in left[:3])
        yield self.issue(
            trace,
            "open_items",
            last,
            f"{last.agent} ends with {len(left)} of {len(items)} items of its own list open: {names}.",
            evidence=(
                Evidence(quote(left[0].text), step.index, None, "still open"),
                Evidence(quote(last.text or "the end"), last.index),
            ),
            recommendation="Let the run end only when every item is done or dropped with a reason.",
            about=tuple(item.text for item in left[:3]),
        )

    def _gave_up(self, trace: Trace, table: Features, last: Step) -> Iterator[Issue]:
        opening = next(iter(table.sentences(last.text[:400])), "")
        words = gives_up(opening) if not last.tool_calls else None
        asked = {message.text for step in trace.steps for message in step.seen if message.role == "user"}
        if words is None or len(asked) > 1 or not trace.tools:
            return
        if table.calls and all(call.returned is None for call in table.calls):
            return
        tried = {call.key for call in table.calls if not is_bookkeeping(call.name)}
        used = {call.name for call in table.calls}
        task = table.stem_set(trace.task or "")
        unused = [
            tool.name
            for tool in trace.tools
            if tool.name not in used
            and not is_bookkeeping(tool.name)
            and (is_reading(tool.name) or task & table.stem_set(" ".join(name_parts(tool.name))))
        ]
        if len(tried) > self.max_attempts or not unused:
            return
        yield self.issue(
            trace,
            "gave_up",
            last,
            f"{last.agent} gives up (\u201c{quote(words, width=60)}\u201d) after {len(tried)} attempts, with {', '.join(unused[:3])} unused.",
            evidence=(Evidence(quote(last.text, words), last.index, None, "gives up"),),
            recommendation=f"Have the agent try {unused[0]} and rephrase its query before it reports that nothing was found.",
            about=(words,),
        )

    def _untested(self, trace: Trace, table: Features) -> Iterator[Issue]:
        if not _TESTS_WANTED.search((trace.task or "")[:20_000]):
            return
        changed: CallFeatures | None = None
        for call in table.calls:
            if (name_parts(call.name)[:1] or ("",))[0] in _EDITING and not call.outcome.failed:
                changed = call
            elif _TESTING & acts_of_call(call.call) or (
                is_executor(call.name) and "test" in command_of(call.call.arguments)
            ):
                changed = None
        if changed is not None:
            yield self.issue(
                trace,
                "untested",
                changed.step,
                f"The task wants the tests run, and after the last change by {changed.name} none was.",
                evidence=(
                    Evidence(
                        quote(str(changed.call.arguments)),
                        changed.step.index,
                        changed.number,
                        "the last change",
                    ),
                ),
                recommendation="Run the tests after the last change, and let the agent report their output.",
                about=("tests", changed.name),
            )

    def _untried_patch(self, trace: Trace, table: Features) -> Iterator[Issue]:
        step, text, call = _handed_over(trace)
        hunk = next(hunks(text), None)
        if step is None or hunk is None or any(_tries(each) for each in table.calls):
            return
        yield self.issue(
            trace,
            "untried_patch",
            step,
            f"{step.agent} hands over a patch that no call of the run applied or tested.",
            evidence=(Evidence(quote(text, hunk.start), step.index, call, "handed over"),),
            recommendation="Have the agent apply the patch to a copy of the code and run the tests before it hands it over.",
            about=("patch",),
            call=call,
        )

    def _went_on(self, trace: Trace, table: Features) -> Iterator[Issue]:
        answered: dict[tuple[str, int | None], Step] = {}
        for step in trace.steps:
            key = (step.agent, step.parent)
            if any(message.role in ("user", "assistant") for message in step.seen):
                answered.pop(key, None)
            calls = table.calls_by_step.get(step.index, ())
            acts = [call for call in calls if not is_bookkeeping(call.name)]
            if key in answered and acts:
                first = answered.pop(key)
                yield self.issue(
                    trace,
                    "went_on",
                    step,
                    f"{step.agent} gave its final answer in step {first.index} and goes on with {acts[0].name}.",
                    evidence=(
                        Evidence(
                            quote(str(acts[0].call.arguments) or acts[0].name),
                            step.index,
                            acts[0].number,
                            "after the answer",
                        ),
                    ),
                    recommendation="End the run at the final answer.",
                    about=(acts[0].name,),
                )
            if any(is_answering(call.name) and not call.outcome.failed for call in calls) and not acts:
                answered[key] = step


def _handed_over(trace: Trace) -> tuple[Step | None, str, int | None]:
    """The step that gives the last answer, its words, and the call that hands them over."""
    for step in reversed(trace.steps[-3:]):
        for text, call in reversed(list(spoken(step))):
            if call is not None or step is trace.steps[-1]:
                return step, text, call
    return None, "", None


def _tries(call: CallFeatures) -> bool:
    """Whether a call changes files or runs something, so that the patch may come from there or was tried."""
    if is_executor(call.name):
        command = command_of(call.call.arguments)
        return _TRIES.search(command, command) is not None
    return bool(_EDITING.intersection(name_parts(call.name)) or _TESTING & acts_of_call(call.call))


_TESTING = frozenset({"jest"})


def _is_cut(text: str) -> bool:
    text = text.rstrip()
    return len(text) > 40 and (_CUT.search(text[-60:].lower()) is not None)


def _before(trace: Trace, last: Step) -> str:
    return next((step.text for step in reversed(trace.steps) if step is not last and step.text), last.agent)


def _hands_over(call: CallFeatures) -> bool:
    """Whether a call delivers something, so that nothing need follow it."""
    return (
        is_bookkeeping(call.name)
        or _SUBMITS.search(call.name) is not None
        or (is_executor(call.name) and _SUBMITS.search(command_of(call.call.arguments)) is not None)
    )


def _last_list(trace: Trace, table: Features) -> tuple[Step, tuple[PlanStep, ...]] | None:
    """The last list of items with states that an agent kept, with its step."""
    for step in reversed(trace.steps):
        for call in step.tool_calls:
            if {"todo", "todos", "plan", "todowrite", "task", "tasks"} & set(name_parts(call.name)):
                plan = plan_of(call.arguments)
                if plan is not None and any(item.state for item in plan.steps):
                    return step, plan.steps
        for plan in table.plans(step.text):
            if any(item.state for item in plan.steps):
                return step, plan.steps
    return None
