"""Context neglect: facts the agent was given, and did not use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from pisama.detectors.base import Detector, Example, Needs, Signal
from pisama.features import features
from pisama.issue import Issue
from pisama.neglected import neglected
from pisama.trace import Trace


class ContextNeglect(Detector):
    """What the agent was given is ignored: it asks again, calls it missing, or uses another value.

    ## Why it is a failure

    A fact in the context that is not used is as good as lost. The agent acts on the wrong order, date or
    file, or makes a person say again what they have said.

    ## What it does not flag

    Questions that confirm, correct or ask for a second value; a value that was tried and failed;
    values that stand anywhere in what the agent saw; new names in calls that create something;
    facts of long tasks, of which any summary uses few.

    ## How to fix it

    Keep the facts of the task in a short state block that is repeated in each prompt, fill arguments
    from recorded fields and not from memory, and check calls against the values given.
    """

    id = "context_neglect"
    needs = frozenset({Needs.SEEN})
    tags = ("trail:Context Handling Failures", "mast:FM-1.4", "mast:FM-2.5")
    signals: ClassVar = {
        "asked_again": Signal("asks for what it was given and has not used", 50, 0.5),
        "called_missing": Signal("says that something was not given although it was", 50, 0.65),
        "other_value": Signal(
            "a call names a value nobody gave, though one was given for that field", 55, 0.5
        ),
        "slip": Signal("a call uses a value that nobody gave and that is nearly the given one", 62, 0.5),
        "other_date": Signal("a call uses another day than the only one given", 50, 0.6),
        "other_count": Signal("a call uses another number of things than the task says", 50, 0.6),
        "wrong_year": Signal("a date of the task is used with a year nobody gave", 55, 0.75),
        "never_used": Signal("an address or a path of a short task is used in no call and no word", 35, 0.45),
    }

    short_task: Annotated[int, Field(ge=1)] = 1_500
    """Characters up to which every address or path of the task is taken to matter."""
    few: Annotated[int, Field(ge=1)] = 3
    """Addresses and paths up to which each of them is taken to matter."""
    most: Annotated[int, Field(ge=1)] = 5
    """Issues of one signal in one trace."""

    quiet = (
        Example(
            "the id is used",
            """
            task: Cancel my booking. My reservation id is EHGLP3.
            agent: cancel(reservation_id="EHGLP3") -> {"status": "cancelled"}
            agent: Your booking is cancelled.
            """,
        ),
        Example(
            "the lookup failed, so it asks again",
            """
            task: Cancel my booking. My reservation id is EHGLP3.
            agent: get(reservation_id="EHGLP3") -> Error: reservation not found
            agent: Could you please provide your reservation ID?
            """,
        ),
        Example(
            "asks to confirm",
            """
            task: My user id is anna_12. Cancel the trip.
            agent: Could you please confirm your user ID and provide the reservation number?
            """,
        ),
        Example(
            "another value that a result returned",
            """
            task: Change the flight of my reservation EHGLP3, user id anna_12.
            agent: get_user(user_id="anna_12") -> {"reservations": ["EHGLP3", "M05KNL"]}
            agent: get_reservation(reservation_id="M05KNL") -> {"reservation_id": "M05KNL"}
            agent: get_reservation(reservation_id="EHGLP3") -> {"reservation_id": "EHGLP3"}
            """,
        ),
        Example(
            "a new id is made for a new thing",
            """
            task: Copy order W10045 to a new order.
            agent: get_order(order_id="W10045") -> {"order_id": "W10045", "total": 12}
            agent: create_order(order_id="W20001", total=12) -> ok
            """,
        ),
        Example(
            "the file could not be read, and that is said",
            """
            task: How many rows has data/rows.csv?
            agent: read(path="data/rows.csv") -> error: no such file
            agent: The file was not provided in the workspace: data/rows.csv does not exist.
            """,
        ),
        Example(
            "a summary uses few of the facts it was given",
            """
            task: Summarise the minutes in one sentence.
            agent: read(name="minutes") -> 12 May: Anna (id A-17) spent 1,204.50 EUR, Bob 88 EUR; see https://a.org/m/17
            agent: Two people reported what they spent.
            """,
        ),
        Example(
            "the page of the task is opened under another spelling",
            """
            task: What does https://www.example.org/Prices say about tea?
            agent: open(url="http://example.org/prices/") -> tea 3 EUR
            agent: Tea is 3 EUR.
            """,
        ),
        Example(
            "a date worked out from the task",
            """
            task: Find the cheapest flight within 3 days after 2026-05-12 for 2 passengers.
            agent: search(date="2026-05-13", passengers=2) -> 100 EUR
            agent: search(date="2026-05-14", passengers=2) -> 90 EUR
            """,
        ),
    )
    fires = (
        Example(
            "asks for the id it was given",
            """
            task: Hi, my user id is anna_12. Please cancel my trip to Rome.
            agent: I can help. Could you please provide your user ID?
            """,
            at=(0,),
        ),
        Example(
            "the answer to its own question is asked for again",
            """
            task: Please cancel my trip to Rome.
            agent: Could you provide your user ID?
            user: Sure, it's anna_12.
            agent: Thanks. Please provide your user ID so that I can look.
            """,
            at=(1,),
        ),
        Example(
            "calls with a mistyped id",
            """
            task: Cancel my booking. My reservation id is EHGLP3.
            agent: get(reservation_id="EHLGP3") -> {"reservation_id": "EHLGP3", "price": 10}
            """,
            at=(0,),
        ),
        Example(
            "the tool returned the id, the next call uses another",
            """
            task: Pay the invoice of Anna.
            agent: find(name="Anna") -> {"invoice_id": "INV-20931", "total": 30}
            agent: pay(invoice_id="INV-10001") -> paid
            """,
            at=(1,),
        ),
        Example(
            "says that no file was attached",
            """
            task: How many rows has the attached file data/rows.csv?
            agent: I cannot tell, because no file was provided.
            """,
            at=(0,),
        ),
        Example(
            "another day and another number than the task says",
            """
            task: Book a table at Luigi's for 4 guests on 2026-05-12.
            agent: reserve(restaurant="Luigi's", guests=2, date="2026-05-21") -> {"status": "booked"}
            agent: Your table is booked.
            """,
            at=(0, 0),
        ),
        Example(
            "a file name that is nearly the given one",
            """
            task: Sum the column total of data/sales_2024.csv.
            agent: read(path="data/sales_2023.csv") -> total\\n1
            """,
            at=(0,),
        ),
        Example(
            "the year is invented",
            """
            system: The current time is 2024-05-15 15:00.
            task: Find flights to Rome on May 20.
            agent: search(to="Rome", date="2023-05-20") -> no flights
            """,
            at=(0,),
        ),
    )

    def check(self, trace: Trace) -> Iterator[Issue]:
        """The steps in order, then what the whole run left unused."""
        counts: dict[str, int] = {}
        for finding in neglected(trace, features(trace), self.short_task, self.few):
            # What is called missing or misspelled is unused for that reason.
            if finding.signal == "never_used" and counts.keys() & {"called_missing", "slip"}:
                continue
            counts[finding.signal] = counts.get(finding.signal, 0) + 1
            if counts[finding.signal] <= self.most:
                yield self.issue_of(trace, finding)
