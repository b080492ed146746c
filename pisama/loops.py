"""Loops: repetitions of a run that are more than its work needs, what each was, and what it cost.

`pisama.repetition` says which calls are the same act again; here it is judged from how many on that
is a loop, as polling, paging and honest retries repeat too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, TypeAlias, TypeVar

from pisama.acts import is_bookkeeping, is_reading, name_parts
from pisama.endings import LIMITS
from pisama.features import CallFeatures, Features
from pisama.issue import Evidence, Finding
from pisama.outcomes import TRANSIENT
from pisama.patterns import lazy
from pisama.repetition import Run, Waste, runs, sequences
from pisama.stalls import unmoved
from pisama.text import quote
from pisama.trace import Step, Trace

_ADVANCING = frozenset(
    """page scroll press key click wait sleep next move tap swipe tick undo back forward roll draw poll type continue
    pagedown pageup keypress""".split()
)
"""Words in the names of tools of which the same call may do something new each time."""
_SHORT = 60
"""Characters below which a result is only an acknowledgement."""
_STATUS = 200
"""Characters below which a result may be the state of something that is waited for."""
_PENDING = lazy(
    r"\b(?:running|pending|queued|in[ _-]progress|not (?:yet )?(?:ready|done|finished)|waiting|processing|starting|scheduled|still)\b",
    re.IGNORECASE,
)

_ADVICE = (
    "Cap identical calls of {name} in the tool runner, answer a repeated call with “unchanged since the last call”, "
    "and tell the agent to go on from the result it has."
)
_ADVICE_FAILING = (
    "Stop {name} after the second identical failure: return the error with what must change (here: {said}), "
    "and tell the agent to change the arguments, use another tool or report the failure."
)

Kind: TypeAlias = Literal["failing", "identical", "cycle", "scattered", "reread", "unrecorded", "stalled"]
"""The signals of `loop` that stand on calls."""
Numbered: TypeAlias = Sequence[tuple[CallFeatures, int]]
"""The calls of one agent in order, each with the number of its act."""
Repetition = TypeVar("Repetition")


class Bounds(NamedTuple):
    """From how many repetitions on something is a loop; what each means is told by the options of `loop`."""

    min_repeats: int
    retry_limit: int
    poll_limit: int
    max_period: int
    scattered_repeats: int
    reread_repeats: int
    stalled_calls: int


class CallLoop(NamedTuple):
    """Calls that repeat what `period` of them did."""

    kind: Kind
    calls: Sequence[CallFeatures]
    """Every one of them, the first time round included."""
    period: int
    severity: int
    """0-100, before what the loop burned is counted in."""
    measured: str = ""
    """The measure that stays the same, with its value."""

    @property
    def needless(self) -> Sequence[CallFeatures]:
        """The calls from the second time round on."""
        return self.calls[self.period :]

    def told(self) -> str:
        """What happened, without its cost."""
        first, count = self.calls[0], len(self.calls)
        came = f"failed with {_said(first)}" if first.outcome.failed else "returned the same"
        if self.kind == "stalled":
            return f"{count} calls of {first.name} in a row reported {self.measured}"
        if self.kind == "unrecorded":
            came = "no result was recorded"
        if self.period > 1:
            names = _names(self.calls[: self.period])
            return f"{names} were called in turn {count // self.period} times with the same arguments and results"
        between = " between other calls" if self.kind in ("scattered", "reread") else ""
        exact = len({call.key for call in self.calls}) == 1
        same = "with the same arguments" if exact else "with arguments that differ only in wording"
        return f"{first.name} was called {count} times{between} {same} and {came}"


def call_loops(trace: Trace, table: Features, bounds: Bounds) -> Iterator[CallLoop]:
    """The loops of every agent: acts in a row or in turn, acts between other work, and measures that do not move."""
    looping: set[int] = set()
    for sequence in sequences(trace, table.calls).values():
        yield from _in_turn(trace, sequence, looping, bounds)
        yield from _between(sequence, looping, bounds)
    others = (call for call in table.calls if call.position not in looping)
    for calls, values in unmoved(others, bounds.stalled_calls):
        if len({call.returned for call in calls}) > 1:
            reported = ", ".join(f"{name} {value}" for name, value in values[:3])
            yield CallLoop("stalled", calls, 1, min(60, 20 + 4 * len(calls)), reported)


def _in_turn(trace: Trace, sequence: Numbered, looping: set[int], bounds: Bounds) -> Iterator[CallLoop]:
    """Acts in a row or in turn. The positions of all calls that repeat so, loops or not, are added to `looping`."""
    everywhere: dict[int, list[CallFeatures]] = {}
    for call, number in sequence:
        everywhere.setdefault(number, []).append(call)
    for run in _longest(trace, sequence, looping, bounds):
        calls = [call for call, _ in sequence[run.start : run.start + run.length]]
        failing = all(call.outcome.failed for call in calls[: run.period])
        if failing and run.period == 1:
            calls = everywhere[sequence[run.start][1]]
            looping.update(call.position for call in calls)
        if any(call.returned is None for call in calls[: run.period]):
            yield CallLoop("unrecorded", calls, run.period, min(39, 15 + 3 * run.laps))
        elif failing:
            kind: Kind = "cycle" if run.period > 1 else "failing"
            yield CallLoop(kind, calls, run.period, 35 + 5 * (len(calls) // run.period))
        else:
            kind = "cycle" if run.period > 1 else "identical"
            severity = 20 + 4 * run.laps + 2 * min(run.period, 5)
            yield CallLoop(kind, calls, run.period, min(80, severity))


def _longest(trace: Trace, sequence: Numbered, looping: set[int], bounds: Bounds) -> list[Run]:
    """The longest run of every block of acts; the same loop entered again is the same failure.

    A run that reaches the end is what the whole run was spent on when a limit ended it.
    """
    ending = _ending(trace, sequence)
    longest: dict[frozenset[int], Run] = {}
    acts = [number for _, number in sequence]
    for run in runs(acts, bounds.max_period, bounds.min_repeats):
        block = [call for call, _ in sequence[run.start : run.start + run.period]]
        end = run.start + run.length
        following = [call for call, _ in sequence[end : end + run.period] if call.returned is not None]
        looping.update(call.position for call, _ in sequence[run.start : end])
        allowed = _allowed(block, following, bounds)
        if end >= ending and not any(call.outcome.failed for call in block):
            allowed = min(allowed, bounds.min_repeats)
        if run.laps < allowed:
            continue
        which = frozenset(acts[run.start : run.start + run.period])
        if which not in longest or longest[which].length < run.length:
            longest[which] = run
    return list(longest.values())


def _ending(trace: Trace, sequence: Numbered) -> int:
    """The position after the last call that came back, when a limit ended the run; beyond the end otherwise."""
    if trace.outcome not in LIMITS:
        return len(sequence) + 1
    return next(
        (place + 1 for place in reversed(range(len(sequence))) if sequence[place][0].returned is not None),
        len(sequence) + 1,
    )


def _allowed(block: Sequence[CallFeatures], following: Sequence[CallFeatures], bounds: Bounds) -> int:
    """Laps from which on this block, with the calls that follow it, is a loop."""
    first = block[0]
    keys = {call.key for call in block}
    if any(call.outcome.failed for call in block):
        if any(call.key in keys and not call.outcome.failed for call in following):
            return bounds.retry_limit + 1
        passing = all(call.outcome.kind in TRANSIENT for call in block if call.outcome.failed)
        return bounds.retry_limit if passing else bounds.min_repeats
    if all(is_bookkeeping(call.name) for call in block):
        return bounds.poll_limit
    moved_on = any(call.key in keys for call in following)
    if moved_on or any(_is_pending(call) for call in block):
        return bounds.poll_limit
    if len(block) == 1 and _is_slight(first) and _ADVANCING.intersection(name_parts(first.name)):
        return bounds.poll_limit
    says_little = first.returned is None or (first.outcome.empty and not is_reading(first.name))
    return bounds.min_repeats + 1 if says_little else bounds.min_repeats


def _is_slight(call: CallFeatures) -> bool:
    """Whether a result is only an acknowledgement, so that equal ones say nothing about what was done."""
    return call.outcome.empty or len(call.call.result or "") < _SHORT


def _is_pending(call: CallFeatures) -> bool:
    result = call.call.result or ""
    return len(result) < _STATUS and _PENDING.search(result) is not None


def _between(sequence: Numbered, looping: set[int], bounds: Bounds) -> Iterator[CallLoop]:
    """The same failure, or the same reading, again and again between other work."""
    groups: dict[int, list[CallFeatures]] = {}
    last_of: dict[int, CallFeatures] = {}
    for call, number in sequence:
        last_of[call.key] = call
        if call.position not in looping and call.returned is not None:
            groups.setdefault(number, []).append(call)
    for calls in groups.values():
        first, failing = calls[0], calls[0].outcome.failed
        if len(calls) < (bounds.scattered_repeats if failing else bounds.reread_repeats):
            continue
        if last_of[calls[-1].key] is not calls[-1] or is_bookkeeping(first.name):
            continue
        if failing:
            yield CallLoop("scattered", calls, 1, min(75, 30 + 5 * len(calls)))
        elif not _is_slight(first):
            yield CallLoop("reread", calls, 1, min(39, 15 + 2 * len(calls)))


def looped(loop: CallLoop, loss: Waste, max_evidence: int) -> Finding:
    """What a loop was and what it cost; `loss` is what its needless calls consumed."""
    first, needless = loop.calls[0], loop.needless
    burned = 0 if loop.kind == "unrecorded" else round(15 * loss.share)
    return Finding(
        loop.kind,
        needless[0].step,
        f"{loop.told()}: {loss}.",
        evidence=tuple(
            Evidence(
                quote(_shown(call)),
                call.step.index,
                call.number,
                "the last time" if call is needless[-1] else "the same again",
            )
            for call in _sample(needless, max_evidence)
        ),
        recommendation=(_ADVICE_FAILING if first.outcome.failed else _ADVICE).format(
            name=first.name, said=_said(first)
        ),
        about=tuple(f"{call.name} {call.call.arguments}" for call in loop.calls[: loop.period]),
        severity=min(90, loop.severity + burned),
        call=needless[0].number,
    )


def said_again(steps: Sequence[Step], loss: Waste, max_evidence: int) -> Finding:
    """Steps that say nearly the same; `loss` is what all but the first consumed."""
    needless = steps[1:]
    tokens = f" ({loss.tokens:,} tokens)" if loss.tokens else ""
    return Finding(
        "output",
        needless[0],
        f"{needless[0].agent} said nearly the same {len(steps)} times, {len(needless)} of them needlessly{tokens}.",
        evidence=tuple(
            Evidence(quote(_words(step)), step.index, None, "the same again")
            for step in _sample(needless, max_evidence)
        ),
        recommendation="Show the agent its own last answer and what was wrong with it, and end the exchange when an answer does not change.",
        about=(_words(steps[0])[:500],),
        severity=min(80, 30 + 5 * len(steps) + round(15 * loss.share)),
    )


def _sample(repetitions: Sequence[Repetition], count: int) -> list[Repetition]:
    """The first of them and the last."""
    return [*repetitions[: count - 1], *repetitions[count - 1 :][-1:]]


def _names(calls: Sequence[CallFeatures]) -> str:
    names = list(dict.fromkeys(call.name for call in calls))
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1][:5])} and {names[-1]}"


def _words(step: Step) -> str:
    return step.text or step.reasoning or ""


def _said(call: CallFeatures) -> str:
    return f"“{quote(call.outcome.message, width=100)}”" if call.outcome.message else "no message"


def _shown(call: CallFeatures) -> str:
    returned = call.call.result if call.call.result is not None else call.call.error
    return returned or f"{call.name}({call.call.arguments})"
