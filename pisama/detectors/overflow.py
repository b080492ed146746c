"""Overflow: the context window or the budget of the run is exceeded, or about to be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from pisama.detectors.base import Detector, Example, Needs, Signal
from pisama.features import CallFeatures, features
from pisama.issue import Evidence, Issue
from pisama.sizes import (
    FullWindow,
    Jump,
    Rejection,
    cut_off,
    full_windows,
    jumps,
    large_results,
    prompt_tokens,
    rejections,
    unread_rests,
)
from pisama.text import quote
from pisama.trace import Step, Trace

_ADVICE = {
    "refused": "Cut or summarise what is in the context before the next call, and cap the size of single tool results.",
    "rate": "Wait and retry with a back-off in the client, spread the calls, or raise the quota.",
}


class Overflow(Detector):
    """The context or the budget ran over: prompts, outputs or results too large for their limits.

    ## Why it is a failure

    What does not fit is cut, refused or forgotten: an answer stops in the middle, a call is rejected,
    the first instructions fall out of the window, and every further step pays for the ballast.

    ## What it does not flag

    Long but stable contexts, ordinary growth of a conversation, a file read in parts, and results
    that were cut and whose rest was then read.

    ## How to fix it

    Return less per call (a page, a range, the lines that match), summarise old results, raise the
    output limit where answers are long, and stop a run whose prompt has grown beyond a budget.
    """

    id = "overflow"
    needs = frozenset({Needs.STEPS})
    tags = (
        "trail:Resource Exhaustion",
        "trail:Rate Limiting",
        "trail:Context Handling Failures",
        "mast:FM-1.4",
    )
    covers: ClassVar = frozenset({"completion.truncated"})
    signals: ClassVar[Mapping[str, Signal]] = {
        "refused": Signal("a request rejected because it exceeds the context window", 75, 0.9),
        "cut_off": Signal("an output that stopped at its length limit", 50, 0.8),
        "rate": Signal("a model call rejected by a rate limit or a quota", 50, 0.7, "environment"),
        "window": Signal("a prompt that nearly fills the model's context window", 60, 0.6),
        "jump": Signal("a prompt that doubled at one blow", 35, 0.4),
        "result": Signal("one tool result of an enormous size", 35, 0.45, "tool"),
        "truncated": Signal("a result that was cut and whose rest was never read", 25, 0.3),
    }

    full_window: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Part of the model's context window from which on a prompt nearly fills it."""
    jump_tokens: Annotated[int, Field(ge=1)] = 20_000
    """Tokens by which a prompt must at least grow from one step of an agent to its next to count as a jump."""
    jump_factor: Annotated[float, Field(gt=1)] = 2.0
    """Times the prompt before it that it must at least have become."""
    result_characters: Annotated[int, Field(ge=1_000)] = 100_000
    """Characters of a result that is enormous: about 25,000 tokens."""

    quiet = (
        Example(
            "a long but stable context",
            """
            task: Watch the queue.
            agent [model=gpt-4o tokens=90000/200]: One item.
            agent [model=gpt-4o tokens=90400/200]: Two items.
            agent [model=gpt-4o tokens=90900/200]: Three items.
            """,
        ),
        Example(
            "ordinary growth",
            """
            task: Fix the bug.
            agent [model=gpt-4o tokens=4000/200]: I read the file.
            agent [model=gpt-4o tokens=9000/300]: I change it.
            agent [model=gpt-4o tokens=21000/300]: I test it.
            """,
        ),
        Example(
            "a file read in parts",
            """
            task: Sum up the log.
            agent: read(path="a.log", offset=0) -> first part ... [output truncated]
            agent: read(path="a.log", offset=500) -> second part
            agent [finish=stop]: Both parts say the same.
            """,
        ),
        Example(
            "a page about context windows",
            """
            task: What is a context window?
            agent: search(query="context window") -> A model's maximum context length is the number of tokens it can take.
            agent: It is the number of tokens a model can take.
            """,
        ),
        Example(
            "a prompt larger than the table says the window is",
            """
            task: Read the book.
            agent [model=claude-sonnet-4 tokens=250000/300]: I have read half of it.
            agent [model=claude-sonnet-4 tokens=260000/300]: I have read all of it.
            """,
        ),
    )
    fires = (
        Example(
            "a request that no longer fits",
            """
            task: Sum up the logs.
            agent: read(path="all.log") -> line 1
            agent [error="context_length_exceeded"]:
            """,
            at=(1,),
        ),
        Example(
            "an answer that stops in the middle",
            """
            task: Write the report.
            agent [finish=length tokens=900/4096]: The first chapter deals with
            """,
            at=(0,),
        ),
        Example(
            "a window nearly full",
            """
            task: Review the repository.
            agent [model=gpt-4o tokens=100000/200]: Half of the files are done.
            agent [model=gpt-4o tokens=121000/200]: Two thirds are done.
            """,
            at=(1,),
        ),
        Example(
            "one result that fills the prompt",
            """
            task: Find the function.
            agent [tokens=5000/100]: I list everything.
              list(path="/") -> many files
            agent [tokens=52000/100]: I see too many files.
            """,
            at=(0,),
        ),
    )

    def check(self, trace: Trace) -> Iterator[Issue]:
        """Rejected calls, outputs cut off, full windows, jumps of the prompt, and results too large."""
        table = features(trace)
        for rejection in rejections(trace, table):
            yield self._refused(trace, rejection)
        for steps in cut_off(trace).values():
            yield self._cut_off(trace, steps)
        for full in full_windows(trace, self.full_window):
            yield self._window(trace, full)
        for jump in jumps(trace, table, self.jump_tokens, self.jump_factor):
            yield self._jump(trace, jump)
        for calls in large_results(table, self.result_characters):
            yield self._large(trace, calls)
        for call, mark in unread_rests(table, self.result_characters):
            summary = f"A result of {call.name} was cut off, and {call.step.agent} never asked for the rest."
            yield self._result(trace, "truncated", call, summary, "where it was cut", mark)

    def _refused(self, trace: Trace, found: Rejection) -> Issue:
        signal, step, call, message = found
        what = f"{call.name} failed" if call is not None else f"A model call of {step.agent} was rejected"
        number = call.number if call is not None else None
        return self.issue(
            trace,
            signal,
            step,
            f"{what}: “{quote(message, width=140)}”.",
            evidence=(Evidence(quote(message), step.index, number, "the limit that was hit"),),
            recommendation=_ADVICE[signal],
            about=(step.agent, signal),
            call=number,
        )

    def _cut_off(self, trace: Trace, steps: Sequence[Step]) -> Issue:
        first, several = steps[0], len(steps) > 1
        ends = steps[-1] is trace.steps[-1]
        made = first.usage.output_tokens if first.usage is not None else None
        count = f"{len(steps)} outputs" if several else "An output"
        after = f" after {made:,} tokens" if made and not several else ""
        last = ", the last of the run among them" if ends and several else ""
        return self.issue(
            trace,
            "cut_off",
            first,
            f"{count} of {first.agent} stopped at the length limit{after}{last}.",
            evidence=tuple(
                Evidence(
                    quote(step.words[-150:]) or f"finish reason: {step.finish_reason}",
                    step.index,
                    None,
                    "where it stops",
                )
                for step in steps[:4]
            ),
            recommendation="Raise the output limit, or ask for the answer in parts, and check the finish reason before an output is used.",
            about=(first.agent, "finish reason"),
            severity=65 if ends else 50,
        )

    def _window(self, trace: Trace, found: FullWindow) -> Issue:
        step, model, window = found
        tokens = prompt_tokens(step)
        shown = f"input tokens: {tokens:,}; window: {window:,}"
        return self.issue(
            trace,
            "window",
            step,
            f"The prompt of {step.agent} came to {tokens:,} of {window:,} tokens, the context window of {model}.",
            evidence=(Evidence(shown, step.index, None, "nearly full"),),
            recommendation="Summarise or drop old tool results before the window is full, or take a model with a larger one.",
            about=(step.agent, model),
        )

    def _jump(self, trace: Trace, found: Jump) -> Issue:
        earlier, step, grown, cause = found
        before, now = prompt_tokens(earlier), prompt_tokens(step)
        returned, number, after = None, None, ""
        if cause is not None:
            returned, number = cause.call.result, cause.number
            after = f", after {cause.name} had returned {len(returned or ''):,} characters"
        shown = quote(returned or step.words or f"input tokens: {now:,}")
        return self.issue(
            trace,
            "jump",
            earlier,
            f"The prompt of {step.agent} grew by {grown:,} tokens to {now:,} at step {step.index}{after}.",
            evidence=(Evidence(shown, earlier.index, number, f"{before:,} tokens before, {now:,} after"),),
            recommendation="Limit what this call returns (a page, a range, a filter), and keep the full text out of the conversation.",
            about=(step.agent, cause.name if cause is not None else "prompt"),
            call=number,
        )

    def _large(self, trace: Trace, calls: Sequence[CallFeatures]) -> Issue:
        largest = max(calls, key=lambda call: len(call.call.result or ""))
        more = f"; {len(calls)} results of it were that large" if len(calls) > 1 else ""
        size = len(largest.call.result or "")
        summary = f"{largest.name} returned {size:,} characters in one result{more}."
        return self._result(trace, "result", largest, summary, "its beginning")

    def _result(
        self,
        trace: Trace,
        signal: str,
        call: CallFeatures,
        summary: str,
        note: str,
        around: str | None = None,
    ) -> Issue:
        return self.issue(
            trace,
            signal,
            call.step,
            summary,
            evidence=(Evidence(quote(call.call.result or "", around), call.step.index, call.number, note),),
            recommendation=f"Have {call.name} return a page at a time with a way to ask for the next, and say in its description how.",
            about=(call.name, signal),
            call=call.number,
        )
