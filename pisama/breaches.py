"""Breaches: directives of a prompt that the replies and calls of the agent it was given to break."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from pisama.directives import Directive, DirectiveKind
from pisama.features import Features, features
from pisama.patterns import lazy
from pisama.replies import reply_breaks
from pisama.text import quote
from pisama.trace import JSON, Step, Trace

_ANSWERING = lazy(
    r"(?i)(?:final|submit|give|return)_?(?:answer|result|response)s?|finish|submit|attempt_completion"
)
"""Names of tools that hand over the answer."""
_SURRENDER = lazy(
    r"\b(?:unable to (?:determine|answer|find|provide|locate)|(?:I|we) (?:cannot|can['\u2019]t|am unable to|could not) "
    r"(?:answer|determine|find|provide)|cannot be (?:determined|answered)|none found|no (?:answer|data) (?:was )?found)\b",
    re.IGNORECASE,
)
"""Words with which an answer gives up."""
_SLICE = lazy(r"\[\s{0,2}(?P<begin>\d{0,9})\s{0,2}:\s{0,2}(?P<end>\d{1,9})\s{0,2}\]")
MAX_STANDING = 40
"""Directives an agent is held to at a time, the latest: a trace that keeps adding more must not cost more per step."""
_STANDING = frozenset(
    (DirectiveKind.PIECE, DirectiveKind.ONE_CALL, DirectiveKind.CALL_OR_TEXT, DirectiveKind.NO_REPEAT)
)
"""These bind every later step of the agent, whoever gave them."""


class Given(NamedTuple):
    """A directive with the step at which its agent got it."""

    directive: Directive
    step: Step
    standing: bool
    """From a system prompt: it holds for every reply, not for one."""


@dataclass(slots=True)
class _Ears:
    """What one agent was told so far."""

    replies: list[Given] = field(default_factory=list)
    """Awaiting the reply to the user's last message."""
    always: list[Given] = field(default_factory=list)
    """Of the system prompt, for every reply."""
    acts: deque[Given] = field(default_factory=lambda: deque(maxlen=MAX_STANDING))
    """For every call."""
    final: deque[Given] = field(default_factory=lambda: deque(maxlen=MAX_STANDING))
    """For final answers."""
    prompts: int = 0
    """How many different system prompts it got: more than one means several phases."""
    called: set[int] = field(default_factory=set)
    """Keys of the calls made so far."""


class Breach(NamedTuple):
    """One directive, broken by one agent at one step or at several."""

    given: Given
    how: str
    """What the agent did, as a clause without its subject."""
    steps: list[tuple[Step, str]]
    """Each with the words that show it."""


def breaches(trace: Trace, min_replies: int) -> Iterator[Breach]:
    """Each agent against what it was told, in the order in which directives were first broken.

    A standing literal that ends none of an agent's replies, of at least `min_replies`, is a stop sequence which the
    provider cuts off.
    """
    table = features(trace)
    ears: dict[str, _Ears] = {}
    last = {step.agent: step.index for step in trace.steps}
    found: dict[tuple[str, DirectiveKind, str], Breach] = {}
    replies: dict[str, list[str]] = {}
    for step in trace.steps:
        told = ears.setdefault(step.agent, _Ears())
        _listen(table, told, step)
        if step.text.strip():
            replies.setdefault(step.agent, []).append(step.text)
        ends = trace.complete and last[step.agent] == step.index
        for given, how, shown in _judged(table, told, step, ends=ends):
            rule = given.directive
            breach = found.setdefault((step.agent, rule.kind, rule.sentence), Breach(given, how, []))
            if not breach.steps or breach.steps[-1][0] is not step:
                breach.steps.append((step, shown))
    for (agent, _, _), breach in found.items():
        if not _is_stop_sequence(breach.given, replies.get(agent, []), min_replies):
            yield breach


def _is_stop_sequence(given: Given, replies: list[str], min_replies: int) -> bool:
    if given.directive.kind is not DirectiveKind.END or not given.standing or len(replies) < min_replies:
        return False
    return not any(given.directive.literals[0] in reply for reply in replies)


def _listen(table: Features, told: _Ears, step: Step) -> None:
    """Take in the directives this step's agent is newly given."""
    fresh = [message for message in step.seen if message.role in ("system", "user")]
    if any(message.role == "user" for message in fresh):
        told.replies = []
    prompts = [message for message in fresh if message.role == "system"]
    told.prompts += len(prompts)
    if prompts:
        told.always = []
    for message in fresh:
        standing = message.role == "system"
        for directive in table.directives(message.text):
            given = Given(directive, step, standing)
            if directive.kind in _STANDING or directive.final:
                place = told.final if directive.final else told.acts
                if all(known.directive.sentence != directive.sentence for known in place):
                    place.append(given)
            else:
                (told.always if standing else told.replies).append(given)


def _judged(table: Features, told: _Ears, step: Step, *, ends: bool) -> Iterator[tuple[Given, str, str]]:
    for given in told.acts:
        how = _act_breaks(table, told, given.directive, step)
        if how is not None:
            yield given, *how
    told.called.update(call.key for call in table.calls_by_step.get(step.index, ()))
    yield from _judged_replies(told, step, ends=ends)


def _judged_replies(told: _Ears, step: Step, *, ends: bool) -> Iterator[tuple[Given, str, str]]:
    speaks = bool(step.text.strip()) and not step.tool_calls
    # With several system prompts the agent works in phases; which one an unprompted step belongs to is unknown.
    bound = told.prompts == 1 or any(message.role == "system" for message in step.seen)
    judged: list[tuple[Given, str]] = []
    if speaks:
        judged += [(given, step.text) for given in told.replies]
        told.replies = []
    if bound and (step.text.strip() or step.tool_calls):
        judged += [
            (given, step.text) for given in told.always if speaks or _holds_while_acting(given.directive)
        ]
    answers = [_said(call.arguments) for call in step.tool_calls if _ANSWERING.fullmatch(call.name)]
    if ends and speaks:
        answers.append(step.text)
    judged += [(given, answer) for answer in answers for given in told.final]
    for given, text in judged:
        how = _breaks(given.directive, step, text)
        if how is not None:
            end = given.directive.kind in (DirectiveKind.END, DirectiveKind.NO_FINAL_STOP)
            yield given, how, quote(text[-180:] if end else text, how.split("'")[1] if "'" in how else None)


def _holds_while_acting(directive: Directive) -> bool:
    return directive.kind in (DirectiveKind.FORBID, DirectiveKind.ALWAYS_CALL)


def _breaks(directive: Directive, step: Step, text: str) -> str | None:
    if directive.kind is DirectiveKind.ALWAYS_CALL:
        # A fresh message may ask for something else in this one step.
        asked = any(message.role == "user" for message in step.seen)
        return None if step.tool_calls or asked else "made no tool call"
    if directive.kind is DirectiveKind.NO_SURRENDER:
        match = _SURRENDER.search(text[:1500])
        return f"gives up with '{match.group()}'" if match else None
    how = reply_breaks(directive, text)
    return f"wrote a reply that {how}" if how else None


def _act_breaks(table: Features, told: _Ears, directive: Directive, step: Step) -> tuple[str, str] | None:
    """How a step's calls break a directive about calls, and the words that show it."""
    calls = step.tool_calls
    if directive.kind is DirectiveKind.ONE_CALL and len(calls) > 1:
        return f"made {len(calls)} calls in one step", ", ".join(call.name for call in calls)
    if directive.kind is DirectiveKind.CALL_OR_TEXT and calls and step.text.strip():
        return "spoke and called a tool in one step", quote(step.text)
    if directive.kind is DirectiveKind.NO_REPEAT:
        for call in table.calls_by_step.get(step.index, ()):
            if call.key in told.called and _says_something(call.call.arguments):
                return f"repeated {call.name} with the same arguments", quote(str(call.call.arguments))
    if directive.kind is DirectiveKind.PIECE:
        return _too_much(directive, step)
    return None


def _too_much(directive: Directive, step: Step) -> tuple[str, str] | None:
    for call in step.tool_calls:
        code = _said(call.arguments)
        for match in _SLICE.finditer(code):
            size = int(match["end"]) - int(match["begin"] or 0)
            if size > directive.limit:
                shown = quote(code[max(0, match.start() - 80) : match.end() + 40])
                return f"took {size} {directive.unit}s at once where {directive.limit} are allowed", shown
    return None


def _says_something(arguments: JSON) -> bool:
    """Turning a page again is no repetition: its arguments hold no value."""
    values = arguments.values() if isinstance(arguments, dict) else (arguments,)
    return any(value not in (None, "", [], {}) for value in values)


def _said(arguments: JSON) -> str:
    """The text in a call's arguments; of nested ones the first levels."""
    values = list(arguments.values()) if isinstance(arguments, dict) else arguments
    if not isinstance(values, list):
        return "" if values is None else str(values)
    return "\n".join(value if isinstance(value, str) else str(value)[:2000] for value in values)
