"""Cross purposes: handoffs that bring nothing, work that is given out twice or to nobody, and turns that only wait."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from pisama.features import Features
from pisama.handoffs import Handoff
from pisama.issue import Evidence, Finding
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


class Bounds(NamedTuple):
    """What is in order; what each means is told by the options of `coordination`."""

    min_returns: int
    min_repeats: int
    same_request: float
    same_facts: float
    min_request_words: int
    compared: int
    min_idle: int


def cross_purposes(trace: Trace, table: Features, bounds: Bounds) -> Iterator[Finding]:
    """Handoffs first, then turns in which nobody works. The signals are those of `coordination`."""
    yield from _ping_pong(trace, table, bounds)
    yield from _unanswered(trace, table)
    yield from _same_work(table, bounds)
    yield from _stalled(trace, bounds.min_idle)


def _ping_pong(trace: Trace, table: Features, bounds: Bounds) -> Iterator[Finding]:
    run: list[Handoff] = []
    for hand in (*table.handoffs, None):
        if hand is not None and run and _returns(run[-1], hand) and not _worked(trace.steps, run[-1], hand):
            run.append(hand)
            continue
        if len(run) >= bounds.min_returns and not _is_progress(run, bounds.same_request):
            first = run[0]
            yield _told(
                "ping_pong",
                first,
                f"{first.step.agent} and {first.target} handed the work to each other {len(run)} times with nothing done in between.",
                f"Let a handoff back to the one who handed over go to a third party, and say in {first.target} what it must not pass on.",
                run[: bounds.min_returns],
            )
        run = [] if hand is None else [hand]


def _is_progress(run: Sequence[Handoff], same_request: float) -> bool:
    """Whether what one of the two says is new each time, as drafts and reviews are."""
    said = [hand.request for hand in run[::2]]
    return all(said) and all(similarity(one, other) < same_request for one, other in pairwise(said))


def _unanswered(trace: Trace, table: Features) -> Iterator[Finding]:
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
        yield _told(
            "unanswered",
            hand,
            f"{hand.step.agent} gave work to {hand.target}, which did not act on it, and the run went on.",
            f"Check that {hand.target} exists and is started, and have {hand.step.agent} wait for its answer or take the work back.",
            [hand],
        )


def _same_work(table: Features, bounds: Bounds) -> Iterator[Finding]:
    rows: dict[str, list[list[Handoff]]] = {}
    open_work: list[Handoff] = []
    for hand in table.handoffs:
        if len(table.stem_set(hand.request[:400])) < bounds.min_request_words:
            continue
        open_work = [other for other in open_work if not _answered(other, hand)][-bounds.compared :]
        twin = next((other for other in open_work if _is_same(table, other, hand, bounds)), None)
        if twin is not None and twin.target != hand.target:
            yield _told(
                "duplicate",
                hand,
                f"{hand.step.agent} gave {hand.target} the work that {twin.target} already had.",
                "Give each piece of work one owner, or say that a second opinion is wanted.",
                [hand, twin],
            )
        open_work.append(hand)
        row = _row(table, rows.setdefault(hand.target, []), hand, bounds)
        if len(row) == bounds.min_repeats:
            yield _told(
                "repeated",
                hand,
                f"{hand.step.agent} gave {hand.target} the same instruction for the {_ordinal(len(row))} time.",
                f"After the second answer without the result, have {hand.step.agent} change the instruction, the agent or the plan.",
                row[: bounds.min_returns],
            )


def _row(table: Features, rows: list[list[Handoff]], hand: Handoff, bounds: Bounds) -> list[Handoff]:
    """The earlier handoffs with the same instruction, this one added to them."""
    for row in rows[-bounds.compared :]:
        if _is_same(table, row[0], hand, bounds):
            row.append(hand)
            return row
    rows.append([hand])
    return rows[-1]


def _is_same(table: Features, one: Handoff, other: Handoff, bounds: Bounds) -> bool:
    if similarity(one.request, other.request, bounds.same_request) < bounds.same_request:
        return False
    # One instruction for another object: "check the year of A", "check the year of B".
    facts, others = table.element_values(one.request), table.element_values(other.request)
    return facts == others or overlap(facts, others) >= bounds.same_facts


def _stalled(trace: Trace, min_idle: int) -> Iterator[Finding]:
    run: list[Step] = []
    for place, step in enumerate((*trace.steps, None)):
        following = trace.steps[place + 1] if place + 1 < len(trace.steps) else None
        if step is not None and _is_idle(trace, step, following):
            run.append(step)
            continue
        if len(run) >= min_idle and len({idle.agent for idle in run}) > 1:
            agents = " and ".join(sorted({idle.agent for idle in run}))
            yield Finding(
                "stalled",
                run[0],
                f"{len(run)} turns in a row of {agents} did nothing but wait or ask for something.",
                evidence=tuple(Evidence(_quoted(idle), idle.index) for idle in run[:min_idle]),
                recommendation="Have an agent that needs something name the one who has it, and end the run when two turns in a row only wait.",
                about=(agents,),
            )
        run = []


def _told(signal: str, hand: Handoff, summary: str, advice: str, shown: Sequence[Handoff]) -> Finding:
    return Finding(
        signal,
        hand.step,
        summary,
        evidence=tuple(
            Evidence(
                quote(other.request) or f"{other.step.agent} → {other.target}",
                other.step.index,
                other.call,
            )
            for other in shown
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


def _is_idle(trace: Trace, step: Step, following: Step | None) -> bool:
    """Whether a turn waits, asks or brings nothing, and no user answers it."""
    if step.tool_calls or step.recipient:
        return False
    given = following.seen if following is not None else ()
    if any(message.role == "user" and message.text != trace.task for message in given):
        return False
    # Who opens the talk states the task, and need not bring code.
    nothing = step is not trace.steps[0] and any(
        _NOTHING_TO_RUN.match(message.text[:80]) for message in given
    )
    return nothing or _WAITS.search(step.text[-_TAIL:]) is not None


def _quoted(step: Step) -> str:
    tail = step.text[-_TAIL:]
    found = _WAITS.search(tail)
    return quote(tail, found.start() if found else 0) or f"{step.agent} says nothing"


def _ordinal(number: int) -> str:
    return {2: "second", 3: "third", 4: "fourth", 5: "fifth"}.get(number, f"{number}th")
