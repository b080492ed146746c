"""Every span of a trace that could carry a failure, with the signs that speak for one.

Signs are what pisama made of the trace: the part a step plays in the run, how its calls went (as
`pisama.outcomes` classes them), and which signals of which detectors name it. Nothing else is looked at.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pisama.acts import is_answering, is_executor
from pisama.features import CallFeatures, features
from pisama.issue import Issue
from pisama.outcomes import ErrorKind
from pisama.text import overlap
from pisama.trace import Step, Trace

SAME_QUESTION = 0.45
"""Jaccard index of the stems of two queries from which on they count as one question."""
LATEST = 6
"""Earlier queries that one is compared with."""
RUN = 3
"""Failures of one tool for one reason from which on they count as a run."""
_NO_BASIS = frozenset({"hallucination.answer_without_retrieval", "hallucination.retrieval_claimed"})
"""Two ways of one failure; the signs hold which, and that it is one of them."""
_KINDS = {ErrorKind.BAD_ARGUMENTS: "arguments", ErrorKind.NOT_FOUND: "nothing found"}


@dataclass(frozen=True, slots=True)
class Candidate:
    """One span that could carry a failure."""

    span: str
    signs: frozenset[str]
    words: str
    """What the step said, or what the call asked for: the evidence where no issue gives better."""
    issue: Issue | None
    """The worst issue that names it, if any does."""


def candidates(trace: Trace, issues: Iterable[Issue]) -> tuple[Candidate, ...]:
    """The spans of all model calls and tool calls, in order; a span that holds several is given once."""
    found: dict[str, Candidate] = {}
    for each in _Reading(trace, issues).candidates():
        known = found.get(each.span)
        signs = each.signs | known.signs if known else each.signs
        found[each.span] = Candidate(each.span, signs, each.words, (known and known.issue) or each.issue)
    return tuple(found.values())


class _Reading:
    """One pass over a trace."""

    def __init__(self, trace: Trace, issues: Iterable[Issue]) -> None:
        self.trace = trace
        self.table = features(trace)
        self.on_step: dict[int, set[str]] = defaultdict(set)
        self.on_call: dict[tuple[int, int], set[str]] = defaultdict(set)
        self.on_span: dict[str, set[str]] = defaultdict(set)
        self.latest: dict[str, int] = {}
        self.worst: dict[int, Issue] = {}
        for issue in issues:
            self._place(issue)
        self.runs = self._runs()
        self.similar = self._similar()
        self.delegates = any(step.parent is not None for step in trace.steps)
        self.acted: set[str] = set()
        self.silent: Counter[str] = Counter()
        self.programs = 0

    def _place(self, issue: Issue) -> None:
        signal = f"{issue.type}.{issue.signal}"
        if issue.span_id:
            self.on_span[issue.span_id].add(f"issue {signal}")
        if issue.step is not None:
            self.on_step[issue.step].add(f"issue {signal}")
            if signal in _NO_BASIS:
                self.on_step[issue.step].add("issue without basis")
            worst = self.worst.get(issue.step)
            if worst is None or worst.severity < issue.severity:
                self.worst[issue.step] = issue
        for piece in issue.evidence:
            if piece.step is not None:
                self.on_step[piece.step].add(f"evidence {signal}")
                if piece.call is not None:
                    self.on_call[piece.step, piece.call].add(f"evidence {signal}")

    def _runs(self) -> dict[int, tuple[int, int]]:
        """Of each failed call: its place among the agent's failures of that tool and kind, and their number."""
        groups: dict[tuple[str, str, str], list[CallFeatures]] = defaultdict(list)
        for call in self.table.failed_calls:
            groups[call.step.agent, call.name, _kind(call)].append(call)
        return {call.position: (n, len(group)) for group in groups.values() for n, call in enumerate(group)}

    def _similar(self) -> dict[int, bool]:
        """Of each call with a query in words: whether one of the latest before it asked nearly the same."""
        asked: list[frozenset[str]] = []
        found: dict[int, bool] = {}
        for call in self.table.calls:
            query = call.call.arguments.get("query") if isinstance(call.call.arguments, dict) else None
            if isinstance(query, str):
                stems = self.table.stem_set(query)
                found[call.position] = any(
                    overlap(stems, other) >= SAME_QUESTION for other in asked[-LATEST:]
                )
                asked.append(stems)
        return found

    def candidates(self) -> Iterator[Candidate]:
        before: tuple[CallFeatures, ...] = ()
        for step in self.trace.steps:
            calls = self.table.calls_by_step.get(step.index, ())
            part, level = self._part(step, calls), self._level(step)
            signs = {f"part {part}", f"part {part}, {level}", level, *self.on_step[step.index]}
            if part == "program":
                self.programs += 1
                signs |= {f"program {self.programs}, {level}"} if self.programs <= 2 else set()
            signs.update(sign for call in calls for sign in self._outcome(call))
            signs.update(sign for call in before for sign in self._after(call, part))
            signs.update(self._after_issues(step))
            if step.span_id:
                yield Candidate(step.span_id, frozenset(signs), step.words, self.worst.get(step.index))
            for call in calls:
                if call.call.span_id:
                    yield self._tool(step, call, level, after_failure=any(x.outcome.failed for x in before))
            before = calls

    def _part(self, step: Step, calls: tuple[CallFeatures, ...]) -> str:
        if calls:
            self.acted.add(step.agent)
            self.silent[step.agent] = 0
            if any(is_answering(call.name) for call in calls):
                return "answer"
            return "program" if any(is_executor(call.name) for call in calls) else "call"
        if step is self.trace.steps[-1]:
            return "end"
        self.silent[step.agent] += 1
        when = "pause" if step.agent in self.acted else "opening"
        return f"{when} {min(self.silent[step.agent], 2)}"

    def _level(self, step: Step) -> str:
        if step.parent is not None:
            return "delegate"
        if len(self.trace.agents) == 1:
            return "only agent"
        return "manager" if self.delegates else "main agent"

    def _outcome(self, call: CallFeatures) -> Iterator[str]:
        if call.outcome.empty:
            yield "came back empty"
        if call.outcome.failed:
            kind = _kind(call)
            place, length = self.runs[call.position]
            yield "failed"
            yield f"failed: {kind}"
            if place:
                yield f"failed again: {kind}"
            if length >= RUN and place in (0, length - 1):
                yield "first failure of a run" if place == 0 else "last failure of a run"
        if call.position in self.similar:
            yield "searched"
            if self.similar[call.position]:
                yield "searched for nearly the same"

    def _after(self, call: CallFeatures, part: str) -> Iterator[str]:
        if call.outcome.empty:
            yield "after an empty result"
        if call.outcome.failed:
            kind = _kind(call)
            place, length = self.runs[call.position]
            yield "after a failure"
            yield f"after a failure: {kind}"
            yield f"{part} after a failure: {kind}"
            if length >= RUN and place == length - 1:
                yield "after the last failure of a run"

    def _after_issues(self, step: Step) -> Iterator[str]:
        """The issues of the agent's step before: what an agent does about its failure is where people see it."""
        if step.agent in self.latest:
            named = self.on_step[self.latest[step.agent]]
            yield from (f"after {sign}" for sign in named if sign.startswith("issue "))
        self.latest[step.agent] = step.index

    def _tool(self, step: Step, call: CallFeatures, level: str, *, after_failure: bool) -> Candidate:
        kind = "program" if is_executor(call.name) else "answer" if is_answering(call.name) else "other"
        signs = {f"tool: {sign}" for sign in (*self._outcome(call), *self.on_call[step.index, call.number])}
        signs |= {f"tool: {sign}" for sign in self.on_span.get(call.call.span_id or "", ())}
        signs |= {"tool", f"tool {kind}", f"tool {kind}, {level}"}
        if call.outcome.failed and self.runs[call.position][1] >= RUN:
            signs.add("tool: in a run of failures")
        if call.position in self.similar and after_failure:
            signs.add("tool: searched after a failure")
        words = f"{call.name}({call.call.arguments})"
        return Candidate(call.call.span_id or "", frozenset(signs), words, self.worst.get(step.index))


def _kind(call: CallFeatures) -> str:
    if is_executor(call.name):
        return "program"
    return _KINDS.get(call.outcome.kind, "other") if call.outcome.kind else "other"
