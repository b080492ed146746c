"""Specification: what the task requires is not in what was delivered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar

import orjson
from pydantic import Field

from pisama.claims import gives_up
from pisama.detectors.base import Detector, Example, Needs, Signal
from pisama.features import canonical, features
from pisama.issue import Evidence, Issue
from pisama.requirements import (
    Requirement,
    RequirementKind,
    covered,
    has_table,
    items_of,
    language_of,
    requirements,
)
from pisama.text import quote
from pisama.trace import Step, Trace


class Specification(Detector):
    """A requirement of the task is not met by what was delivered.

    ## Why it is a failure

    The answer may be right in itself and still useless: the part that was asked for is missing, the
    program that reads it cannot parse it, or there are three items where five were wanted.

    ## What it does not flag

    A requirement met in a tool call or a written file in place of the prose, other words for the same
    thing, and a run that says openly that it could not deliver.

    ## How to fix it

    Have the agent list the requirements first and check its answer against each of them before it
    ends; enforce forms with structured output rather than with words.
    """

    id = "specification"
    needs = frozenset({Needs.TASK, Needs.ANSWER})
    tags = ("trail:Instruction Non-compliance", "mast:FM-1.1")
    signals: ClassVar[Mapping[str, Signal]] = {
        "count": Signal("another number of items than the task asks for", 45, 0.7),
        "form": Signal("an answer in another form than the task asks for", 50, 0.7),
        "language": Signal("an answer in another language than the task asks for", 60, 0.85),
        "topic": Signal("something the task says must be included is nowhere in what was delivered", 50, 0.6),
    }
    min_coverage: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Share of a required topic's words, or synonyms of theirs, that must occur in what was delivered."""
    min_answer: Annotated[int, Field(ge=1)] = 12
    """Words an answer must have before missing topics count: shorter ones are refusals and file names."""

    quiet = (
        Example(
            "a demand on how to work, not on what to deliver",
            """
            task: Add a licence to the repository. You MUST include proper indentation in your edit commands.
            agent: write_file(path="LICENSE", text="MIT License, Copyright the authors, permission is hereby granted") -> ok
            agent: The MIT licence has been added to the repository as LICENSE, in the standard wording that the site offers.
            """,
        ),
        Example(
            "every requirement is met, in other words",
            """
            task: Compare two cloud databases. The report must include price, drawbacks and sources.
            agent: Both cost 20 USD a month. The first has one weakness, slow writes; the second has none that matters. References: vendor pages.
            """,
        ),
        Example(
            "the requirement is met in a file",
            """
            task: Write a report on solar power. It must include efficiency, costs and recycling of panels.
            agent: write_file(path="report.md", text="Efficiency is 22%. Costs fell by half. Recycling of panels is young.") -> ok
            agent: I have written the report on solar power to report.md, as you asked me to, with a section on each of the points.
            """,
        ),
        Example(
            "the right number of items",
            """
            task: Give me three ideas for a name.
            agent: Here they are:
              1. Fjord
              2. Nimbus
              3. Harbour
            """,
        ),
        Example(
            "JSON in a code fence",
            """
            task: Return the capital of France as JSON.
            agent: ```json\\n{"capital": "Paris"}\\n```
            """,
        ),
        Example(
            "it says that it could not",
            """
            task: List five books by the author.
            agent: I could not reach the library catalogue, so I cannot list them.
            """,
        ),
    )
    fires = (
        Example(
            "a required part is missing",
            """
            task: Compare two cloud databases. The report must include price, replication and backup retention.
            agent: Both are priced at 20 USD a month, and both offer replication across three regions with no extra charge at all.
            """,
            at=(0,),
        ),
        Example(
            "three items in place of five",
            """
            task: List five reasons to use typed code.
            agent: Here are some:
              1. Errors show early.
              2. Editors help more.
              3. Changes are safer.
            """,
            at=(0,),
        ),
        Example(
            "prose in place of JSON",
            """
            task: Return the capital of France as JSON.
            agent: The capital of France is Paris.
            """,
            at=(0,),
        ),
        Example(
            "the wrong language",
            """
            task: Summarise the meeting in German.
            agent: The team met on Monday and it was agreed that the release is moved to June, with the tests to be done in May and the docs in April.
            """,
            at=(0,),
        ),
    )

    def check(self, trace: Trace) -> Iterator[Issue]:
        """Each requirement of the task against the answer and everything the agents wrote."""
        answer, step = trace.final_answer or "", _answering(trace)
        if step is None or not answer.strip() or gives_up(answer):
            return
        written: frozenset[str] | None = None
        for requirement in dict.fromkeys(requirements(trace.task or "")):
            if requirement.kind is RequirementKind.TOPIC:
                if written is None:
                    written = _written(trace)
                problem = self._missing(requirement, answer, written)
            else:
                problem = _breach(requirement, answer)
            if problem is not None:
                yield self._issue(trace, step, requirement, answer, problem)

    def _missing(self, requirement: Requirement, answer: str, written: frozenset[str]) -> str | None:
        if len(answer.split()) < self.min_answer or covered(requirement.value, written) >= self.min_coverage:
            return None
        return f"nothing that was delivered mentions {requirement.value}"

    def _issue(self, trace: Trace, step: Step, requirement: Requirement, answer: str, problem: str) -> Issue:
        return self.issue(
            trace,
            requirement.kind.value,
            step,
            f"The task says “{quote(requirement.text, width=100)}”, but {problem}.",
            evidence=(
                Evidence(quote(answer), step.index, note="the answer"),
                Evidence(quote(requirement.text), note="the task"),
            ),
            recommendation=f"Check the answer against “{quote(requirement.text, width=80)}” before it is accepted.",
            about=(requirement.text, requirement.value),
        )


def _answering(trace: Trace) -> Step | None:
    """The step that gives the answer: the last that says something or calls something."""
    return next((step for step in reversed(trace.steps) if step.text or step.tool_calls), None)


def _written(trace: Trace) -> frozenset[str]:
    """The stems of all that the agents said and wrote through tools."""
    table = features(trace)
    found = set(table.stem_set(trace.final_answer or ""))
    for step in trace.steps:
        found |= table.stem_set(step.text[:20_000])
        for call in step.tool_calls:
            found |= table.stem_set(canonical(call.arguments)[:20_000].decode("utf-8", "replace"))
    return frozenset(found)


def _breach(requirement: Requirement, answer: str) -> str | None:
    if requirement.kind is RequirementKind.COUNT:
        items = items_of(answer)
        return f"the answer has {items} items" if items >= 2 and items != int(requirement.value) else None
    if requirement.kind is RequirementKind.LANGUAGE:
        spoken = language_of(answer)
        return (
            f"the answer is in {spoken.title()}"
            if spoken is not None and spoken != requirement.value
            else None
        )
    if requirement.value == "json":
        return None if _holds_json(answer) else "the answer holds no JSON"
    if requirement.value == "table":
        return None if has_table(answer) or len(answer.split()) < 8 else "the answer holds no table"
    return None


def _holds_json(answer: str) -> bool:
    begin = min((place for place in (answer.find("{"), answer.find("[")) if place >= 0), default=-1)
    end = max(answer.rfind("}"), answer.rfind("]"))
    if begin < 0 or end < begin:
        return False
    try:
        orjson.loads(answer[begin : end + 1])
    except orjson.JSONDecodeError:
        return False
    return True
