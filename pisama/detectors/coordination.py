"""Coordination: agents at cross purposes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from pisama.cross_purposes import Bounds, cross_purposes
from pisama.detectors.base import Detector, Example, Needs, Signal
from pisama.features import features
from pisama.issue import Issue
from pisama.trace import Trace


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
        bounds = Bounds(
            min_returns=self.min_returns,
            min_repeats=self.min_repeats,
            same_request=self.same_request,
            same_facts=self.same_facts,
            min_request_words=self.min_request_words,
            compared=self.compared,
            min_idle=self.min_idle,
        )
        for finding in cross_purposes(trace, features(trace), bounds):
            yield self.issue_of(trace, finding)
