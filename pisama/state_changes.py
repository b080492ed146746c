"""State changes: stored values that change, shrink, get lost or go stale without a reason in the run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from pisama.elements import normal_number
from pisama.features import Features
from pisama.known import Known
from pisama.patterns import lazy
from pisama.spots import find_near
from pisama.stores import Access, Cell, accesses
from pisama.text import words
from pisama.trace import JSON, Step, Trace

_NUMBER = lazy(r"[-+]?[\d,]{1,20}(?:\.\d{1,12})?")
_REMOVING = lazy(
    r"remov|delet|drop|clear|done|complet|finish|prun|reset|without|cancel|exclud|filter|discard"
)
"""Words that say that something is meant to go."""
_FACTS = lazy(
    r"(?:^|\n)[#* \d.]{0,8}[^\n:]{0,40}\b(?:facts|memory|state|notes|findings)\b[^\n]{0,60}(?:\n|$)",
    re.IGNORECASE,
)
"""Headings of a list of facts."""
_FACTS_WORDS = ("facts", "memory", "state", "notes", "findings")
_LINE = lazy(
    r"(?:^|\n)[ \t]{0,8}(?:[-*•]|\d{1,2}[.)])[ \t]{1,4}(?P<label>[A-Za-z][\w '()/-]{5,80}?)\**[:=]\**[ \t]{1,4}(?P<value>[^\n]{1,80})"
)
_ONE_NUMBER = lazy(
    r"(?<![\w.,])\d{1,3}(?:,\d{3}){0,5}(?:\.\d{1,12})?(?![\w,]|\.\d)|(?<![\w.,])\d{4,20}(?:\.\d{1,12})?(?![\w,]|\.\d)"
)
_LOOKS = 100
"""Changes for which what was said around them is searched; the rest of a longer run stays quiet."""

Kind: TypeAlias = Literal["unasked_change", "type_changed", "items_lost", "lost_write", "stale_value"]


class Changed(NamedTuple):
    """An access whose value is not what the cell held."""

    kind: Kind
    access: Access
    last: Access
    """The access before it, which the cell had its value from."""

    @property
    def name(self) -> str:
        """The field, or the key in a memory."""
        return self.access.cell[1]


class Stated(NamedTuple):
    """A line of a list of facts."""

    number: str
    """As it is written."""
    line: str
    step: Step


class Restated(NamedTuple):
    """A fact that is stated again with a number which nobody gave."""

    name: str
    """The label of the line, in plain words."""
    now: Stated
    before: Stated


@dataclass(slots=True)
class _State:
    """Cells as they stand, and the value each had before its last write."""

    now: dict[Cell, Access] = field(default_factory=dict)
    before: dict[Cell, JSON] = field(default_factory=dict)
    stated: dict[str, Stated] = field(default_factory=dict)
    """The lines of lists of facts by label."""
    looked: int = 0

    def may_look(self) -> bool:
        """Whether one more change may be looked up in what was said."""
        self.looked += 1
        return self.looked <= _LOOKS


def state_changes(trace: Trace, table: Features) -> Iterator[Changed | Restated]:
    """Every change without a reason, in order: cells that calls read, write and use, and facts that steps restate."""
    known = Known(table.elements, table.told)
    state = _State()
    by_step = table.calls_by_step
    for step in trace.steps:
        known.hear(step)
        yield from _restated(step, known, state)
        calls = by_step.get(step.index, ())
        for call in calls:
            for access in accesses(call):
                change = _judged(trace, access, state, known)
                if change is not None:
                    yield change
        for call in calls:
            known.learn(call.call, failed=call.outcome.failed)


def _judged(trace: Trace, access: Access, state: _State, known: Known) -> Changed | None:
    """What is wrong with one access, if anything; the state is moved on."""
    cell, last = access.cell, state.now.get(access.cell)
    changed = last is not None and not _same(last.value, access.value)
    kind = _kind(trace, access, last, state, known) if last is not None and changed else None
    if access.mode != "use":
        if last is not None and changed and access.mode == "write":
            state.before[cell] = last.value
        elif access.mode == "read":
            state.before.pop(cell, None)
        state.now[cell] = access
    return Changed(kind, access, last) if kind is not None and last is not None else None


def _kind(trace: Trace, access: Access, last: Access, state: _State, known: Known) -> Kind | None:
    """What an access is whose value differs from the last; None when there is a reason for it."""
    if access.mode == "read":
        return "lost_write" if access.cell[0] == "memory" and last.mode == "write" else None
    if access.mode == "use":
        stale = last.mode == "write" and _same(state.before.get(access.cell), access.value)
        unwished = stale and state.may_look() and not _wished(access, last, trace)
        return "stale_value" if unwished else None
    if isinstance(last.value, list) and isinstance(access.value, list):
        lost = len(last.value) > 1 and set(map(str, access.value)) < set(map(str, last.value))
        unmeant = lost and state.may_look() and not _removal(access, trace)
        return "items_lost" if unmeant else None
    then, now = _type(last.value), _type(access.value)
    if then == "number" and now != "number" and not known.has(str(access.value)):
        return "type_changed"
    return "unasked_change" if then == now and not _explained(access, known) else None


def _same(one: JSON, other: JSON) -> bool:
    if isinstance(one, list) and isinstance(other, list):
        return sorted(map(str, one)) == sorted(map(str, other))
    first, second = str(one).strip().lower(), str(other).strip().lower()
    return first == second or (
        _type(one) == _type(other) == "number" and normal_number(first) == normal_number(second)
    )


def _type(value: JSON) -> str:
    if isinstance(value, list):
        return "list"
    return "number" if _NUMBER.fullmatch(str(value).strip()) else "text"


def _explained(access: Access, known: Known) -> bool:
    """Whether the new value has a source: any text so far, or the agent's own working in this step."""
    value = str(access.value)
    # Free text is written, not copied: only values that are one fact can be said to have no source.
    if _type(access.value) == "text" and (
        len(value) > 60 or value.count(" ") > 4 or not any(map(str.isdigit, value))
    ):
        return True
    return (
        known.has(value) or known.has(normal_number(value)) or value.lower() in access.call.step.words.lower()
    )


def _removal(access: Access, trace: Trace) -> bool:
    said = [access.call.step.words, *(message.text[:4000] for message in access.call.step.seen)]
    return any(_REMOVING.search(text.lower()) for text in said) or bool(
        _REMOVING.search((trace.task or "").lower())
    )


def _wished(access: Access, last: Access, trace: Trace) -> bool:
    """Whether a user named the old value after the write."""
    value = str(access.value).lower()
    between = (step for step in trace.steps if last.call.step.index < step.index <= access.call.step.index)
    return any(
        value in message.text.lower() for step in between for message in step.seen if message.role == "user"
    )


def _restated(step: Step, known: Known, state: _State) -> Iterator[Restated]:
    """Lists under a heading of facts, notes or memory, line by line against their last statement."""
    if not any(find_near(_FACTS, step.text[:20_000], _FACTS_WORDS, before=60, after=90)):
        return
    for match in _LINE.finditer(step.text[:20_000]):
        label = " ".join(words(match["label"]))
        numbers = [found.group() for found in _ONE_NUMBER.finditer(match["value"])]
        if len(numbers) != 1 or label.count(" ") < 1:
            continue
        now, before = Stated(numbers[0], match.group().strip(), step), state.stated.get(label)
        state.stated[label] = now
        number = normal_number(now.number)
        if before is None or normal_number(before.number) == number:
            continue
        if not known.has(number) and not known.has(now.number):
            yield Restated(label, now, before)
