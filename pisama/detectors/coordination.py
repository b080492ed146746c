"""Coordination: agents at cross purposes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Annotated, ClassVar

from pydantic import Field

from pisama.detectors.base import Detector, Example, Needs, Signal
from pisama.features import Features, features
from pisama.handoffs import Handoff
from pisama.issue import Evidence, Issue
from pisama.patterns import lazy
from pisama.text import overlap, quote, similarity
from pisama.trace import Step, Trace

_WAITS = lazy(
    r"\bwait(?:ing)? (?:for|until|on)\b|\bawait(?:ing)?\b|\bstanding by\b|\bonce (?:you|they|we) (?:have|provide|share|receive|get)\b"
    r"|\bplease (?:provide|share|send|supply|proceed|go ahead|continue)\b|\blet me know (?:when|once|if)\b",
    re.IGNORECASE,
)
_NOTHING_TO_RUN = lazy(r"\A(?:there is no code from|no code blocks? (?:found|to execute))", re.IGNORECASE)
_TAIL = 1_500
"""Characters at the end of a turn in which it says what it waits for."""


class Coordination(Detector):
    """Agents that pass work to and fro, wait for each other, or ask what nobody answers.

    ## Why it is a failure

    Each agent believes that another one is at it. Turns and tokens are spent on handing over, and the work
    stops without any of them noticing.

    ## What it does not flag

    A reviewer and a writer who get nearer to the goal with each round, a handoff that is returned once,
    instructions that differ in their object, a second agent asked after the first one failed, and questions
    that a user answers.

    ## How to fix it

    Give each kind of work one owner, let the one who hands over say what is to come back, count handoffs
    that bring nothing new, and let the third of them go to a person or to another plan.
    """

    id = "coordination"
    needs = frozenset({Needs.AGENTS})
    tags = ("trail:Task Orchestration Errors", "mast:FM-1.3", "mast:FM-2.2", "mast:FM-2.5")
    signals: ClassVar = {
        "ping_pong": Signal("two agents hand the same work to each other again and again", 60, 0.75),
        "unanswered": Signal("work given to an agent that does not act on it", 45, 0.6),
        "duplicate": Signal("the same work given to two agents before either answered", 30, 0.5),
        "repeated": Signal("the same instruction to the same agent again and again", 40, 0.55),
        "stalled": Signal("turn after turn in which each agent waits for another", 45, 0.6),
    }

    min_returns: Annotated[int, Field(ge=3)] = 4
    """Handoffs between the same two agents in a row, to and fro, with no work between them."""
    min_repeats: Annotated[int, Field(ge=2)] = 3
    """Times an instruction must be given to an agent before that is reported."""
    same_request: Annotated[float, Field(gt=0, le=1)] = 0.88
    """Similarity from which two requests are the same."""
    same_facts: Annotated[float, Field(gt=0, le=1)] = 0.7
    """Share of common names, numbers and quoted words from which two similar requests have one object."""
    min_request_words: Annotated[int, Field(ge=1)] = 4
    """Content words a request must have to be compared."""
    compared: Annotated[int, Field(ge=1)] = 8
    """Latest distinct requests to an agent that a new one is compared with."""
    min_idle: Annotated[int, Field(ge=2)] = 3
    """Turns in a row that only wait."""

    quiet = (
        Example(
            "a reviewer loop that converges",
            """
            task: Write a haiku about rain.
            writer -> reviewer: Soft rain on the roof, the cat sleeps. Please review it.
            reviewer -> writer: The second line has four syllables; it needs seven.
            writer -> reviewer: Soft rain on the roof, the old cat sleeps all day long. Please review it.
            reviewer -> writer: Now the third line is missing.
            writer -> reviewer: Soft rain on the roof, the old cat sleeps all day long, dreaming of dry birds.
            reviewer: Approved.
            """,
        ),
        Example(
            "a handoff that is returned once",
            """
            task: I want a refund for order 7.
            triage: transfer_to_billing() -> Transferred to billing
            billing: transfer_to_triage() -> Transferred to triage
            triage: transfer_to_refunds() -> Transferred to refunds
            refunds: refund(order=7) -> refunded
            """,
        ),
        Example(
            "instructions that differ in their object",
            """
            task: Compare three museums.
            boss -> surfer: Find the opening year of the museum in Oslo.
            surfer: 1963.
            boss -> surfer: Find the opening year of the museum in Rome.
            surfer: 1871.
            boss -> surfer: Find the opening year of the museum in Bergen.
            surfer: 1909.
            """,
        ),
        Example(
            "another agent is asked after the first one failed",
            """
            task: Find the opening year of the museum in Oslo.
            boss -> surfer: Find the opening year of the museum in Oslo.
            surfer: I could not open the page.
            boss -> archivist: Find the opening year of the museum in Oslo.
            archivist: 1963.
            """,
        ),
        Example(
            "questions that the user answers",
            """
            task: Book a table.
            host: Please provide the date.
            user: Friday.
            host: Please provide the time.
            user: At eight.
            host -> booker: Book a table for Friday at eight.
            booker: book(day="Friday", hour=20) -> booked
            """,
        ),
        Example(
            "one turn of waiting",
            """
            task: Build and test.
            builder: build() -> started
            tester: I am waiting for the build.
            builder: build_status() -> done
            tester: run_tests() -> 12 passed
            """,
        ),
    )
    fires = (
        Example(
            "two agents transfer a customer to each other",
            """
            task: I want a refund for order 7.
            triage: transfer_to_billing() -> Transferred to billing
            billing: transfer_to_triage() -> Transferred to triage
            triage: transfer_to_billing() -> Transferred to billing
            billing: transfer_to_triage() -> Transferred to triage
            triage: I am sorry.
            """,
            at=(0,),
        ),
        Example(
            "work given to an agent that does not act on it",
            """
            task: Write and check the report.
            boss -> checker: Please check the figures of the report.
            writer: Here is the report.
            boss: The report is checked.
            """,
            at=(0,),
        ),
        Example(
            "the same work to two agents at once",
            """
            task: Find the opening year of the museum in Oslo.
            boss: Task(agent="surfer", prompt="Find the opening year of the museum in Oslo.")
              Task(agent="archivist", prompt="Find the opening year of the museum in Oslo.")
            surfer: 1963.
            archivist: 1963.
            """,
            at=(0,),
        ),
        Example(
            "the same instruction three times",
            """
            task: Find the opening year of the museum in Oslo.
            boss -> surfer: Please scroll down to find the opening year of the museum.
            surfer: scroll() -> the same page
            boss -> surfer: Please scroll down to find the opening year of the museum.
            surfer: scroll() -> the same page
            boss -> surfer: Please scroll down to find the opening year of the museum.
            surfer: scroll() -> the same page
            """,
            at=(4,),
        ),
        Example(
            "each waits for the other",
            """
            task: Compare the populations of two towns.
            analyst: Once you have the figures, I will compare them. Please provide them.
            checker: I am waiting for the figures of the analyst.
            analyst: Please share the figures when they are there.
            checker: Waiting for the figures.
            """,
            at=(0,),
        ),
    )

    def check(self, trace: Trace) -> Iterator[Issue]:
        """Handoffs first, then turns in which nobody works."""
        table = features(trace)
        yield from self._ping_pong(trace, table)
        yield from self._unanswered(trace, table)
        yield from self._same_work(trace, table)
        yield from self._stalled(trace)

    def _ping_pong(self, trace: Trace, table: Features) -> Iterator[Issue]:
        run: list[Handoff] = []
        for hand in (*table.handoffs, None):
            if (
                hand is not None
                and run
                and _returns(run[-1], hand)
                and not _worked(trace.steps, run[-1], hand)
            ):
                run.append(hand)
                continue
            if len(run) >= self.min_returns and not self._progress(run):
                first = run[0]
                yield self._told(
                    trace,
                    "ping_pong",
                    first,
                    f"{first.step.agent} and {first.target} handed the work to each other {len(run)} times with nothing done in between.",
                    f"Let a handoff back to the one who handed over go to a third party, and say in {first.target} what it must not pass on.",
                    run,
                )
            run = [] if hand is None else [hand]

    def _progress(self, run: Sequence[Handoff]) -> bool:
        """Whether what one of the two says is new each time, as drafts and reviews are."""
        said = [hand.request for hand in run[::2]]
        return all(said) and all(similarity(one, other) < self.same_request for one, other in pairwise(said))

    def _unanswered(self, trace: Trace, table: Features) -> Iterator[Issue]:
        seen: set[str] = set()
        for hand in table.handoffs:
            later = trace.steps[hand.place + 1 : hand.place + 2]
            heard = any(message.role != "user" for message in later[0].seen[:20]) if later else True
            back = later and later[0].agent == hand.step.agent and heard
            if hand.visit or hand.answer or not later or back or not trace.complete or hand.target in seen:
                continue
            if hand.call is not None and hand.step.tool_calls[hand.call].error is not None:
                continue
            seen.add(hand.target)
            yield self._told(
                trace,
                "unanswered",
                hand,
                f"{hand.step.agent} gave work to {hand.target}, which did not act on it, and the run went on.",
                f"Check that {hand.target} exists and is started, and have {hand.step.agent} wait for its answer or take the work back.",
                [hand],
            )

    def _same_work(self, trace: Trace, table: Features) -> Iterator[Issue]:
        rows: dict[str, list[list[Handoff]]] = {}
        open_work: list[Handoff] = []
        for hand in table.handoffs:
            if len(table.stem_set(hand.request[:400])) < self.min_request_words:
                continue
            open_work = [other for other in open_work if not _answered(other, hand)][-self.compared :]
            twin = next((other for other in open_work if self._same(table, other, hand)), None)
            if twin is not None and twin.target != hand.target:
                yield self._told(
                    trace,
                    "duplicate",
                    hand,
                    f"{hand.step.agent} gave {hand.target} the work that {twin.target} already had.",
                    "Give each piece of work one owner, or say that a second opinion is wanted.",
                    [hand, twin],
                )
            open_work.append(hand)
            row = self._row(table, rows.setdefault(hand.target, []), hand)
            if len(row) == self.min_repeats:
                yield self._told(
                    trace,
                    "repeated",
                    hand,
                    f"{hand.step.agent} gave {hand.target} the same instruction for the {_ordinal(len(row))} time.",
                    f"After the second answer without the result, have {hand.step.agent} change the instruction, the agent or the plan.",
                    row,
                )

    def _row(self, table: Features, rows: list[list[Handoff]], hand: Handoff) -> list[Handoff]:
        for row in rows[-self.compared :]:
            if self._same(table, row[0], hand):
                row.append(hand)
                return row
        rows.append([hand])
        return rows[-1]

    def _same(self, table: Features, one: Handoff, other: Handoff) -> bool:
        if similarity(one.request, other.request, self.same_request) < self.same_request:
            return False
        # One instruction for another object: "check the year of A", "check the year of B".
        facts, others = table.element_values(one.request), table.element_values(other.request)
        return facts == others or overlap(facts, others) >= self.same_facts

    def _stalled(self, trace: Trace) -> Iterator[Issue]:
        run: list[Step] = []
        for place, step in enumerate((*trace.steps, None)):
            following = trace.steps[place + 1] if place + 1 < len(trace.steps) else None
            if step is not None and _idle(trace, step, following):
                run.append(step)
                continue
            if len(run) >= self.min_idle and len({idle.agent for idle in run}) > 1:
                agents = " and ".join(sorted({idle.agent for idle in run}))
                yield self.issue(
                    trace,
                    "stalled",
                    run[0],
                    f"{len(run)} turns in a row of {agents} did nothing but wait or ask for something.",
                    evidence=tuple(Evidence(_quoted(idle), idle.index) for idle in run[: self.min_idle]),
                    recommendation="Have an agent that needs something name the one who has it, and end the run when two turns in a row only wait.",
                    about=(agents,),
                )
            run = []

    def _told(
        self,
        trace: Trace,
        signal: str,
        hand: Handoff,
        summary: str,
        advice: str,
        shown: Sequence[Handoff],
    ) -> Issue:
        return self.issue(
            trace,
            signal,
            hand.step,
            summary,
            evidence=tuple(
                Evidence(
                    quote(other.request) or f"{other.step.agent} → {other.target}",
                    other.step.index,
                    other.call,
                )
                for other in shown[: self.min_returns]
            ),
            recommendation=advice,
            about=(hand.step.agent, hand.target, hand.request[:400]),
            call=hand.call,
        )


def _returns(one: Handoff, other: Handoff) -> bool:
    return one.step.agent == other.target and one.target == other.step.agent


def _worked(steps: Sequence[Step], one: Handoff, other: Handoff) -> bool:
    """Whether a tool other than the handoff was called from one handoff up to the next."""
    handing = {(one.place, one.call), (other.place, other.call)}
    return any(
        (place, number) not in handing
        for place in range(one.place, other.place + 1)
        for number, _ in enumerate(steps[place].tool_calls)
    )


def _answered(one: Handoff, later: Handoff) -> bool:
    """Whether work had come back before other work was given out."""
    return one.step is not later.step and bool(
        one.answer or (one.visit and one.visit[0].index < later.step.index)
    )


def _idle(trace: Trace, step: Step, following: Step | None) -> bool:
    if step.tool_calls or step.recipient:
        return False
    given = following.seen if following is not None else ()
    if any(message.role == "user" and message.text != trace.task for message in given):
        return False
    # Who opens the talk states the task, and need not bring code.
    nothing = step is not trace.steps[0] and any(
        _NOTHING_TO_RUN.match(message.text[:80]) for message in (following.seen if following else ())
    )
    return nothing or _WAITS.search(step.text[-_TAIL:]) is not None


def _quoted(step: Step) -> str:
    tail = step.text[-_TAIL:]
    found = _WAITS.search(tail)
    return quote(tail, found.start() if found else 0) or f"{step.agent} says nothing"


def _ordinal(number: int) -> str:
    return {2: "second", 3: "third", 4: "fourth", 5: "fifth"}.get(number, f"{number}th")
