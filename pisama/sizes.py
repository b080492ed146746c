"""Sizes: the prompts, outputs and results of a run that hit a limit, or came near it at one blow."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from pisama.endings import is_rate_limited, is_too_long
from pisama.features import CallFeatures, Features
from pisama.patterns import lazy
from pisama.trace import Step, Trace

_CUT = lazy(
    r"(?:\[|\(|<|\.{3}|…|_)[^\n]{0,60}\b(?:truncated|clipped|omitted|characters? (?:remaining|left))\b[^\n]{0,80}"
    r"|(?:output|content|response|result|file|text) (?:was|has been|is) (?:truncated|cut off|clipped)\b[^\n]{0,80}"
    r"|<response clipped>",
    re.IGNORECASE,
)
"""Marks that something was left out of a result."""
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


class Rejection(NamedTuple):
    """A request that went over a limit."""

    limit: Literal["refused", "rate"]
    """The context window, or a rate or quota."""
    step: Step
    call: CallFeatures | None
    """The call whose tool said so; None when it was the model of the step itself."""
    message: str


class FullWindow(NamedTuple):
    """The largest prompt of an agent to a model, when it nearly fills the model's context window."""

    step: Step
    model: str
    window: int
    """Tokens."""


class Jump(NamedTuple):
    """The largest growth of an agent's prompt from one of its steps to the next."""

    earlier: Step
    step: Step
    grown: int
    """Tokens."""
    cause: CallFeatures | None
    """The call of the earlier step that returned most."""


def prompt_tokens(step: Step) -> int:
    """The input tokens of a step; 0 when they were not recorded."""
    return step.usage.input_tokens or 0 if step.usage is not None else 0


def rejections(trace: Trace, table: Features) -> Iterator[Rejection]:
    """The first request of each agent that went over each limit."""
    seen: set[tuple[str, str]] = set()
    for step in trace.steps:
        for call, message in _failures(table, step):
            limit = _rejection(message, of_model=call is None)
            if limit is not None and (step.agent, limit) not in seen:
                seen.add((step.agent, limit))
                yield Rejection(limit, step, call, message)


def _failures(table: Features, step: Step) -> Iterator[tuple[CallFeatures | None, str]]:
    if step.error is not None:
        yield None, step.error or "no message"
    for call in table.calls_by_step.get(step.index, ()):
        if call.outcome.failed:
            yield call, call.outcome.message


def _rejection(message: str, *, of_model: bool) -> Literal["refused", "rate"] | None:
    if is_too_long(message):
        return "refused"
    return "rate" if of_model and is_rate_limited(message) else None


def cut_off(trace: Trace) -> dict[str, list[Step]]:
    """The steps of each agent whose output stopped at its length limit."""
    found: dict[str, list[Step]] = {}
    for step in trace.steps:
        if step.finish_reason in _CUT_OFF:
            found.setdefault(step.agent, []).append(step)
    return found


def full_windows(trace: Trace, share: float) -> Iterator[FullWindow]:
    """Prompts that fill at least this share of a known context window, and do not go beyond it."""
    largest: dict[tuple[str, str], Step] = {}
    for step in trace.steps:
        key = (step.agent, step.model or "")
        if step.model and prompt_tokens(step) > (prompt_tokens(largest[key]) if key in largest else 0):
            largest[key] = step
    for (_, model), step in largest.items():
        window = next((size for pattern, size in _WINDOWS if pattern.search(model[:200])), None)
        if window is not None and share * window <= prompt_tokens(step) <= window:
            yield FullWindow(step, model, window)


def jumps(trace: Trace, table: Features, tokens: int, factor: float) -> Iterator[Jump]:
    """The worst growth of each agent's prompt by at least `tokens` and to at least `factor` times what it was."""
    worst: dict[str, tuple[int, Step, Step]] = {}
    before: dict[str, Step] = {}
    for step in trace.steps:
        now, earlier = prompt_tokens(step), before.get(step.agent)
        if not now:
            continue
        before[step.agent] = step
        if earlier is None:
            continue
        then = prompt_tokens(earlier)
        larger = step.agent not in worst or now - then > worst[step.agent][0]
        if now - then >= tokens and now >= factor * then and larger:
            worst[step.agent] = (now - then, earlier, step)
    for grown, earlier, step in worst.values():
        calls = table.calls_by_step.get(earlier.index, ())
        cause = max(calls, key=lambda call: len(call.call.result or ""), default=None)
        yield Jump(earlier, step, grown, cause)


def large_results(table: Features, characters: int) -> Iterator[Sequence[CallFeatures]]:
    """The calls of one agent and tool that returned at least so many characters."""
    found: dict[tuple[str, str], list[CallFeatures]] = {}
    for call in table.calls:
        if len(call.call.result or "") >= characters:
            found.setdefault((call.step.agent, call.name), []).append(call)
    yield from found.values()


def unread_rests(table: Features, characters: int) -> Iterator[tuple[CallFeatures, str]]:
    """Calls of which only a part came back, with the words that say so, when the agent did not call the tool again.

    Results of at least so many characters are judged by their size instead.
    """
    found: dict[tuple[str, str], tuple[CallFeatures, str]] = {}
    for call in table.calls:
        place, result = (call.step.agent, call.name), call.call.result or ""
        found.pop(place, None)
        mark = _cut_mark(result) if len(result) < characters else None
        if mark:
            found[place] = call, mark
    yield from found.values()


def _cut_mark(result: str) -> str | None:
    if len(result) > 2 * _EDGE:
        result = f"{result[:_EDGE]}\n{result[-_EDGE:]}"
    lower = result.lower()
    if not any(word in lower for word in ("truncated", "clipped", "omitted", "cut off", "characters")):
        return None
    found = _CUT.search(result)
    return found.group() if found is not None else None
