"""Context neglect: facts the agent was given, and did not use."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from pisama.detectors.base import Detector, Example, Needs, Signal
from pisama.elements import Element, ElementKind
from pisama.facts import PROSE, asked, refuses
from pisama.features import CallFeatures, canonical, features
from pisama.issue import Evidence, Issue
from pisama.known import Known
from pisama.mismatches import Sort, mismatches
from pisama.patterns import lazy
from pisama.spots import find_near
from pisama.text import quote
from pisama.trace import Step, Trace

_MISSING = lazy(
    r"\b(?:no (?P<a>{thing})s?(?: [\w ]{{0,30}})? (?:was|were|has been|have been|is) (?:provided|given|specified|included|attached|shared)"
    r"|(?P<b>{thing})s? (?:was|were|is|are|has|have)(?: not|n't)(?: been)? (?:provided|given|specified|included|attached|shared)"
    r"|you (?:have not|haven't|did not|didn't) (?:provide|provided|give|given|specify|specified|attach|attached|share|shared|include|included)"
    r" (?:me )?(?:with )?(?:any |an? |the |your )?(?P<c>{thing}))\b".format(
        thing=r"(?:file|attachment|document|image|spreadsheet|url|link|e-?mail address|date)"
    ),
    re.IGNORECASE,
)
_MISSING_WORDS = tuple(
    "provided|given|specified|included|attached|shared|have not|haven't|did not|didn't".split("|")
)
_THINGS = {
    "file": ElementKind.PATH, "attachment": ElementKind.PATH, "document": ElementKind.PATH, "image": ElementKind.PATH,
    "spreadsheet": ElementKind.PATH, "url": ElementKind.URL, "link": ElementKind.URL, "date": ElementKind.DATE,
}  # fmt: skip
_HEAVY = frozenset({ElementKind.URL, ElementKind.EMAIL, ElementKind.PATH})


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
        for issue in self._all(trace):
            if issue.signal == "never_used" and counts.keys() & {"called_missing", "slip"}:
                continue
            counts[issue.signal] = counts.get(issue.signal, 0) + 1
            if counts[issue.signal] <= self.most:
                yield issue

    def _all(self, trace: Trace) -> Iterator[Issue]:
        table = features(trace)
        known = Known(table.elements, table.told)
        by_step = table.calls_by_step
        for step in trace.steps:
            known.hear(step)
            calls = by_step.get(step.index, ())
            yield from self._asks(trace, step, known)
            yield from self._calls_missing(trace, step, known)
            for call in calls:
                yield from self._names(trace, call, known)
            for call in calls:
                known.learn(call.call, failed=call.outcome.failed or call.outcome.empty)
            known.questions = tuple(dict.fromkeys(key for key, _ in asked(step.text)))
        yield from self._unused(trace)

    def _asks(self, trace: Trace, step: Step, known: Known) -> Iterator[Issue]:
        if not known.given or not step.text or step.tool_calls:
            return
        for key, sentence in asked(step.text):
            given = known.given.get(key)
            if given is None or given.used:
                continue
            given.used = True
            name = key.replace("_", " ")
            yield self.issue(
                trace,
                "asked_again",
                step,
                f"Asks for the {name} although {given.value} was given at step {given.step}.",
                evidence=(
                    Evidence(quote(sentence), step.index, None, "asks"),
                    Evidence(quote(given.text, given.value), given.step, None, "was given"),
                ),
                recommendation=f"Keep {name} = {given.value} in the state the agent sees, and use it before asking.",
                about=("asked", key),
            )

    def _calls_missing(self, trace: Trace, step: Step, known: Known) -> Iterator[Issue]:
        match = next(find_near(_MISSING, step.text[:PROSE], _MISSING_WORDS, before=90, after=90), None)
        if match is None:
            return
        thing = (match["a"] or match["b"] or match["c"]).lower()
        kind = _THINGS.get(thing, ElementKind.EMAIL)
        given = next((element for element in known.wished if element.kind == kind), None)
        if given is None or known.failed_with(given.text) or given.text in step.text:
            return
        yield self.issue(
            trace,
            "called_missing",
            step,
            f"Says that a {thing} was not given, although the task gives {given.text}.",
            evidence=(
                Evidence(quote(step.text, match.group()), step.index, None, "says it is missing"),
                Evidence(quote(known.wishes, given.text), trace.steps[0].index, None, "was given"),
            ),
            recommendation=f"Point the agent to {given.text}, and let it try a tool on it before it says a {thing} is missing.",
            about=("missing", thing, given.value),
        )

    def _names(self, trace: Trace, call: CallFeatures, known: Known) -> Iterator[Issue]:
        for found in mismatches(call.name, call.call.arguments, known, call.step.words):
            fact, expected = found.fact, found.expected
            said, advice = _WORDS[found.sort]
            names = {
                "tool": call.name,
                "field": fact.key.replace("_", " "),
                "value": fact.value,
                "given": expected.value,
            }
            yield self.issue(
                trace,
                _SIGNALS[found.sort],
                call.step,
                said.format(**names),
                evidence=(
                    Evidence(
                        quote(_written(call), fact.value), call.step.index, call.number, "uses another value"
                    ),
                    Evidence(
                        quote(expected.text, expected.value),
                        expected.step if expected.step >= 0 else None,
                        None,
                        "was given",
                    ),
                ),
                recommendation=advice.format(**names),
                about=(call.name, fact.key, found.sort),
                call=call.number,
                # A value that the tool refused did no harm.
                severity=35 if call.outcome.failed else None,
            )

    def _unused(self, trace: Trace) -> Iterator[Issue]:
        """Addresses and paths of a short task that no call and no word of any agent holds."""
        task = trace.task or ""
        if not trace.steps or not trace.complete or len(task) > self.short_task:
            return
        heavy = {
            element.value: element for element in features(trace).elements(task) if element.kind in _HEAVY
        }
        calls = features(trace).calls
        if not 0 < len(heavy) <= self.few or not calls:
            return
        if refuses(f"{trace.final_answer or ''}\n{_written(calls[-1])}"):
            return
        done = "\n".join(
            [*(_written(call) for call in features(trace).calls), *(step.words for step in trace.steps)]
        ).lower()
        last = trace.steps[-1]
        for element in heavy.values():
            if _trace_of(element) in done:
                continue
            yield self.issue(
                trace,
                "never_used",
                last,
                f"The task gives {quote(element.text, width=80)}; no call and no word of the run uses it.",
                evidence=(Evidence(quote(task, element.text), trace.steps[0].index, None, "was given"),),
                recommendation=f"Have the agent open or use {quote(element.text, width=80)} before it answers.",
                about=("unused", element.value),
            )


_SIGNALS: dict[Sort, str] = {
    "unknown": "other_value",
    "slip": "slip",
    "year": "wrong_year",
    "date": "other_date",
    "count": "other_count",
}
_FILL = "Fill {field} from the recorded value ({given}), and reject values that no source holds."
_WORDS: dict[Sort, tuple[str, str]] = {
    "unknown": ("{tool} is called with {field} {value}, which nobody gave; given was {given}.", _FILL),
    "slip": ("{tool} is called with {field} {value}, a slip of {given}.", _FILL),
    "year": (
        "{tool} is called with {field} {value}: the day was given, that year was not.",
        "State today's date in the prompt and have the agent complete dates from it.",
    ),
    "date": ("{tool} is called with {field} {value}; the only day given was {given}.", _FILL),
    "count": ("{tool} is called with {value} as {field}; the task says {given}.", _FILL),
}


def _written(call: CallFeatures) -> str:
    return f"{call.name}({canonical(call.call.arguments).decode('utf-8', 'replace')})"


def _trace_of(element: Element) -> str:
    """The part of an address or a path that any use of it would show."""
    if element.kind == ElementKind.URL:
        return element.value.split("/", 1)[0]
    return element.value.replace("\\", "/").rsplit("/", 1)[-1]
