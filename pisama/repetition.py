"""Repetition: which calls of a run are the same act again, and where they go round in circles.

A call is the same act as an earlier one of its agent when tool, arguments and result are equal, or
when its arguments differ only in how they are written (case, quotes, order, a word of a query) and
the result is the same all the same. Everything is linear in the calls.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pisama.features import CallFeatures, Features
from pisama.patterns import lazy
from pisama.text import overlap, shingles, stable, stems, words
from pisama.trace import JSON, Step, Trace, total_cost

RECENT = 4
"""Wordings of one act that a further one is compared with."""
ARGUMENT_WIDTH = 2_000
"""Characters of the arguments that are compared."""
SAME_WORDING = 0.8
"""Jaccard index of the stems of two free texts from which on they ask the same thing."""
FREE_TEXT = 4
"""Words from which on an argument is free text, in which a changed word may mean nothing."""

OUTPUT_WIDTH = 6_000
"""Characters of an output that are compared with earlier ones."""
OUTPUT_STEMS = 10
"""Stems below which an output says too little for its repetition to mean anything."""

_COUNTED = lazy(r"\b(?:iteration|epoch|round|attempt|trial|generation|experiment) ?#?\d", re.IGNORECASE)
_DIGITS = lazy(r"\d+")
_ESCAPE = lazy(r"\\[nrt\"\\/]")


class Run(NamedTuple):
    """A stretch of a sequence in which a block of `period` items comes again and again."""

    start: int
    period: int
    length: int
    """Items covered, a begun last lap included."""

    @property
    def laps(self) -> int:
        """How often the whole block was gone through."""
        return self.length // self.period


def runs(states: Sequence[int], max_period: int, min_laps: int) -> Iterator[Run]:
    """The stretches that repeat at least `min_laps` times, shortest period first, none inside another.

    Linear in the sequence for a given `max_period`: an item equals the one a period before it or it does not.
    """
    taken = bytearray(len(states))
    for period in range(1, min(max_period, len(states) // min_laps) + 1):
        matched = 0
        for position in range(period, len(states) + 1):
            if position < len(states) and states[position] == states[position - period]:
                matched += 1
                continue
            if matched >= (min_laps - 1) * period:
                start = position - matched - period
                length = matched + period
                if not any(taken[start : start + length]):
                    taken[start : start + length] = b"\1" * length
                    yield Run(start, period, length)
            matched = 0


class _Wording(NamedTuple):
    exact: frozenset[str]
    free: frozenset[str] | None
    """Stems, when an argument is free text; None when every change counts."""
    digits: tuple[str, ...]

    def asks_the_same(self, other: _Wording) -> bool:
        if self.exact == other.exact:
            return True
        if self.free is None or other.free is None or self.digits != other.digits:
            return False
        union = len(self.free | other.free)
        return union > 0 and len(self.free & other.free) / union >= SAME_WORDING


@dataclass(slots=True)
class _Worded:
    """The arguments of a call; most are never compared, as what came back is enough to tell calls apart."""

    arguments: JSON
    _wording: _Wording | None = None

    @property
    def wording(self) -> _Wording:
        if self._wording is None:
            self._wording = _wording(self.arguments)
        return self._wording


@dataclass(slots=True)
class Acts:
    """Numbers acts: the same number for the same act."""

    _known: dict[tuple[object, ...], int] = field(default_factory=dict)
    _recent: dict[tuple[object, ...], list[tuple[_Worded, int]]] = field(default_factory=dict)

    def number(self, call: CallFeatures, turn: int) -> int:
        """The number of this act. `turn` counts what users said: reading again for a new question is a new act."""
        result = came_back(call)
        place = (call.step.agent, call.name, result, 0 if call.outcome.failed else turn)
        exact = (*place, call.key)
        known = self._known.get(exact)
        if known is None:
            known = self._known[exact] = self._similar(place, call)
        return known

    def _similar(self, place: tuple[object, ...], call: CallFeatures) -> int:
        fresh = len(self._known)
        if call.returned is None:
            return fresh
        worded = _Worded(call.call.arguments)
        recent = self._recent.setdefault(place, [])
        same = next(
            (number for other, number in recent if other.wording.asks_the_same(worded.wording)), fresh
        )
        recent.append((worded, same))
        del recent[:-RECENT]
        return same


def came_back(call: CallFeatures) -> object:
    """What came back, fit to be compared. Errors count as equal that differ only in the arguments they repeat."""
    if not call.outcome.failed:
        return call.returned
    repeated = words(_flat(call.call.arguments))
    return call.outcome.kind, frozenset(words(call.outcome.message)).difference(repeated)


def _flat(arguments: JSON) -> str:
    """Keys and values of the arguments as one text, in an order that does not depend on that of the keys."""
    parts: list[str] = []
    width = 0
    pending: list[JSON] = [arguments]
    while pending and width < ARGUMENT_WIDTH:
        value = pending.pop()
        if isinstance(value, dict):
            for key in sorted(value, key=str):
                pending.append(value[key])
                pending.append(str(key))
        elif isinstance(value, list):
            pending.extend(reversed(value))
        else:
            part = str(value)[:ARGUMENT_WIDTH]
            width += len(part) + 1
            parts.append(part)
    return " ".join(parts)


def _wording(arguments: JSON) -> _Wording:
    text = _ESCAPE.sub(" ", _flat(arguments))
    tokens = words(text)
    is_free = len(tokens) > FREE_TEXT and "/" not in text and " " in text.strip()
    return _Wording(
        frozenset(tokens) if tokens else frozenset([text]),
        frozenset(stems(text)) if is_free else None,
        tuple(sorted(_DIGITS.findall(text))),
    )


def sequences(trace: Trace, calls: Iterable[CallFeatures]) -> dict[str, list[tuple[CallFeatures, int]]]:
    """The calls of each agent in order, each with the number of its act."""
    acts, found = Acts(), dict[str, list[tuple[CallFeatures, int]]]()
    turns = _turns(trace)
    for call in calls:
        number = acts.number(call, turns[call.step.index])
        found.setdefault(call.step.agent, []).append((call, number))
    return found


def _turns(trace: Trace) -> dict[int, int]:
    """How many different things users had said before each step."""
    said: set[str] = set()
    turns = {}
    for step in trace.steps:
        said.update(message.text for message in step.seen if message.role == "user")
        turns[step.index] = len(said)
    return turns


class Waste(NamedTuple):
    """What needless calls consumed, as far as their steps recorded it."""

    calls: int
    tokens: int | None
    cost: float | None
    """USD."""
    share: float
    """Part of the run's recorded tokens, 0 to 1."""

    def __str__(self) -> str:
        parts = [f"{self.calls} needless call{'s' if self.calls != 1 else ''}"]
        if self.tokens:
            parts.append(f"{self.tokens:,} tokens")
        if self.cost:
            parts.append(f"${self.cost:.4f}" if self.cost < 1 else f"${self.cost:,.2f}")
        return ", ".join(parts)


def recorded_tokens(trace: Trace) -> int:
    """The tokens of the whole run, as far as its steps recorded them."""
    return sum(step.usage.tokens for step in trace.steps if step.usage is not None)


def waste(table: Features, calls: Sequence[CallFeatures], total: int) -> Waste:
    """What these calls consumed; a step counts when all the calls it made are among them.

    `total` is the run's `recorded_tokens`.
    """
    needless = {call.position for call in calls}
    steps = {call.step.index: call.step for call in calls}
    idle = [
        step
        for index, step in steps.items()
        if all(call.position in needless for call in table.calls_by_step.get(index, ()))
    ]
    return spent(idle, len(needless), total)


def spent(steps: Sequence[Step], calls: int, total: int) -> Waste:
    """What these steps consumed."""
    usages = [step.usage for step in steps if step.usage is not None]
    tokens = sum(usage.tokens for usage in usages)
    cost = total_cost(usage.cost for usage in usages)
    return Waste(calls, tokens if usages else None, cost, tokens / total if total else 0.0)


@dataclass(slots=True)
class _Output:
    """An output, compared by its plain words first: stems are for those that are alike."""

    text: str
    plain: frozenset[str]
    _said: frozenset[tuple[str, ...]] | None = None

    @property
    def said(self) -> frozenset[tuple[str, ...]]:
        if self._said is None:
            tokens = stems(stable(self.text))
            self._said = shingles(tokens) if len(tokens) >= OUTPUT_STEMS else frozenset()
        return self._said

    def repeats(self, other: _Output, same_words: float) -> bool:
        return (
            overlap(self.plain, other.plain) >= same_words / 2
            and overlap(self.said, other.said) >= same_words
        )


def repeated_outputs(trace: Trace, same_words: float) -> Iterator[list[Step]]:
    """Groups of steps in which an agent, calling nothing, says what it said in one of its last three such steps.

    `same_words` is the Jaccard index of three-stem shingles from which on two outputs are the same.
    """
    recent: dict[str, deque[tuple[_Output, list[Step]]]] = {}
    groups: list[list[Step]] = []
    for step in trace.steps:
        text = (step.text or step.reasoning or "")[:OUTPUT_WIDTH]
        if step.tool_calls or len(text) < OUTPUT_STEMS or _COUNTED.search(text[:400]):
            continue
        output = _Output(text, frozenset(text.lower().split()))
        last = recent.setdefault(step.agent, deque(maxlen=3))
        group = next((steps for other, steps in last if output.repeats(other, same_words)), None)
        if group is None:
            group = []
            groups.append(group)
        group.append(step)
        last.append((output, group))
    yield from groups
