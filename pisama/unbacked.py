"""Unbacked words: what the steps of a run claim or answer that their calls do not back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias

from pisama.acts import acts_of_call, command_of, is_bookkeeping, is_executor, is_reading, spoken
from pisama.claims import Claim, ClaimKind, admits_failure, gives_up, prose
from pisama.features import features
from pisama.patterns import lazy
from pisama.record import Attempts, Record
from pisama.trace import Step, ToolCall, Trace

Kind: TypeAlias = Literal[
    "claimed_after_error",
    "claimed_without_call",
    "checked_without_call",
    "answer_without_retrieval",
    "retrieval_claimed",
    "guessed",
    "simulated",
]

_DEMAND = lazy(
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
_LOOKED_UP = lazy(
    r"\b(?:verified|the verification|cross[- ]?(?:check|referenc)(?:ed|ing|es)|investigat(?:ed|ion|ions|ive)|retriev(?:ed|al)|inspected|inspection"
    r"|extracted|research(?:ed)?|confirmed|on checking|(?:careful|thorough|detailed|our|my|extensive|several) (?:search(?:es)?|reviews?|analysis|quer(?:y|ies)|attempts)"
    r"|(?:data|records?|searches|results?|documentation) (?:shows?|indicates?|confirms?|lists?))\b",
    re.IGNORECASE,
)
"""Words that speak of something looked up as done."""
_CAME_TO_NOTHING = lazy(
    r"\b(?:(?:was|were|am|are|been) unable to|could ?n[o'’]t|could not|can ?not be|ha(?:ve|s) failed"
    r"|(?:did|do|does|have|has)(?: not|n['’]t) (?:\w{1,20} ){0,2}(?:return|yield|find|found|provide|have|contain|succeed|give|receive)\w{0,3}"
    r"|(?:is|are|was|were) not (?:\w{1,20} )?(?:available|accessible|found|located|retrieved)"
    r"|no (?:\w{1,20} ){0,3}(?:was|were|could be) (?:found|available|located)"
    r"|(?:in the )?absence of|without (?:a |an |any )?(?:\w{1,20} )?(?:clear |direct |documented )?(?:source|access|evidence))\b",
    re.IGNORECASE,
)
"""Words that say that the search came to nothing."""
_SETTLED_FOR = lazy(
    r"\b(?:plausibl[ey]|hypothe\w{1,12}|assum(?:e|ed|ing|ption)|reasonabl[ey]|candidate|reconstruct\w{0,6}|simulat\w{1,5}|guess\w{0,3}|likely|probably|presum\w{1,6}|estimat\w{1,5}"
    r"|general knowledge|commonly|typical(?:ly)?|must (?:therefore )?(?:now )?(?:provide|report|give|choose|conclude|answer)|best (?:guess|candidate|estimate)|educated)\b",
    re.IGNORECASE,
)
"""Words that say what the answer was taken from instead."""
_HEDGED = lazy(
    r"\b(?:likely|probabl[ey]|plausibl[ey]|unverified|not verified|could not be|unconfirmed|guess|estimate[ds]?|approximate(?:ly)?"
    r"|assum\w{2,7}|may|might|uncertain|unable|cannot|unclear|no (?:official|verified|reliable|definitive))\b",
    re.IGNORECASE,
)
"""Words with which an answer says itself how sure it is."""
_OWN_MATTER = lazy(
    r"\b(?:you (?:provided|gave|shared|sent|uploaded|pasted|mentioned)|your (?:message|question|request|input|code|text)|above|in (?:my|mind)"
    r"|calculation|arithmetic|reasoning|logic|step|steps|mentally|manually|by hand)\b",
    re.IGNORECASE,
)
_SIMULATION_WANTED = lazy(
    r"\b(?:simulat|mock|dummy|placeholder|hypothetical|fictional|fake|synthetic|example data|sample data|demo|role-?play|test data|fixture)",
    re.IGNORECASE,
)
_TEST_FILE = lazy(
    r"\b(?:def test_|unittest|pytest|import mock|describe\(|@patch|MagicMock|conftest|test_\w{1,60}\.py)"
)


class Unbacked(NamedTuple):
    """Words of a step without a call behind them."""

    kind: Kind
    step: Step
    text: str
    """What the step said, handed over, or ran."""
    start: int
    """Offset in it of the words that matter."""
    sentence: str
    """The claim, the plan step that was left out, or the words that make something up."""
    call: int | None = None
    """Position of the answering call that carried the words, if one did."""
    verb: str = ""
    failed: Attempts | None = None
    """The calls that tried what is claimed."""


def unbacked(trace: Trace) -> Iterator[Unbacked]:
    """Every unbacked statement of a run, in order."""
    return _Run(trace).found()


class _Run:
    """One pass over a trace."""

    def __init__(self, trace: Trace) -> None:
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

    def _last_words(self) -> Step | None:
        """The last step that says something; a bare closing word such as TERMINATE says nothing."""
        return next((step for step in reversed(self.trace.steps) if len(step.text.split()) > 1), None)

    def found(self) -> Iterator[Unbacked]:
        for step in self.trace.steps:
            for call in self.table.calls_by_step.get(step.index, ()):
                self.record.add(call)
            yield from self._step(step)
            self._plan(step)

    def _step(self, step: Step) -> Iterator[Unbacked]:
        """What is wrong with a step's words; one answer without a basis is one failure, however it is put."""
        claimed = [item for text, number in spoken(step) for item in self._claims(step, text, number)]
        yield from (item for item in claimed if item.kind != "checked_without_call")
        checked = (item for item in claimed if item.kind == "checked_without_call")
        yield from [*self._simulated(step), *self._unfetched(step), *checked, *self._guessed(step)][:1]

    def _plan(self, step: Step) -> None:
        for plan in self.table.plans(step.text):
            demand = next((item.text for item in plan.steps if _DEMAND.search(item.text[:400])), None)
            if demand is not None:
                self.demanded[step.agent] = demand

    def _claims(self, step: Step, text: str, number: int | None) -> Iterator[Unbacked]:
        acts: set[str] = set()
        sentences: set[str] = set()
        for claim in self.table.claims(text):
            about = claim.acts or {claim.verb}
            if acts & about or claim.sentence in sentences:
                continue
            acts |= about
            kind, failed = self._judged(claim, text)
            if kind is not None:
                sentences.add(claim.sentence)
                yield Unbacked(kind, step, text, claim.start, claim.sentence, number, claim.verb, failed)

    def _judged(self, claim: Claim, text: str) -> tuple[Kind | None, Attempts | None]:
        if claim.kind is ClaimKind.CHECK:
            return ("checked_without_call" if self._never_looked(claim) else None), None
        failed = self.record.failure_of(claim.acts)
        if failed is not None and not admits_failure(text, claim.acts):
            return "claimed_after_error", failed
        return ("claimed_without_call" if self._never_tried(claim) else None), None

    def _never_tried(self, claim: Claim) -> bool:
        # Another agent, or a script, may have done it unseen.
        unseen = len(self.trace.agents) > 1 or self.record.ran >= 0
        if claim.state or not claim.acts or not self.equipped or unseen or self.record.tried(claim.acts):
            return False
        if self.offered:
            return bool(claim.acts & self.offered)
        return self.record.used and not self.record.changed

    def _never_looked(self, claim: Claim) -> bool:
        if not self.equipped or claim.verb not in _LOOKED or _OWN_MATTER.search(claim.sentence):
            return False
        return not (self.record.retrieved if claim.verb in _FETCHED else self.record.used)

    def _unfetched(self, step: Step) -> Iterator[Unbacked]:
        at_the_end = step is self.last
        demand = self.demanded.get(step.agent)
        if demand is None and at_the_end:
            demand = next(iter(self.demanded.values()), None)
        if demand is None or self.record.retrieved or not self.equipped:
            return
        answer = next((pair for pair in spoken(step) if pair[1] is not None), None)
        if answer is None and at_the_end:
            answer = (step.text, None)
        if answer is None or not answer[0].strip() or gives_up(answer[0][:1000]):
            return
        self.demanded.clear()
        self.last = None
        match = _LOOKED_UP.search(prose(step.words))
        if match is not None:
            yield Unbacked("retrieval_claimed", step, step.words, match.start(), demand, verb=match.group())
        else:
            yield Unbacked("answer_without_retrieval", step, answer[0], 0, demand, answer[1])

    def _guessed(self, step: Step) -> Iterator[Unbacked]:
        """An answer that was settled for after the search came to nothing, and that does not say so."""
        answer = next((text for text, number in spoken(step) if number is not None), None)
        if answer is None or _HEDGED.search(answer[:2_000]) or gives_up(answer[:1_000]):
            return
        said = prose(step.words)[:6_000]
        nothing = _CAME_TO_NOTHING.search(said)
        if nothing is not None and (settled := _SETTLED_FOR.search(said)) is not None:
            yield Unbacked("guessed", step, said, nothing.start(), settled.group())

    def _simulated(self, step: Step) -> Iterator[Unbacked]:
        if self.made_up:
            return
        for text in (
            step.words,
            *(command_of(call.arguments) for call in step.tool_calls if is_executor(call.name)),
        ):
            pretence = next(iter(self.table.pretences(text)), None)
            if pretence is not None and not _TEST_FILE.search(text):
                self.made_up = True
                if not _SIMULATION_WANTED.search((self.trace.task or "")[:20_000]):
                    yield Unbacked("simulated", step, text, pretence.start, pretence.sentence)
                return
