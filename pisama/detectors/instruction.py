"""Instruction: an explicit, literal directive of a prompt is broken."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, NamedTuple

from pydantic import Field

from pisama.detectors.base import Detector, Example, Needs, Signal
from pisama.directives import Directive, DirectiveKind
from pisama.features import Features, features
from pisama.issue import Evidence, Issue
from pisama.patterns import lazy
from pisama.replies import reply_breaks
from pisama.text import quote
from pisama.trace import JSON, Step, Trace

_ANSWERING = lazy(
    r"(?i)(?:final|submit|give|return)_?(?:answer|result|response)s?|finish|submit|attempt_completion"
)
_SURRENDER = lazy(
    r"\b(?:unable to (?:determine|answer|find|provide|locate)|(?:I|we) (?:cannot|can['\u2019]t|am unable to|could not) "
    r"(?:answer|determine|find|provide)|cannot be (?:determined|answered)|none found|no (?:answer|data) (?:was )?found)\b",
    re.IGNORECASE,
)
_SLICE = lazy(r"\[\s{0,2}(?P<begin>\d{0,9})\s{0,2}:\s{0,2}(?P<end>\d{1,9})\s{0,2}\]")
MAX_STANDING = 40
"""Directives an agent is held to at a time, the latest: a trace that keeps adding more must not cost more per step."""
_SIGNALS = {
    DirectiveKind.END: "ending",
    DirectiveKind.START: "opening",
    DirectiveKind.CONTAIN: "missing_literal",
    DirectiveKind.FORBID: "forbidden",
    DirectiveKind.LENGTH: "too_long",
    DirectiveKind.PARTS: "missing_part",
    DirectiveKind.NO_FINAL_STOP: "punctuation",
    DirectiveKind.NO_SURRENDER: "surrender",
    DirectiveKind.PIECE: "too_much_at_once",
    DirectiveKind.ONE_CALL: "several_calls",
    DirectiveKind.CALL_OR_TEXT: "text_with_call",
    DirectiveKind.NO_REPEAT: "repeated_call",
    DirectiveKind.ALWAYS_CALL: "no_call",
}
_STANDING = frozenset(
    (DirectiveKind.PIECE, DirectiveKind.ONE_CALL, DirectiveKind.CALL_OR_TEXT, DirectiveKind.NO_REPEAT)
)
"""These bind every later step of the agent, whoever gave them."""


class _Given(NamedTuple):
    """A directive with the step at which its agent got it."""

    directive: Directive
    step: Step
    standing: bool
    """From a system prompt: it holds for every reply, not for one."""


@dataclass(slots=True)
class _Ears:
    """What one agent was told so far."""

    replies: list[_Given] = field(default_factory=list)
    """Awaiting the reply to the user's last message."""
    always: list[_Given] = field(default_factory=list)
    """Of the system prompt, for every reply."""
    acts: deque[_Given] = field(default_factory=lambda: deque(maxlen=MAX_STANDING))
    """For every call."""
    final: deque[_Given] = field(default_factory=lambda: deque(maxlen=MAX_STANDING))
    """For final answers."""
    prompts: int = 0
    """How many different system prompts it got: more than one means several phases."""
    called: set[int] = field(default_factory=set)
    """Keys of the calls made so far."""


@dataclass(slots=True)
class _Breach:
    """One directive, broken at one step or at several."""

    given: _Given
    how: str
    steps: list[tuple[Step, str]] = field(default_factory=list)


class Instruction(Detector):
    """An explicit directive of a prompt is broken.

    ## Why it is a failure

    Prompts state literal rules because a program or a person relies on them: a closing tag, a label, a size,
    a forbidden word, one call at a time. A reply that breaks one is misread further on.

    ## What it does not flag

    Directives given to another agent or in another phase, conditional ones (`if you are done, say TERMINATE`),
    examples shown in a prompt, and a standing closing tag that no reply of the agent ever carries, since
    runtimes cut such tags off as stop sequences.

    ## How to fix it

    Repeat the rule at the end of the prompt, give one correct example, validate the reply in code and send it
    back once with the rule that it broke. Enforce sizes and single calls in the tool runner.
    """

    id = "instruction"
    needs = frozenset({Needs.SEEN})
    tags = ("trail:Instruction Non-compliance", "mast:FM-1.1")
    signals: ClassVar[Mapping[str, Signal]] = {
        "ending": Signal("a reply lacks the literal it must end with", 25, 0.3),
        "opening": Signal("a reply lacks the literal it must start with", 35, 0.6),
        "missing_literal": Signal("a reply lacks a tag or label it must contain", 45, 0.55),
        "forbidden": Signal("a reply contains a forbidden word", 45, 0.6),
        "too_long": Signal("a reply is longer than allowed", 40, 0.6),
        "missing_part": Signal("a reply lacks a part it must have", 40, 0.55),
        "punctuation": Signal("a final answer ends with punctuation it must not have", 25, 0.6),
        "surrender": Signal("a final answer gives up although that was ruled out", 50, 0.6),
        "too_much_at_once": Signal("more was printed at a time than allowed", 40, 0.7),
        "several_calls": Signal("several calls in one step where only one is allowed", 40, 0.7),
        "text_with_call": Signal("the agent spoke and called a tool in one step", 25, 0.5),
        "repeated_call": Signal("a call was repeated although that was ruled out", 35, 0.5),
        "no_call": Signal("a step without the tool call it must have", 40, 0.5),
    }

    max_evidence: Annotated[int, Field(ge=1)] = 12
    """Steps shown for one directive; the others are only counted."""
    min_replies: Annotated[int, Field(ge=1)] = 2
    """A standing closing tag that none of this many replies carries is taken to be a stop sequence."""

    quiet = (
        Example(
            "the plan ends with the tag it was asked to end with",
            """
            user: Write a plan. After the final step, write the `<plan_complete>` tag and stop there.
            planner: 1. Search. 2. Answer. <plan_complete>
            """,
        ),
        Example(
            "a condition that may not have held",
            """
            system: If the task is done, reply with `TERMINATE`.
            worker: I have read the first file and go on with the second.
            """,
        ),
        Example(
            "a closing tag the runtime always cuts off as its stop sequence",
            """
            system: Your reply must end with '<end_code>'.
            coder: I load the table.
            coder: I print the total.
            """,
        ),
        Example(
            "one call per step, as demanded",
            """
            system: You should only make one tool call at a time.
            clerk: find_user(id="7") -> Ann
            clerk: find_order(id="9") -> a lamp
            """,
        ),
        Example(
            "a reply within its limit that avoids the forbidden word",
            """
            system: Keep every reply under 20 words. Do not use the word "cheap".
            clerk: These lamps are affordable and ship today.
            """,
        ),
        Example(
            "the rule was for the plan, not for what follows",
            """
            user: Write a plan. After the last step, write the `<plan_complete>` tag and stop there.
            planner: 1. Search. <plan_complete>
            planner: The capital is Paris.
            """,
        ),
        Example(
            "pieces of the allowed size",
            """
            user: Read the file, but print at most the first 500 characters at a time. Print 500 characters at a time.
            coder: A look inside.
              run(code="print(content[500:1000])") -> def main
            """,
        ),
    )
    fires = (
        Example(
            "a plan without its closing tag",
            """
            user: Write a plan. After the final step, write the `<plan_complete>` tag and stop there.
            planner: 1. Search. 2. Answer.
            """,
            at=(0,),
        ),
        Example(
            "twice the allowed size is printed",
            """
            user: To analyse a file, print 500 characters at a time.
            coder: A look inside.
              run(code="print(content[:1000])") -> def main
            """,
            at=(0,),
        ),
        Example(
            "two calls in one step",
            """
            system: You should only make one tool call at a time.
            clerk: find_user(id="7") -> Ann
            clerk: find_order(id="9") -> a lamp
              find_order(id="10") -> a chair
            """,
            at=(1,),
        ),
        Example(
            "the forbidden word",
            """
            system: Do not use the word "cheap".
            clerk: These lamps are cheap and ship today.
            """,
            at=(0,),
        ),
        Example(
            "a part is missing",
            """
            user: Your answer must contain the following parts:\\n### 1. Facts\\n### 2. Risks
            analyst: ### 1. Facts\\nThe bridge is old.
            """,
            at=(0,),
        ),
        Example(
            "gives up though told not to",
            """
            user: Find the year. 'I cannot answer' will not be tolerated.
            analyst: FINAL ANSWER: Unable to determine
            """,
            at=(0,),
        ),
    )

    def check(self, trace: Trace) -> Iterator[Issue]:
        """Each agent against what it was told."""
        table = features(trace)
        ears: dict[str, _Ears] = {}
        last = {step.agent: step.index for step in trace.steps}
        breaches: dict[tuple[str, DirectiveKind, str], _Breach] = {}
        replies: dict[str, list[str]] = {}
        for step in trace.steps:
            told = ears.setdefault(step.agent, _Ears())
            _listen(table, told, step)
            if step.text.strip():
                replies.setdefault(step.agent, []).append(step.text)
            ends = trace.complete and last[step.agent] == step.index
            for given, how, shown in _judged(table, told, step, ends=ends):
                rule = given.directive
                breach = breaches.setdefault((step.agent, rule.kind, rule.sentence), _Breach(given, how))
                if not breach.steps or breach.steps[-1][0] is not step:
                    breach.steps.append((step, shown))
        for (agent, _, _), breach in breaches.items():
            if not self._is_stop_sequence(breach.given, replies.get(agent, [])):
                yield self._report(trace, breach)

    def _is_stop_sequence(self, given: _Given, replies: list[str]) -> bool:
        if given.directive.kind is not DirectiveKind.END or not given.standing:
            return False
        return len(replies) >= self.min_replies and not any(
            given.directive.literals[0] in reply for reply in replies
        )

    def _report(self, trace: Trace, breach: _Breach) -> Issue:
        directive, steps = breach.given.directive, breach.steps
        again = f" (in {len(steps)} steps)" if len(steps) > 1 else ""
        first, _ = steps[0]
        rule = quote(directive.sentence, width=120).rstrip(".!")
        return self.issue(
            trace,
            _SIGNALS[directive.kind],
            first,
            f"{first.agent} {breach.how}{again}, although it was told: “{rule}”.",
            evidence=(
                *(Evidence(shown, step.index, note=breach.how) for step, shown in steps[: self.max_evidence]),
                Evidence(quote(directive.sentence), breach.given.step.index, note="the directive"),
            ),
            recommendation=_recommendation(directive),
            about=(directive.kind, *directive.literals, directive.sentence),
        )


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
            given = _Given(directive, step, standing)
            if directive.kind in _STANDING or directive.final:
                place = told.final if directive.final else told.acts
                if all(known.directive.sentence != directive.sentence for known in place):
                    place.append(given)
            else:
                (told.always if standing else told.replies).append(given)


def _judged(table: Features, told: _Ears, step: Step, *, ends: bool) -> Iterator[tuple[_Given, str, str]]:
    for given in told.acts:
        how = _act_breaks(table, told, given.directive, step)
        if how is not None:
            yield given, *how
    told.called.update(call.key for call in table.calls_by_step.get(step.index, ()))
    yield from _judged_replies(told, step, ends=ends)


def _judged_replies(told: _Ears, step: Step, *, ends: bool) -> Iterator[tuple[_Given, str, str]]:
    speaks = bool(step.text.strip()) and not step.tool_calls
    # With several system prompts the agent works in phases; which one an unprompted step belongs to is unknown.
    bound = told.prompts == 1 or any(message.role == "system" for message in step.seen)
    judged: list[tuple[_Given, str]] = []
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
    if isinstance(arguments, str):
        return arguments
    values = list(arguments.values()) if isinstance(arguments, dict) else arguments
    if not isinstance(values, list):
        return "" if values is None else str(values)
    return "\n".join(value if isinstance(value, str) else str(value)[:2000] for value in values)


def _recommendation(directive: Directive) -> str:
    if directive.kind is DirectiveKind.END:
        return (
            f"Check each reply for {directive.literals[0]!r} in code and append it or ask again; "
            "if the provider cuts it off as a stop sequence, take the rule out of the checks."
        )
    if directive.kind is DirectiveKind.PIECE:
        return f"Cap what a tool prints at {directive.limit} {directive.unit}s and tell the agent when it was cut."
    if directive.kind in (DirectiveKind.ONE_CALL, DirectiveKind.CALL_OR_TEXT):
        return (
            "Turn parallel calls off in the model's settings, or refuse all but the first in the tool runner."
        )
    if directive.kind is DirectiveKind.NO_REPEAT:
        return "Answer a repeated call from a cache with a note that it was already made."
    if directive.kind is DirectiveKind.NO_SURRENDER:
        return "Say in the prompt what to do when the evidence is missing: a best estimate, or which other source to try."
    return "Validate replies against this rule in code, and send one that breaks it back once with the rule."
