"""The last step of a run: whether it is an end, or the run was stopped, cut off, failed or left midway there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pisama.acts import command_of, is_bookkeeping, is_executor
from pisama.endings import LIMITS, fatal_call, fatal_rejection, is_rate_limited, is_too_long, records_words
from pisama.features import CallFeatures, Features
from pisama.issue import Evidence, Finding
from pisama.patterns import lazy
from pisama.text import quote
from pisama.trace import Step, Trace

_CUT_REASONS = frozenset({"length", "max_tokens", "max_output_tokens", "model_length", "incomplete"})
"""Finish reasons of a model call that ran out of room."""
_CUT = lazy(
    r"(?:[,(\[{]|\b(?:and|or|the|a|an|of|to|in|with|for|is|are|was|were|that|by|but|from|which|because|as))\s{0,4}\Z"
)
"""An end that no sentence has."""
_SUBMITS = lazy(
    r"\b(?:submit|complete_task|complete|finish(?:ed)?|done|final|exit|answer|handoff|transfer|escalate|report|send|post|commit)",
    re.IGNORECASE,
)
"""Words of names, commands and messages that hand the work over."""
_TO_SOMEBODY = lazy(r"\b(?:you|your|TERMINATE)\b")
"""Words after which it is another's turn to act."""


def broken_off(trace: Trace, table: Features) -> Iterator[Finding]:
    """Why the last step of a finished run is no end, the plainest reason first; nothing when it is one.

    The signals are those of `completion`: `limit`, `truncated`, `empty`, `midway`, `rejected` and `unfinished`.
    """
    last = trace.steps[-1]
    if trace.outcome in LIMITS:
        yield _limited(trace, trace.outcome or "", last)
    if last.finish_reason in _CUT_REASONS:
        yield _truncated(last, f"finish reason {last.finish_reason}")
    elif not last.tool_calls and _is_cut(last.text):
        yield _truncated(last, "it stops inside a sentence")
    if last.error is None and not last.tool_calls:
        yield from _silent(trace, last) if not last.words.strip() else _midway(table, last)
    if fatal_rejection(trace) is last:
        yield from _rejected(last, last.error or "no message")
    if last.tool_calls and fatal_call(trace) is None:
        yield from _unread(trace, table, last)


def _limited(trace: Trace, limit: str, last: Step) -> Finding:
    answer = (trace.final_answer or "").strip()
    how = (
        f"with what it had by then as its answer: “{quote(answer, width=80)}”"
        if answer
        else "without an answer"
    )
    return Finding(
        "limit",
        last,
        f"The run was ended by a limit ({limit}) after {len(trace.steps)} steps, {how}.",
        evidence=(Evidence(quote(last.text or "no text"), last.index, None, "the last step"),),
        recommendation="Find out what the steps were spent on before raising the limit; split the task or stop repeats first.",
        about=(limit,),
    )


def _truncated(last: Step, why: str) -> Finding:
    return Finding(
        "truncated",
        last,
        f"The last message of {last.agent} is cut off ({why}).",
        evidence=(Evidence(quote(last.text[-180:] or "no text"), last.index, None, "its end"),),
        recommendation="Raise the output limit for the final answer, or ask for a shorter one, and continue when the finish reason is length.",
        about=("truncated",),
    )


def _is_cut(text: str) -> bool:
    text = text.rstrip()
    return len(text) > 40 and (_CUT.search(text[-60:].lower()) is not None)


def _silent(trace: Trace, last: Step) -> Iterator[Finding]:
    if trace.final_answer is None or not any(step.text for step in trace.steps):
        return  # the words were not recorded
    before = next((step.text for step in reversed(trace.steps) if step is not last and step.text), last.agent)
    yield Finding(
        "empty",
        last,
        f"{last.agent} ends the run with an empty message.",
        evidence=(Evidence(quote(before), None, None, "the last words before it"),),
        recommendation="Treat an empty final message as a failure and ask the model again.",
        about=("empty",),
    )


def _midway(table: Features, last: Step) -> Iterator[Finding]:
    tail = last.text[-400:]
    announced = table.announcements(tail)
    if not announced or tail.rstrip().endswith("?"):
        return
    promise = announced[-1]
    if _TO_SOMEBODY.search(tail[promise.start :]):
        return
    yield Finding(
        "midway",
        last,
        f"The run ends with \u201c{quote(promise.sentence, width=120)}\u201d, which never happened.",
        evidence=(Evidence(quote(tail, promise.start), last.index, None, "the last words"),),
        recommendation="Do not take a message that announces work for the final answer; let the agent go on until it calls the tool that ends the run.",
        about=(promise.verb, promise.sentence),
    )


def _rejected(last: Step, message: str) -> Iterator[Finding]:
    if is_too_long(message) or is_rate_limited(message):
        return  # `overflow` reports what went over a limit
    yield Finding(
        "rejected",
        last,
        f"The run ends on a model call of {last.agent} that failed, without an answer: \u201c{quote(message, width=140)}\u201d.",
        evidence=(Evidence(quote(message), last.index, None, "the error of the model call"),),
        recommendation="Correct the request that the provider names here; where the failure may pass, retry it with a back-off, and end the run with a message of its own.",
        about=("rejected", message),
    )


def _unread(trace: Trace, table: Features, last: Step) -> Iterator[Finding]:
    calls = table.calls_by_step[last.index]
    if any(_hands_over(call) for call in calls) or trace.final_answer or _SUBMITS.search(last.text[-200:]):
        return
    final = calls[-1]
    unknown = final.outcome.status == "unknown"
    recorded = any(call.call.result for call in table.calls) if unknown else records_words(trace)
    if not recorded:
        return
    state = "failed" if final.outcome.failed else "has no result" if unknown else "was never used"
    shown = final.call.error or final.call.result or final.name
    yield Finding(
        "unfinished",
        last,
        f"The run ends on a call of {final.name} that {state}; no answer follows.",
        evidence=(Evidence(quote(shown), last.index, final.number, "the last call"),),
        recommendation="Let the agent read its last result and answer; when a limit stopped it, have it sum up what it knows first.",
        about=(final.name,),
    )


def _hands_over(call: CallFeatures) -> bool:
    """Whether a call delivers something, so that nothing need follow it."""
    return (
        is_bookkeeping(call.name)
        or _SUBMITS.search(call.name) is not None
        or (is_executor(call.name) and _SUBMITS.search(command_of(call.call.arguments)) is not None)
    )
