"""Overflow: the context window or the budget of the run is exceeded, or about to be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from pisama.detectors.base import Detector, Example, Needs, Signal
from pisama.endings import is_rate_limited, is_too_long
from pisama.features import CallFeatures, Features, features
from pisama.issue import Evidence, Issue
from pisama.patterns import lazy
from pisama.text import quote
from pisama.trace import Step, Trace

_CUT = lazy(
    r"(?:\[|\(|<|\.{3}|…|_)[^\n]{0,60}\b(?:truncated|clipped|omitted|characters? (?:remaining|left))\b[^\n]{0,80}"
    r"|(?:output|content|response|result|file|text) (?:was|has been|is) (?:truncated|cut off|clipped)\b[^\n]{0,80}"
    r"|<response clipped>",
    re.IGNORECASE,
)
_CUT_OFF = frozenset(
    "length max_tokens max_output_tokens model_length token_limit max_length model_context_window_exceeded".split()
)
"""Finish reasons of an output that hit a limit: OpenAI, Anthropic, Gemini, Bedrock, Mistral, Cohere."""
_WINDOWS: tuple[tuple[re.Pattern[str], int], ...] = tuple(
    (lazy(pattern, re.IGNORECASE), size)
    for pattern, size in (
        (r"gpt-4\.1", 1_047_576),
        (r"gpt-5", 400_000),
        (r"gpt-4o|gpt-4-turbo|gpt-4-(?:0125|1106)|o1-(?:mini|preview)", 128_000),
        (r"gpt-4-32k", 32_768),
        (r"gpt-4(?![\w.])", 8_192),
        (r"gpt-3\.5-turbo", 16_385),
        (r"(?<![a-z0-9])o[134](?:-mini|-pro)?(?![\w.])", 200_000),
        (r"claude-(?:2\.1|3|sonnet|opus|haiku|4)", 200_000),
        (r"gemini-1\.5-pro", 2_097_152),
        (r"gemini-(?:1\.5|2|2\.5)", 1_048_576),
        (r"mistral-large|llama-?3\.[123]", 128_000),
    )
)
"""Context windows in tokens, from the model pages of OpenAI, Anthropic, Google, Mistral and Meta; a model
that is not here has no window, and one whose prompts go beyond it has a larger one than the table knows."""
_EDGE = 2_000
"""Characters at both ends of a result in which marks of truncation are looked for."""


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
        yield from self._refused(trace, table)
        yield from self._cut_off(trace)
        yield from self._window(trace)
        yield from self._jump(trace, table)
        yield from self._results(trace, table)

    def _refused(self, trace: Trace, table: Features) -> Iterator[Issue]:
        seen: set[tuple[str, str]] = set()
        for step in trace.steps:
            for call, message in _failures(table, step):
                signal = _rejection(message, of_model=call is None)
                if signal is None or (step.agent, signal) in seen:
                    continue
                seen.add((step.agent, signal))
                what = (
                    f"{call.name} failed"
                    if call is not None
                    else f"A model call of {step.agent} was rejected"
                )
                yield self.issue(
                    trace,
                    signal,
                    step,
                    f"{what}: “{quote(message, width=140)}”.",
                    evidence=(
                        Evidence(
                            quote(message),
                            step.index,
                            call.number if call else None,
                            "the limit that was hit",
                        ),
                    ),
                    recommendation=_ADVICE[signal],
                    about=(step.agent, signal),
                    call=call.number if call is not None else None,
                )

    def _cut_off(self, trace: Trace) -> Iterator[Issue]:
        cut: dict[str, list[Step]] = {}
        for step in trace.steps:
            if step.finish_reason in _CUT_OFF:
                cut.setdefault(step.agent, []).append(step)
        for agent, steps in cut.items():
            ends = steps[-1] is trace.steps[-1]
            count = "An output" if len(steps) == 1 else f"{len(steps)} outputs"
            made = steps[0].usage.output_tokens if steps[0].usage is not None else None
            after = f" after {made:,} tokens" if made and len(steps) == 1 else ""
            yield self.issue(
                trace,
                "cut_off",
                steps[0],
                f"{count} of {agent} stopped at the length limit{after}{', the last of the run among them' if ends and len(steps) > 1 else ''}.",
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
                about=(agent, "finish reason"),
                severity=65 if ends else 50,
            )

    def _window(self, trace: Trace) -> Iterator[Issue]:
        largest: dict[tuple[str, str], Step] = {}
        for step in trace.steps:
            key = (step.agent, step.model or "")
            if step.model and _prompt(step) > (_prompt(largest[key]) if key in largest else 0):
                largest[key] = step
        for (agent, model), step in largest.items():
            window = next((size for pattern, size in _WINDOWS if pattern.search(model[:200])), None)
            if window is None or not self.full_window * window <= _prompt(step) <= window:
                continue
            said = f"{_prompt(step):,} of {window:,} tokens"
            yield self.issue(
                trace,
                "window",
                step,
                f"The prompt of {agent} came to {said}, the context window of {model}.",
                evidence=(
                    Evidence(
                        f"input tokens: {_prompt(step):,}; window: {window:,}",
                        step.index,
                        None,
                        "nearly full",
                    ),
                ),
                recommendation="Summarise or drop old tool results before the window is full, or take a model with a larger one.",
                about=(agent, model),
            )

    def _jump(self, trace: Trace, table: Features) -> Iterator[Issue]:
        worst: dict[str, tuple[int, Step, Step]] = {}
        before: dict[str, Step] = {}
        for step in trace.steps:
            earlier = before.get(step.agent)
            grown = _prompt(step) - _prompt(earlier) if earlier is not None and _prompt(step) else 0
            if (
                earlier is not None
                and grown >= self.jump_tokens
                and _prompt(step) >= self.jump_factor * _prompt(earlier)
            ):
                worst[step.agent] = max(
                    worst.get(step.agent, (0, earlier, step)),
                    (grown, earlier, step),
                    key=lambda jump: jump[0],
                )
            if _prompt(step):
                before[step.agent] = step
        for agent, (grown, earlier, step) in worst.items():
            calls = table.calls_by_step.get(earlier.index, ())
            largest = max(calls, key=lambda call: len(call.call.result or ""), default=None)
            cause = (
                f", after {largest.name} had returned {len(largest.call.result or ''):,} characters"
                if largest is not None
                else ""
            )
            yield self.issue(
                trace,
                "jump",
                earlier,
                f"The prompt of {agent} grew by {grown:,} tokens to {_prompt(step):,} at step {step.index}{cause}.",
                evidence=(
                    Evidence(
                        quote(
                            (largest.call.result if largest is not None else None)
                            or step.words
                            or f"input tokens: {_prompt(step):,}"
                        ),
                        earlier.index,
                        largest.number if largest is not None else None,
                        f"{_prompt(earlier):,} tokens before, {_prompt(step):,} after",
                    ),
                ),
                recommendation="Limit what this call returns (a page, a range, a filter), and keep the full text out of the conversation.",
                about=(agent, largest.name if largest is not None else "prompt"),
                call=largest.number if largest is not None else None,
            )

    def _results(self, trace: Trace, table: Features) -> Iterator[Issue]:
        large: dict[tuple[str, str], list[CallFeatures]] = {}
        cut: dict[tuple[str, str], CallFeatures] = {}
        for call in table.calls:
            place = (call.step.agent, call.name)
            cut.pop(place, None)
            result = call.call.result or ""
            if len(result) >= self.result_characters:
                large.setdefault(place, []).append(call)
            elif _cut_mark(result):
                cut[place] = call
        for (_, name), calls in large.items():
            first = max(calls, key=lambda call: len(call.call.result or ""))
            size = len(first.call.result or "")
            more = f"; {len(calls)} results of it were that large" if len(calls) > 1 else ""
            yield self._result(
                trace,
                "result",
                first,
                f"{name} returned {size:,} characters in one result{more}.",
                "its beginning",
            )
        for (agent, name), call in cut.items():
            summary = f"A result of {name} was cut off, and {agent} never asked for the rest."
            yield self._result(
                trace,
                "truncated",
                call,
                summary,
                "where it was cut",
                around=_cut_mark(call.call.result or ""),
            )

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


_ADVICE = {
    "refused": "Cut or summarise what is in the context before the next call, and cap the size of single tool results.",
    "rate": "Wait and retry with a back-off in the client, spread the calls, or raise the quota.",
}


def _prompt(step: Step) -> int:
    return step.usage.input_tokens or 0 if step.usage is not None else 0


def _failures(table: Features, step: Step) -> Iterator[tuple[CallFeatures | None, str]]:
    if step.error is not None:
        yield None, step.error or "no message"
    for call in table.calls_by_step.get(step.index, ()):
        if call.outcome.failed:
            yield call, call.outcome.message


def _rejection(message: str, *, of_model: bool) -> str | None:
    if is_too_long(message):
        return "refused"
    return "rate" if of_model and is_rate_limited(message) else None


def _cut_mark(result: str) -> str | None:
    if len(result) > 2 * _EDGE:
        result = f"{result[:_EDGE]}\n{result[-_EDGE:]}"
    lower = result.lower()
    if not any(word in lower for word in ("truncated", "clipped", "omitted", "cut off", "characters")):
        return None
    found = _CUT.search(result)
    return found.group() if found is not None else None
