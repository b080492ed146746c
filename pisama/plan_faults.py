"""What is wrong with a plan by itself: steps that repeat, turn in circles, wait for what is not there, or say nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from pisama.features import Features
from pisama.patterns import lazy
from pisama.plans import Plan, PlanStep
from pisama.text import quote, words

_FILLER = lazy(
    r"\b(?:tbd|t\.b\.d\.|to be (?:determined|decided|defined)|and so on|etc|as needed|somehow"
    r"|figure (?:it|this|things|everything) out|whatever (?:is|else)"
    r"|(?:do|handle|finish|complete|solve) (?:it|this|everything|the (?:rest|task|work|problem|remaining)))\b",
    re.IGNORECASE,
)
_READ = 400
"""Characters of a step that are looked at for what it is about."""


class PlanFault(NamedTuple):
    """One thing that is wrong with a plan."""

    signal: str
    """`circular`, `missing_step`, `repeated` or `vague`."""
    summary: str
    shown: str
    """The words that show it."""
    advice: str


def faults(plan: Plan, table: Features) -> Iterator[PlanFault]:
    """What is wrong with the plan, whatever the task is."""
    ring, lost, twice = circular(plan), absent(plan), repeated(plan)
    if ring is not None:
        what = (
            f"Steps {', '.join(ring)} of the plan wait"
            if len(ring) > 1
            else f"Step {ring[0]} of the plan waits"
        )
        shown = next(step.text for step in plan.steps if step.key == ring[0])
        end = "for each other" if len(ring) > 1 else "for itself"
        yield PlanFault(
            "circular",
            f"{what} {end}.",
            shown,
            "Order the steps before the first one runs, and refuse a plan that has no order.",
        )
    elif lost is not None:
        summary = f"A step of the plan waits for step {lost[1]}, which the plan does not have."
        yield PlanFault(
            "missing_step",
            summary,
            lost[0].text,
            "Check that each step needs only steps that are in the plan.",
        )
    if twice is not None:
        summary = f"The plan has the same step twice: {_sentence(twice.text)}"
        yield PlanFault(
            "repeated", summary, twice.text, "Drop the second of the two steps, or say how they differ."
        )
    empty = vague(plan, table)
    if plan.announced and len(plan.steps) > 1 and len(empty) * 2 > len(plan.steps):
        summary = f"{len(empty)} of the {len(plan.steps)} steps of the plan do not say what is to be done."
        advice = "Have each step name its object, its tool or owner, and how to tell that it is done."
        yield PlanFault("vague", summary, empty[0].text, advice)


def repeated(plan: Plan) -> PlanStep | None:
    """The first step that says word for word what an earlier one said, case and punctuation aside."""
    met: set[tuple[str | None, str | None, tuple[str, ...]]] = set()
    for step in plan.steps:
        said = tuple(words(step.text[:1000]))
        if (step.owner, step.state, said) in met:
            return step
        if len(said) > 3:
            met.add((step.owner, step.state, said))
    return None


def circular(plan: Plan) -> tuple[str, ...] | None:
    """Keys of steps that wait for each other, in order; None when the steps can be done in some order."""
    needs = {step.key: step.depends for step in plan.steps if step.key}
    done: set[str] = set()
    for start in needs:
        path: dict[str, None] = {}
        stack = [(start, False)]
        while stack:
            key, leaving = stack.pop()
            if leaving:
                path.popitem()
                done.add(key)
            elif key in path:
                order = list(path)
                return tuple(order[order.index(key) :])
            elif key not in done and key in needs:
                path[key] = None
                stack.append((key, True))
                stack.extend((other, False) for other in needs[key])
    return None


def absent(plan: Plan) -> tuple[PlanStep, str] | None:
    """The first step that waits for a step which the plan does not have, with that step's key."""
    keys = {step.key for step in plan.steps}
    return next(((step, key) for step in plan.steps for key in step.depends if key not in keys), None)


def vague(plan: Plan, table: Features) -> tuple[PlanStep, ...]:
    """The steps that name no object: a bare verb, or filler in place of what is to be done."""
    return tuple(step for step in plan.steps if step.tool is None and _says_nothing(step.text[:_READ], table))


def _says_nothing(text: str, table: Features) -> bool:
    content = len(table.stems(text))
    return content < 2 or (content < 5 and _FILLER.search(text) is not None)


def _sentence(text: str) -> str:
    shown = quote(text, width=90)
    return shown if shown.endswith((".", "…", "!", "?")) else f"{shown}."
