"""Endings: what ended a run that came to no answer, and what was done after an answer had been given.

A limit, a tool call that failed, or a model call that failed: each is one failure, and the detector
it belongs to reports it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pisama.acts import is_answering, is_bookkeeping, is_executor
from pisama.error_kinds import ErrorKind
from pisama.features import CallFeatures, Features, features
from pisama.outcomes import kind_of
from pisama.patterns import lazy
from pisama.trace import Step, Trace

LIMITS = frozenset({"max_steps", "max_turns", "max_iterations", "timeout", "budget", "max_tokens", "length"})
"""Outcomes of runs that were stopped because something was used up."""
_STOPPED = frozenset({"aborted", "interrupted", "cancelled", "canceled"})
"""Outcomes of runs that somebody stopped."""
_TOO_LONG = lazy(
    r"context[_ ]length[_ ]exceeded|maximum context length|context (?:window|length|limit)[^\n]{0,60}(?:exceed|too|full|limit)"
    r"|exceed\w{0,4} (?:the )?(?:model'?s? |maximum )?(?:context|token)|prompt is too long|input is too long|too many (?:input )?tokens"
    r"|reduce the length of the (?:messages|prompt)|input length and `?max_tokens`? exceed|token limit (?:exceeded|reached)"
    r"|exceeds maximum allowed tokens",
    re.IGNORECASE,
)
_MESSAGE = 2_000
"""Characters of an error message that are read."""


def is_too_long(message: str) -> bool:
    """Whether a request was rejected because it exceeds the context window."""
    return _TOO_LONG.search(message[:_MESSAGE]) is not None


def is_rate_limited(message: str) -> bool:
    """Whether a model call was rejected by a rate limit or a quota."""
    return kind_of(message) is ErrorKind.RATE_LIMIT


def fatal_call(trace: Trace) -> CallFeatures | None:
    """The failed tool call that the run died of: one of its last step's, and no answer came after it.

    None when the record says that a limit or somebody stopped the run, when a user refused the call or
    it is a command that reported its failure, and, unless the record says that the run failed, when another call of that step did not fail or
    when words were not recorded at all.
    """
    last = _last_step(trace)
    if last is None or not last.tool_calls or not (trace.outcome == "error" or records_words(trace)):
        return None
    calls = features(trace).calls_by_step[last.index]
    failed = [call for call in calls if call.outcome.failed and _can_end_a_run(call)]
    if not failed or (len(failed) < len(calls) and trace.outcome != "error"):
        return None
    return failed[-1]


def _can_end_a_run(call: CallFeatures) -> bool:
    reported = is_executor(call.name) and call.call.error is None
    return not reported and call.outcome.kind is not ErrorKind.REFUSED


def fatal_rejection(trace: Trace) -> Step | None:
    """The step whose failed model call the run died of."""
    last = _last_step(trace)
    return last if last is not None and last.error is not None and not last.tool_calls else None


def records_words(trace: Trace) -> bool:
    """Whether what was said is part of the record; some emitters leave out all of it, answers too."""
    return any(step.words or step.seen for step in trace.steps)


def _last_step(trace: Trace) -> Step | None:
    if not trace.complete or not trace.steps or trace.final_answer:
        return None
    return None if trace.outcome in LIMITS | _STOPPED else trace.steps[-1]


def acts_after_answer(trace: Trace, table: Features) -> Iterator[tuple[Step, CallFeatures]]:
    """The step in which an agent gave its final answer, and the first act of a later step with which it goes on.

    A new message to the agent opens its work again. Keeping a task list is no act.
    """
    answered: dict[tuple[str, int | None], Step] = {}
    for step in trace.steps:
        key = (step.agent, step.parent)
        if any(message.role in ("user", "assistant") for message in step.seen):
            answered.pop(key, None)
        calls = table.calls_by_step.get(step.index, ())
        acts = [call for call in calls if not is_bookkeeping(call.name)]
        if key in answered and acts:
            yield answered.pop(key), acts[0]
        if any(is_answering(call.name) and not call.outcome.failed for call in calls) and not acts:
            answered[key] = step
