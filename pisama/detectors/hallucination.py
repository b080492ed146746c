"""Hallucination: the agent says that something was done which no tool did."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pisama.acts import (
    acts_of_call,
    command_of,
    is_bookkeeping,
    is_executor,
    is_reading,
    spoken,
)
from pisama.claims import Claim, ClaimKind, admits_failure, gives_up
from pisama.detectors.base import Detector, Example, Needs, Signal
from pisama.features import CallFeatures, features
from pisama.issue import Evidence, Issue
from pisama.record import Record
from pisama.text import quote
from pisama.trace import Step, ToolCall, Trace

_DEMAND = re.compile(
    r"\b(?:search|retrieve|look(?:ing)? up|locat(?:e|ing)|visit|brows(?:e|ing)|fetch|download|query|consult|web|online"
    r"|inspect|scrape|transcri(?:be|pt)|ask (?:the|our) [\w ]{1,30}agent|(?:use|using|call) (?:the )?[`'\w ]{1,40}(?:tool|agent|api)\b)",
    re.IGNORECASE,
)
"""Words of a plan step that cannot be carried out from memory."""
_LOOKED = frozenset(
    """access browse consult cross-check cross-reference download execute fetch query research retrieve run scan search
    test validate verify visit locate extract gather""".split()
)
"""Checks that need a tool; what was given in the conversation can be read or reviewed without one."""
_FETCHED = frozenset(
    """access browse consult download fetch query research retrieve search visit locate""".split()
)
"""Those of them that computing does not do."""
_OWN_MATTER = re.compile(
    r"\b(?:you (?:provided|gave|shared|sent|uploaded|pasted|mentioned)|your (?:message|question|request|input|code|text)|above|in (?:my|mind)"
    r"|calculation|arithmetic|reasoning|logic|step|steps|mentally|manually|by hand)\b",
    re.IGNORECASE,
)
_SIMULATION_WANTED = re.compile(
    r"\b(?:simulat|mock|dummy|placeholder|hypothetical|fictional|fake|synthetic|example data|sample data|demo|role-?play|test data|fixture)",
    re.IGNORECASE,
)
_TEST_FILE = re.compile(
    r"\b(?:def test_|unittest|pytest|import mock|describe\(|@patch|MagicMock|conftest|test_\w{1,60}\.py)"
)


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
    signals = {
        "claimed_after_error": Signal("success is claimed for an act whose every call failed", 80, 0.85),
        "claimed_without_call": Signal("an act is claimed that no call carried out", 62, 0.7),
        "checked_without_call": Signal(
            "a search, test or check is claimed before any tool was used", 50, 0.6
        ),
        "answer_without_retrieval": Signal(
            "the answer comes without the retrieval that the plan demands", 56, 0.75
        ),
        "simulated": Signal("results are made up in place of a call", 58, 0.6),
    }

    max_issues: int = 3
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
        counts: dict[str, int] = {}
        for issue in _Run(self, trace).issues():
            counts[issue.signal] = counts.get(issue.signal, 0) + 1
            if counts[issue.signal] <= self.max_issues:
                yield issue


class _Run:
    """One pass over a trace."""

    def __init__(self, detector: Hallucination, trace: Trace) -> None:
        self.detector = detector
        self.trace = trace
        self.table = features(trace)
        offered = [tool.name for tool in trace.tools or () if not is_reading(tool.name)]
        known = {tool.name for tool in trace.tools or ()} | {call.name for call in self.table.calls}
        names = {name for name in known if not is_bookkeeping(name) and not is_executor(name)}
        self.record = Record(frozenset(names | set(trace.agents)))
        self.offered = frozenset(act for name in offered for act in acts_of_call(ToolCall(name), narrow=True))
        self.equipped = bool(known)
        self.demanded: dict[str, str] = {}
        self.last = self._last_words() if trace.complete and trace.final_answer else None
        self.made_up = False
        self.made_up_wanted = _SIMULATION_WANTED.search((trace.task or "")[:20_000]) is not None

    def _last_words(self) -> Step | None:
        """The last step that says something; a bare closing word such as TERMINATE says nothing."""
        return next((step for step in reversed(self.trace.steps) if len(step.text.split()) > 1), None)

    def issues(self) -> Iterator[Issue]:
        for step in self.trace.steps:
            for call in self.table.calls_by_step.get(step.index, ()):
                self.record.add(call)
            yield from self._worst(step)
            self._plan(step)

    def _worst(self, step: Step) -> Iterator[Issue]:
        """What is wrong with a step's words; one answer without a basis is one failure, however it is put."""
        claimed = [issue for text, number in spoken(step) for issue in self._claims(step, text, number)]
        yield from (issue for issue in claimed if issue.signal != "checked_without_call")
        checked = (issue for issue in claimed if issue.signal == "checked_without_call")
        found = [*self._simulated(step), *self._unfetched(step), *checked]
        yield from found[:1]

    def _plan(self, step: Step) -> None:
        for plan in self.table.plans(step.text):
            demand = next((item.text for item in plan.steps if _DEMAND.search(item.text[:400])), None)
            if demand is not None:
                self.demanded[step.agent] = demand

    def _claims(self, step: Step, text: str, number: int | None) -> Iterator[Issue]:
        acts: set[str] = set()
        sentences: set[str] = set()
        for claim in self.table.claims(text):
            about = claim.acts or {claim.verb}
            if acts & about or claim.sentence in sentences:
                continue
            acts |= about
            found = [*self._claim(step, claim, text, number)]
            sentences |= {claim.sentence for _ in found}
            yield from found

    def _claim(self, step: Step, claim: Claim, text: str, number: int | None) -> Iterator[Issue]:
        if claim.kind is ClaimKind.CHECK:
            yield from self._check_claim(step, claim, text, number)
        elif claim.acts:
            yield from self._effect_claim(step, claim, text, number)

    def _effect_claim(self, step: Step, claim: Claim, text: str, number: int | None) -> Iterator[Issue]:
        failed = self.record.failure_of(claim.acts)
        if failed is not None and not admits_failure(text, claim.acts):
            attempts = sum(
                call.key == failed.key or call.name == failed.name
                for family in claim.acts
                for call in self.record.calls.get(family, ())
            )
            yield self._issue(
                "claimed_after_error",
                step,
                f"{step.agent} says \u201c{quote(claim.sentence, width=120)}\u201d, but {_what(failed)} failed"
                f"{f' all {attempts} times' if attempts > 1 else ''}: {quote(failed.outcome.message, width=120)}.",
                evidence=(
                    Evidence(quote(text, claim.start), step.index, number, "the claim"),
                    Evidence(
                        quote(failed.outcome.message or "failed"),
                        failed.step.index,
                        failed.number,
                        "the last attempt",
                    ),
                ),
                recommendation=f"Let the agent report success of {failed.name} only from a result that confirms it, and report the error otherwise.",
                about=(failed.name, claim.verb),
            )
        elif self._never_tried(claim):
            yield self._issue(
                "claimed_without_call",
                step,
                f"{step.agent} says \u201c{quote(claim.sentence, width=120)}\u201d, but no call up to here did that.",
                evidence=(Evidence(quote(text, claim.start), step.index, number, "the claim"),),
                recommendation="Compare the agent's report with the calls it made, and refuse a report of an act that no call carried out.",
                about=(claim.verb, claim.sentence),
            )

    def _never_tried(self, claim: Claim) -> bool:
        if (
            claim.state
            or not self.equipped
            or self.record.tried(claim.acts)
            or len(self.trace.agents) > 1
            or self.record.ran >= 0
        ):
            return False
        if self.offered:
            return bool(claim.acts & self.offered)
        return self.record.used and not self.record.changed

    def _check_claim(self, step: Step, claim: Claim, text: str, number: int | None) -> Iterator[Issue]:
        if (
            not self.equipped
            or (self.record.retrieved if claim.verb in _FETCHED else self.record.used)
            or claim.verb not in _LOOKED
            or _OWN_MATTER.search(claim.sentence)
        ):
            return
        yield self._issue(
            "checked_without_call",
            step,
            f"{step.agent} says \u201c{quote(claim.sentence, width=120)}\u201d, but nothing of the kind had been called.",
            evidence=(Evidence(quote(text, claim.start), step.index, number, "the claim"),),
            recommendation="Require a tool result behind every statement that something was searched, run or verified.",
            about=(claim.verb, claim.sentence),
        )

    def _unfetched(self, step: Step) -> Iterator[Issue]:
        demand = self.demanded.get(step.agent) or (
            next(iter(self.demanded.values()), None) if step is self.last else None
        )
        if demand is None or self.record.retrieved or not self.equipped:
            return
        answer = next((pair for pair in spoken(step) if pair[1] is not None), None)
        if answer is None and step is self.last:
            answer = (step.text, None)
        if answer is None or not answer[0].strip() or gives_up(answer[0][:1000]):
            return
        self.demanded.clear()
        self.last = None
        yield self._issue(
            "answer_without_retrieval",
            step,
            f"{step.agent} answers without any call that could know, though its plan says \u201c{quote(demand, width=120)}\u201d.",
            evidence=(Evidence(quote(answer[0]), step.index, answer[1], "the answer"),),
            recommendation="Do not accept a final answer before the retrieval steps of the plan have results, and have the answer cite them.",
            about=(demand,),
        )

    def _simulated(self, step: Step) -> Iterator[Issue]:
        if self.made_up_wanted or self.made_up:
            return
        texts = [
            step.words,
            *(command_of(call.arguments) for call in step.tool_calls if is_executor(call.name)),
        ]
        for text in texts:
            pretence = next(iter(self.table.pretences(text)), None)
            if pretence is not None and not _TEST_FILE.search(text):
                self.made_up = True
                yield self._issue(
                    "simulated",
                    step,
                    f"{step.agent} makes up what it should have got: \u201c{quote(pretence.sentence, pretence.phrase, width=140)}\u201d.",
                    evidence=(Evidence(quote(text, pretence.start), step.index, None, "made up"),),
                    recommendation="Let the agent stop and say what it could not get; made-up data must never stand in for a result.",
                    about=(pretence.sentence,),
                )
                return

    def _issue(
        self,
        signal: str,
        step: Step,
        summary: str,
        *,
        evidence: tuple[Evidence, ...],
        recommendation: str,
        about: tuple[str, ...],
    ) -> Issue:
        return self.detector.issue(
            self.trace,
            signal,
            step,
            summary,
            evidence=evidence,
            recommendation=recommendation,
            about=about,
        )


def _what(call: CallFeatures) -> str:
    if is_executor(call.name):
        return f"`{quote(command_of(call.call.arguments), width=60)}`"
    return call.name
