"""Withholding: what one agent knew and the next one needed, lost in between."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from pisama.detectors.base import Detector, Example, Needs, Signal
from pisama.elements import Element, ElementKind
from pisama.features import Features, features
from pisama.handoffs import Handoff
from pisama.issue import Evidence, Issue
from pisama.patterns import lazy
from pisama.text import containment, quote
from pisama.trace import Step, Trace

_ASKS_BACK = lazy(
    r"\b(?:please|could you|can you|would you|you need to|i need you to) (?:provide|share|specify|send|supply|clarify|give me|tell me)\b"
    r"|\b(?:was|were|is|are) not (?:provided|given|specified|supplied|included)\b"
    r"|\bno (?:url|link|file|path|id|identifier|address|email|number|name|date|attachment|details?)s?\b[^.\n]{0,40}\b(?:provided|given|specified|supplied|included)\b"
    r"|\b(?:missing|without) the (?:url|link|file|path|id|identifier|address|email|number|name|date|attachment|details?)\b"
    r"|\bwhich (?:file|order|user|customer|account|page|document|url|id)\b[^.\n]{0,60}\?",
    re.IGNORECASE,
)
_FOUND = lazy(
    r"\b(?:i (?:have )?(?:found|identified|located|determined|confirmed)|the (?:answer|result|value|year|number|name|total|price) is"
    r"|(?:it|this) (?:says|states|confirms|shows) that|found (?:it|the (?:answer|value|page|record)))\b",
    re.IGNORECASE,
)
_HEARD = 20_000
"""Characters of what came back that are compared with a report."""
_NOTHING = lazy(
    r"\b(?:(?:could|can|did|was|were|am|is) ?(?:not|n['’]t|unable to) (?:be )?(?:find|found|locate|located|determine|determined|identify|retrieve|retrieved|access)"
    r"|(?:was|were|am) unable to|no (?:relevant )?(?:results?|information|data|record|evidence|answer)s? (?:was|were|could be|is|are)? ?(?:found|available|located)"
    r"|nothing (?:was )?found|cannot (?:find|locate|determine|identify))",
    re.IGNORECASE,
)
_HEDGED = lazy(
    rf"{_NOTHING.pattern}|\?|\b(?:but|however|although|only|not|no|instead|if|would|should)\b", re.IGNORECASE
)
_KEYS = frozenset({ElementKind.URL, ElementKind.EMAIL, ElementKind.PATH, ElementKind.IDENTIFIER})


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
            boss -> reader: Summarise the sales report, please.
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
        table = features(trace)
        told: set[tuple[str, str]] = set()
        for hand in table.handoffs:
            if not hand.visit:
                continue
            for issue in (*self._there(trace, table, hand), *self._back(trace, table, hand)):
                if (issue.signal, hand.target) not in told:
                    told.add((issue.signal, hand.target))
                    yield issue

    def _there(self, trace: Trace, table: Features, hand: Handoff) -> Iterator[Issue]:
        given = "\n".join((hand.request, *(message.text for message in hand.visit[0].seen)))
        knows_task = containment(table.stem_set(trace.task or ""), table.stem_set(given)) >= self.known_share
        few = len(table.stem_set(hand.request)) < self.vague_words and not table.elements(hand.request)
        if few and hand.request.strip() and not knows_task and trace.task:
            yield self._issue_at(
                trace,
                "vague",
                hand,
                hand.step,
                f"{hand.step.agent} gave {hand.target} work in words that say nothing to an agent which does not know the task.",
                hand.request,
            )
            return
        lost = [] if few else _lost_keys(trace, table, given)
        reply = "\n".join(step.words for step in hand.visit)
        if not lost:
            return
        names = ", ".join(element.text for element in lost[: self.max_shown])
        if (asking := _ASKS_BACK.search(reply)) is not None:
            signal, what, shown = "asked_back", "asks for what is missing", quote(reply, asking.start())
        elif (failing := _NOTHING.search(hand.report)) is not None:
            signal, what, shown = "key_fact", "fails", quote(hand.report, failing.start())
        else:
            return
        yield self._issue_at(
            trace,
            signal,
            hand,
            hand.step,
            f"{hand.step.agent} did not pass on {names} to {hand.target}, which {what}.",
            hand.request,
            (Evidence(shown, hand.visit[-1].index, note="the reply"),),
        )

    def _back(self, trace: Trace, table: Features, hand: Handoff) -> Iterator[Issue]:
        request, report = table.element_values(hand.request), hand.report
        if hand.step.tool_calls and hand.following is not None:
            findings = {
                element.value: element for element in table.elements(report) if element.value not in request
            }
            if len(findings) >= self.min_findings and self._missed(table, hand, set(findings)):
                names = ", ".join(element.text for element in list(findings.values())[: self.max_shown])
                yield self._issue_at(
                    trace,
                    "report_lost",
                    hand,
                    hand.step,
                    f"The report of {hand.target} ({names}) did not reach {hand.step.agent}.",
                    hand.answer or hand.request or report,
                    (Evidence(quote(report), hand.visit[-1].index, note="the report"),),
                )
                return
        if _NOTHING.search(report[:2000]) is not None:
            yield from self._left_out(trace, table, hand)

    def _missed(self, table: Features, hand: Handoff, findings: set[str]) -> bool:
        heard = "\n".join(_heard(hand))
        if hand.report in heard[:_HEARD]:
            return False
        return containment(findings, table.element_values(heard)) < self.kept_share

    def _left_out(self, trace: Trace, table: Features, hand: Handoff) -> Iterator[Issue]:
        reported = table.element_values(hand.report) | table.element_values(hand.request)
        for step in hand.visit[:-1]:
            for sentence in table.sentences(step.words):
                facts = [item for item in table.elements(sentence) if item.value not in reported]
                if (
                    facts
                    and _FOUND.search(sentence)
                    and not _NOTHING.search(sentence)
                    and "?" not in sentence
                    and self._asked_for(table, sentence, hand.request)
                ):
                    yield self._issue_at(
                        trace,
                        "finding_left_out",
                        hand,
                        hand.visit[-1],
                        f"{hand.target} reports that it found nothing, though it had said: {quote(sentence, width=120)}",
                        hand.report,
                        (Evidence(quote(sentence), step.index, note="what it had found"),),
                    )
                    return

    def _asked_for(self, table: Features, sentence: str, request: str) -> bool:
        found, wanted = table.stem_set(sentence), table.stem_set(request)
        shorter, longer = sorted((found, wanted), key=len)
        return containment(shorter, longer) >= self.asked_share

    def _issue_at(
        self,
        trace: Trace,
        signal: str,
        hand: Handoff,
        step: Step,
        summary: str,
        shown: str,
        more: tuple[Evidence, ...] = (),
    ) -> Issue:
        return self.issue(
            trace,
            signal,
            step,
            summary if summary.endswith((".", "…", "!", "?")) else f"{summary}.",
            evidence=(Evidence(quote(shown) or summary, step.index), *more),
            recommendation=_ADVICE[signal].format(target=hand.target, agent=hand.step.agent),
            about=(hand.step.agent, hand.target, shown[:400]),
        )


def _lost_keys(trace: Trace, table: Features, given: str) -> list[Element]:
    """Addresses and identifiers of the task that the target was not given."""
    heard = given.lower()
    return [
        element
        for element in table.elements(trace.task or "")
        if element.kind in _KEYS and element.text.lower() not in heard and element.value not in heard
    ]


def _heard(hand: Handoff) -> list[str]:
    """What the one who handed over was given at its next act."""
    own = [call.result or call.error or "" for call in hand.step.tool_calls]
    return own + [message.text for message in (hand.following.seen if hand.following is not None else ())]


_ADVICE = {
    "asked_back": "Hand {target} the task word for word with the request, identifiers and addresses in fields of their own.",
    "key_fact": "Hand {target} the task word for word with the request, identifiers and addresses in fields of their own.",
    "vague": "Have {agent} say what is to be done, to what, and what is to come back, or hand {target} the task itself.",
    "report_lost": "Return the report of {target} as the result of the handoff, and have {agent} print or keep it.",
    "finding_left_out": "Have the report of {target} list what was found so far, certain or not, with its sources.",
}
