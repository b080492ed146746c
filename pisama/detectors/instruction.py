"""Instruction: an explicit, literal directive of a prompt is broken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from pisama.breaches import Breach, breaches
from pisama.detectors.base import Detector, Example, Needs, Signal
from pisama.directives import Directive, DirectiveKind
from pisama.issue import Evidence, Issue
from pisama.text import quote
from pisama.trace import Trace

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
        for breach in breaches(trace, self.min_replies):
            yield self._report(trace, breach)

    def _report(self, trace: Trace, breach: Breach) -> Issue:
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
