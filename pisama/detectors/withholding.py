"""Withholding: what one agent knew and the next one needed, lost in between."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from pisama.detectors.base import Detector, Example, Needs, Signal
from pisama.features import features
from pisama.issue import Issue
from pisama.trace import Trace
from pisama.withheld import Bounds, withheld


class Withholding(Detector):
    """Facts that were known on one side of a handoff and missing on the other.

    ## Why it is a failure

    The agent that gets the work has to ask, to guess or to search for what was known already, and the one
    that gets the report decides without the findings.

    ## What it does not flag

    Summaries that keep the key facts, agents that hear the whole conversation, short requests to them, and
    reports that leave out what nobody asked for.

    ## How to fix it

    Hand over the task word for word with the request, pass identifiers and addresses in fields of their own,
    and have the report carry its findings and their sources.
    """

    id = "withholding"
    needs = frozenset({Needs.AGENTS, Needs.SEEN})
    tags = ("trail:Context Handling Failures", "mast:FM-2.4")
    signals: ClassVar = {
        "asked_back": Signal("the target asks for a fact that the one who handed over had", 50, 0.7),
        "key_fact": Signal(
            "a request without an identifier or address that it is about, and a failure", 40, 0.5
        ),
        "vague": Signal("a request that says nothing to an agent that knows nothing else", 40, 0.5),
        "report_lost": Signal("findings of a report that never reached the one who asked", 50, 0.6),
        "finding_left_out": Signal(
            "a report of failure by an agent that said it had found something", 45, 0.5
        ),
    }

    max_shown: Annotated[int, Field(ge=1)] = 4
    """Lost facts named in one issue."""
    min_findings: Annotated[int, Field(ge=1)] = 3
    """Facts a report must have before its loss is reported."""
    kept_share: Annotated[float, Field(ge=0, le=1)] = 0.2
    """A report that has at least this share of its facts left on arrival is a summary."""
    vague_words: Annotated[int, Field(ge=1)] = 4
    """A request with fewer content words than this, and no fact, says nothing."""
    known_share: Annotated[float, Field(ge=0, le=1)] = 0.3
    """Share of the task's words an agent must have been given to know the task."""

    asked_share: Annotated[float, Field(ge=0, le=1)] = 0.25
    """Share of its words that a finding and the request have in common (of the shorter of the two) when it is one that was asked for."""

    quiet = (
        Example(
            "found on the way what nobody had asked for",
            """
            task: Find the opening year of the museum in Oslo.
            boss: surfer(task="Find the opening year of the museum.") -> I was unable to find the year.
            surfer [context=own]: I found a scanned leaflet of 14 pages with a map and a list of sponsors.
              search(query="museum opening year") -> No results found.
            surfer [context=own]: I was unable to find the year.
            boss: The year could not be found.
            """,
        ),
        Example(
            "the request carries what is needed",
            """
            task: Summarise the page https://example.org/report-2024 for order ORD-7781.
            boss -> reader: Summarise https://example.org/report-2024 for order ORD-7781.
            reader [context=own]: visit(url="https://example.org/report-2024") -> Sales rose by 12 percent in Norway.
            reader [context=own]: Sales rose by 12 percent in Norway.
            boss: Sales rose by 12 percent in Norway.
            """,
        ),
        Example(
            "a short request to an agent that heard the task",
            """
            task: Find the opening year of the museum in Oslo and its first director.
            boss -> surfer: Please go on.
            surfer: search(query="museum Oslo") -> opened 1963
            surfer: It opened in 1963.
            """,
        ),
        Example(
            "a summary that keeps the key facts",
            """
            task: When did the three museums open?
            boss: surfer(task="Find the opening years of the museums in Oslo, Bergen and Molde.") -> Oslo 1963, Bergen 1909, Molde 1912
            surfer [context=own]: The museum in Oslo opened in 1963, after the fire. The one in Bergen opened in 1909. Molde followed in 1912.
            boss: 1963, 1909 and 1912.
            """,
        ),
        Example(
            "an address left out that the agent did not need",
            """
            task: Compare https://example.org/a with the prices in Oslo.
            boss -> surfer: Find the prices of bread in Oslo.
            surfer [context=own]: search(query="bread Oslo") -> 40 crowns
            surfer [context=own]: Bread costs 40 crowns in Oslo.
            boss: Done.
            """,
        ),
        Example(
            "an honest report of failure",
            """
            task: Find the opening year of the museum in Oslo.
            boss: surfer(task="Find the opening year of the museum in Oslo.") -> I was unable to find the year.
            surfer [context=own]: search(query="museum Oslo year") -> No results found.
            surfer [context=own]: I was unable to find the year.
            boss: The year could not be found.
            """,
        ),
    )
    fires = (
        Example(
            "the target asks for an address that the task has",
            """
            task: Summarise the page https://example.org/report-2024 for me.
            boss -> reader: Summarise the sales report of the last year for the board, please.
            reader [context=own]: Could you provide the address of the report?
            boss: The report cannot be read.
            """,
            at=(0,),
        ),
        Example(
            "the order number is not passed on and the target fails",
            """
            task: Refund order ORD-77812 of ann@example.org.
            boss -> billing: Refund the latest order of the customer.
            billing [context=own]: find_order(customer="?") -> error: customer not found
            billing [context=own]: I was unable to find the order.
            boss: It could not be refunded.
            """,
            at=(0,),
        ),
        Example(
            "a request that says nothing",
            """
            task: Find the opening year of the museum in Oslo and its first director.
            boss: surfer(task="Handle this.") -> What do you mean?
            surfer [context=own]: What do you mean?
            boss: Nothing was found.
            """,
            at=(0,),
        ),
        Example(
            "the report does not reach the one who asked",
            """
            task: When did the three museums open?
            boss: surfer(task="Find the opening years of the museums in Oslo, Bergen and Molde.") -> None
            surfer [context=own]: The museum in Oslo opened in 1963, the one in Bergen in 1909, and the one in Molde in 1912.
            boss [context=own]: The years are not known.
            """,
            at=(0,),
        ),
        Example(
            "found on the way, and not in the report",
            """
            task: Find the opening year of the museum in Oslo.
            boss: surfer(task="Find the opening year of the museum.") -> I was unable to find the year.
            surfer [context=own]: I found the record: it opened in 1963. I will look for a second source.
              search(query="museum second source") -> No results found.
            surfer [context=own]: I was unable to find the year.
            boss: The year could not be found.
            """,
            at=(2,),
        ),
    )

    def check(self, trace: Trace) -> Iterator[Issue]:
        """Every handoff, on the way there and on the way back."""
        bounds = Bounds(
            max_shown=self.max_shown,
            min_findings=self.min_findings,
            kept_share=self.kept_share,
            vague_words=self.vague_words,
            known_share=self.known_share,
            asked_share=self.asked_share,
        )
        for finding in withheld(trace, features(trace), bounds):
            yield self.issue_of(trace, finding)
