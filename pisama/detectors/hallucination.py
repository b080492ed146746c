"""Hallucination: the agent says that something was done which no tool did."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from pisama.acts import command_of, is_executor
from pisama.detectors.base import Detector, Example, Needs, Signal
from pisama.features import CallFeatures
from pisama.issue import Evidence, Issue
from pisama.text import quote
from pisama.trace import Trace
from pisama.unbacked import Kind, Unbacked, unbacked

_REMEDIES: dict[Kind, str] = {
    "claimed_after_error": "Let the agent report success of {name} only from a result that confirms it, and report the error otherwise.",
    "claimed_without_call": "Compare the agent's report with the calls it made, and refuse a report of an act that no call carried out.",
    "checked_without_call": "Require a tool result behind every statement that something was searched, run or verified.",
    "answer_without_retrieval": "Do not accept a final answer before the retrieval steps of the plan have results, and have the answer cite them.",
    "retrieval_claimed": "Hold the sources an answer speaks of against the record of calls, and refuse an answer whose searches never ran.",
    "guessed": "Have the agent give its answer together with what it could not find, and let it end with “not found” without penalty.",
    "simulated": "Let the agent stop and say what it could not get; made-up data must never stand in for a result.",
}
_SUMMARIES: dict[Kind, str] = {
    "claimed_without_call": "{agent} says {words}, but no call up to here did that.",
    "checked_without_call": "{agent} says {words}, but nothing of the kind had been called.",
    "answer_without_retrieval": "{agent} answers without any call that could know, though the plan says {words}.",
    "retrieval_claimed": "{agent} speaks of something looked up ({verb}), but no call could know, though the plan says {words}.",
    "guessed": "{agent} says that nothing was found, settles for a guess ({words}) and gives it as the answer.",
    "simulated": "{agent} makes up what it should have got: {words}.",
}


class Hallucination(Detector):
    """The agent says that something was done which no tool did.

    ## Why it is a failure

    Whoever reads the answer acts on it: the flight that was never booked, the build that never
    passed, the source that was never opened. Nothing in the answer shows that it is not so.

    ## What it does not flag

    An agent that owns up that it could not; a failure that a later call made good, the same tool's or
    another's; plans, offers and conditions; answers to tasks that need no tool; made-up data that
    the task asked for.

    ## How to fix it

    Give the agent the status of each call in a form that it cannot overlook, have the final report
    written from the record of calls, and let it end with "not done" without penalty.
    """

    id = "hallucination"
    needs = frozenset({Needs.STEPS, Needs.TEXT})
    tags = ("trail:Tool-related", "trail:Language-only", "mast:FM-3.3")
    covers: ClassVar = frozenset(
        {
            "grounding.answer",
            "grounding.figures",
            "grounding.names",
            "grounding.reference",
            "tool_error.ignored",
        }
    )
    signals: ClassVar = {
        "claimed_after_error": Signal("success is claimed for an act whose every call failed", 80, 0.85),
        "claimed_without_call": Signal("an act is claimed that no call carried out", 62, 0.7),
        "checked_without_call": Signal(
            "a search, test or check is claimed before any tool was used", 50, 0.6
        ),
        "answer_without_retrieval": Signal(
            "the answer comes without the retrieval that the plan demands", 65, 0.75
        ),
        "retrieval_claimed": Signal("the answer speaks of a retrieval that never took place", 70, 0.8),
        "guessed": Signal("a guess after failed searches is given as the answer", 35, 0.5),
        "simulated": Signal("results are made up in place of a call", 58, 0.6),
    }

    max_issues: Annotated[int, Field(ge=1)] = 3
    """Issues of one signal in one trace; further ones repeat the same failure."""

    quiet = (
        Example(
            "a retry with a corrected amount succeeds",
            """
            task: Book me a flight to Seattle.
            tools: book_flight(flight, amount)
            agent: book_flight(flight="HAT136", amount=255) -> Error: payment amount does not add up, total price is 305
            agent: book_flight(flight="HAT136", amount=305) -> {"reservation_id": "HATHAT"}
            agent: Your flight is booked!
            """,
        ),
        Example(
            "owns up that it failed",
            """
            task: Book me a flight to Seattle.
            agent: book_flight(flight="HAT136") -> error: service unavailable
            agent: I am sorry, the flight could not be booked: the booking service is down.
            """,
        ),
        Example(
            "recovers with another tool",
            """
            task: Rename the function in a.py.
            agent: edit(path="a.py", old="f", new="g") -> error: old string not found
            agent: bash(command="sed -i s/f/g/ a.py") -> done
            agent: I have updated a.py.
            """,
        ),
        Example(
            "an offer and a condition are no claims",
            """
            task: Cancel my trip.
            tools: get_reservation(id), cancel_reservation(id)
            agent: get_reservation(id="A1") -> {"id": "A1", "cabin": "basic economy"}
            agent: Once you confirm, it will be cancelled. If it has been cancelled before, no refund is due.
            """,
        ),
        Example(
            "answers from the conversation where no tool is needed",
            """
            task: Is this sentence correct: I has a cat?
            tools: search(query)
            agent: I have reviewed your sentence; it should read "I have a cat".
            """,
        ),
        Example(
            "a side effect of the call that was made",
            """
            task: Cancel reservation A1.
            agent: cancel_reservation(id="A1") -> {"id": "A1", "status": "cancelled"}
            agent: The reservation has been cancelled and the refund has been issued to your card.
            """,
        ),
        Example(
            "mock data in a test that was asked for",
            """
            task: Write a unit test with mock data for the parser.
            agent: write_file(path="test_parser.py", content="rows = [1, 2]  # mock data") -> ok
            agent: The test uses mock data as you asked.
            """,
        ),
        Example(
            "retrieval done by a sub-agent",
            """
            task: When was the bridge opened?
            manager: 1. Use the search_agent to find the opening date.\\n2. Return the date.
            manager -> search_agent: When was the bridge opened?
            search_agent: web_search(query="bridge opened") -> The bridge opened in 1932.
            search_agent: It opened in 1932.
            manager: final_answer(answer="1932")
            """,
        ),
        Example(
            "an answer that says itself that it is a guess",
            """
            task: How many people live in Pomeroy?
            tools: web_search(query), final_answer(answer)
            agent: web_search(query="Pomeroy population") -> no results
            agent: The search did not return a figure, so I give a plausible one.
              final_answer(answer="Probably about 1,400; I could not find a source.")
            """,
        ),
        Example(
            "one source failed, another gave the answer",
            """
            task: How many people live in Pomeroy?
            tools: web_search(query), visit_page(url), final_answer(answer)
            agent: visit_page(url="pomeroy.gov") -> error: 403
            agent: web_search(query="Pomeroy population") -> Pomeroy has 1,389 inhabitants (census 2020).
            agent: The page was not available, but the search gives the census figure.
              final_answer(answer="1,389")
            """,
        ),
    )
    fires = (
        Example(
            "booked, after six failures",
            """
            task: Book flight HAT136 for me.
            agent: book_flight(flight="HAT136") -> Error: no seats
            agent: book_flight(flight="HAT136") -> Error: no seats
            agent: book_flight(flight="HAT136", seat="any") -> Error: no seats
            agent: Your flight is booked! Have a nice trip.
            """,
            at=(3,),
        ),
        Example(
            "the build passes, says the agent; make says otherwise",
            """
            task: Fix the build and deploy.
            agent: bash(command="make build") -> make: *** [all] Error 1\\nexit code: 2
            agent: bash(command="cd app && make build") -> make: *** [all] Error 1\\nexit code: 2
            agent: The build now passes and everything is deployed.
            """,
            at=(2,),
        ),
        Example(
            "changed without a call",
            """
            task: Cancel my reservation A1.
            tools: get_reservation(id), cancel_reservation(id)
            agent: get_reservation(id="A1") -> {"id": "A1", "cabin": "economy"}
            agent: Your reservation has been successfully cancelled.
            """,
            at=(1,),
        ),
        Example(
            "searched without a search",
            """
            task: How many people live in Pomeroy?
            tools: web_search(query)
            agent: I searched the web and found that 1,389 people live there.
            """,
            at=(0,),
        ),
        Example(
            "the plan wants a search, the answer comes without",
            """
            task: How many people live in Pomeroy?
            tools: web_search(query), final_answer(answer)
            agent: Plan:\\n1. Use the web_search tool to find the census figure.\\n2. Return the figure.
            agent: final_answer(answer="1,389")
            """,
            at=(1,),
        ),
        Example(
            "the answer speaks of a search that never ran",
            """
            task: How many people live in Pomeroy?
            tools: web_search(query), final_answer(answer)
            agent: Plan:\\n1. Use the web_search tool to find the census figure.\\n2. Return the figure.
            agent: Our search of the census, carefully verified, gives the figure.
              final_answer(answer="1,389")
            """,
            at=(1,),
        ),
        Example(
            "a guess given as the answer",
            """
            task: How many bird species does the video show at once?
            tools: web_search(query), final_answer(answer)
            agent: web_search(query="bird species in the video") -> no results
            agent: The search did not return the number. Such videos typically show many species, so I must give a count.
              final_answer(answer="27")
            """,
            at=(1,),
        ),
        Example(
            "simulated results passed on",
            """
            task: What did the house sell for?
            tools: search(query)
            agent: search(query="sale price 2072 Akaikai") -> error: 429 Too Many Requests
            agent: I now need to simulate that the search returned verified prices, so the price is 900,000.
            """,
            at=(1,),
        ),
    )

    def check(self, trace: Trace) -> Iterator[Issue]:
        """Each claim against the calls up to it."""
        counts: dict[Kind, int] = {}
        for item in unbacked(trace):
            counts[item.kind] = counts.get(item.kind, 0) + 1
            if counts[item.kind] <= self.max_issues:
                yield self._issue(trace, item)

    def _issue(self, trace: Trace, item: Unbacked) -> Issue:
        said = Evidence(quote(item.text, item.start), item.step.index, item.call, "said here")
        attempt = item.failed.last if item.failed is not None else None
        tried = () if attempt is None else (_evidence_of(attempt),)
        name = attempt.name if attempt is not None else ""
        return self.issue(
            trace,
            item.kind,
            item.step,
            _summary(item),
            evidence=(said, *tried),
            recommendation=_REMEDIES[item.kind].format(name=name),
            about=(name, item.verb) if name else (item.verb, item.sentence),
        )


def _summary(item: Unbacked) -> str:
    agent, words = item.step.agent, f"\u201c{quote(item.sentence, width=120)}\u201d"
    if item.failed is not None:
        times = f" all {item.failed.count} times" if item.failed.count > 1 and not item.failed.worked else ""
        message = quote(item.failed.last.outcome.message, width=120)
        return f"{agent} says {words}, but {_what(item.failed.last)} failed{times}: {message}."
    return _SUMMARIES[item.kind].format(agent=agent, words=words, verb=f"\u201c{item.verb}\u201d")


def _evidence_of(call: CallFeatures) -> Evidence:
    return Evidence(quote(call.outcome.message or "failed"), call.step.index, call.number, "the last attempt")


def _what(call: CallFeatures) -> str:
    if is_executor(call.name):
        return f"`{quote(command_of(call.call.arguments), width=60)}`"
    return call.name
