"""Corruption: the state that agents keep goes bad."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from pydantic import Field

from pisama.detectors.base import Detector, Example, Needs, Signal
from pisama.elements import normal_number
from pisama.features import canonical, features
from pisama.issue import Evidence, Issue
from pisama.known import Known
from pisama.patterns import lazy
from pisama.spots import find_near
from pisama.stores import Access, Cell, accesses
from pisama.text import quote, words
from pisama.trace import JSON, Step, Trace

_NUMBER = lazy(r"[-+]?[\d,]{1,20}(?:\.\d{1,12})?")
_REMOVING = lazy(
    r"remov|delet|drop|clear|done|complet|finish|prun|reset|without|cancel|exclud|filter|discard"
)
_FACTS = lazy(
    r"(?:^|\n)[#* \d.]{0,8}[^\n:]{0,40}\b(?:facts|memory|state|notes|findings)\b[^\n]{0,60}(?:\n|$)",
    re.IGNORECASE,
)
_FACTS_WORDS = ("facts", "memory", "state", "notes", "findings")
_LINE = lazy(
    r"(?:^|\n)[ \t]{0,8}(?:[-*•]|\d{1,2}[.)])[ \t]{1,4}(?P<label>[A-Za-z][\w '()/-]{5,80}?)\**[:=]\**[ \t]{1,4}(?P<value>[^\n]{1,80})"
)
_ONE_NUMBER = lazy(
    r"(?<![\w.,])\d{1,3}(?:,\d{3}){0,5}(?:\.\d{1,12})?(?![\w,]|\.\d)|(?<![\w.,])\d{4,20}(?:\.\d{1,12})?(?![\w,]|\.\d)"
)


_LOOKS = 100
"""Uses of replaced values for which users' words are searched; the rest of a longer run stays quiet."""


@dataclass(slots=True)
class _State:
    """Cells as they stand, and the value each had before its last write."""

    now: dict[Cell, Access] = field(default_factory=dict)
    before: dict[Cell, JSON] = field(default_factory=dict)
    looked: int = 0
    stated: dict[str, tuple[str, str, Step]] = field(default_factory=dict)
    """By label of a list of facts: number, line, step."""


class Corruption(Detector):
    """State goes bad: stored values change, shrink, turn into another type, get lost or go stale.

    ## Why it is a failure

    Agents build on what they stored. A wrong value in memory or in a record is used by every later step,
    and nothing in the run shows where it came from.

    ## What it does not flag

    Changes to values that a user, a tool or the agent's own working names; items removed as done;
    first writes; failed writes; a value that is read anew after it was written.

    ## How to fix it

    Write state with a tool that checks type and keeps old versions, read before writing, and read
    again after a write instead of using what was read before it.
    """

    id = "corruption"
    needs = frozenset({Needs.CALLS})
    tags = ("trail:Incorrect Memory Usage",)
    signals: ClassVar = {
        "unasked_change": Signal("a stored value is replaced by one that nobody gave", 50, 0.6),
        "type_changed": Signal("a stored value is replaced by one of another type", 45, 0.6),
        "items_lost": Signal("a stored list is written again without some of its items", 45, 0.6),
        "lost_write": Signal("a read does not return what was written", 50, 0.7, "tool"),
        "stale_value": Signal("a value is used that a write has replaced", 50, 0.65),
        "fact_changed": Signal("a list of facts is restated with another number that nobody gave", 40, 0.45),
    }

    most: Annotated[int, Field(ge=1)] = 4
    """Issues of one signal in one trace."""

    quiet = (
        Example(
            "the task asks for the new value",
            """
            task: Change the address of order W10045 to 5 Elm Street.
            agent: get_order(order_id="W10045") -> {"order_id": "W10045", "address": "1 Oak Road"}
            agent: update_order(order_id="W10045", address="5 Elm Street") -> ok
            """,
        ),
        Example(
            "a counter that a result moves on",
            """
            task: Count the files.
            agent: set_memory(key="count", value="3") -> ok
            agent: list_files(path="b") -> 4 more files, 7 in all
            agent: set_memory(key="count", value="7") -> ok
            """,
        ),
        Example(
            "a sum worked out in words",
            """
            task: Keep a total in memory.
            agent: set_memory(key="total", value="3") -> ok
            agent: 3 and 4 are 7, so I store 7.
              set_memory(key="total", value="7") -> ok
            """,
        ),
        Example(
            "finished items leave the list",
            """
            task: Work through the list.
            agent: save_state(key="open", value=["a.py", "b.py", "c.py"]) -> ok
            agent: a.py is done.
              save_state(key="open", value=["b.py", "c.py"]) -> ok
            """,
        ),
        Example(
            "what was written is what is read",
            """
            task: Remember the code.
            agent: set_memory(key="code", value="X-1") -> ok
            agent: get_memory(key="code") -> {"value": "X-1"}
            """,
        ),
        Example(
            "the user wants the old value back",
            """
            task: Set the cabin of booking EHGLP3 to business.
            agent: update_booking(booking_id="EHGLP3", cabin="economy") -> ok
            agent: update_booking(booking_id="EHGLP3", cabin="business") -> ok
            user: Please go back to economy.
            agent: update_booking(booking_id="EHGLP3", cabin="economy") -> ok
            """,
        ),
    )
    fires = (
        Example(
            "a list of facts is restated with another number",
            r"""
            task: Compare the two towns.
            agent: Facts so far:\n- population of Aville: 5,300\n- area of Aville: 12 km2
              look(town="Bville") -> Bville has 800 people.
            agent: Known facts:\n- population of Aville: 3,500\n- area of Aville: 12 km2
            """,
            at=(1,),
        ),
        Example(
            "a stored number turns into another",
            """
            task: Keep the budget in memory. It is 1200.
            agent: set_memory(key="budget", value="1200") -> ok
            agent: Next I look for hotels.
              search(city="Rome") -> Hotel Roma, Hotel Lazio
            agent: set_memory(key="budget", value="2100") -> ok
            """,
            at=(2,),
        ),
        Example(
            "a number becomes a word",
            """
            task: Keep the number of guests, 12.
            agent: set_memory(key="guests", value="12") -> ok
            agent: set_memory(key="guests", value="twelve") -> ok
            """,
            at=(1,),
        ),
        Example(
            "a list loses an item",
            """
            task: Keep the attendees Anna, Bob and Carl.
            agent: save_state(key="attendees", value=["Anna", "Bob", "Carl"]) -> ok
            agent: save_state(key="attendees", value=["Anna", "Carl"]) -> ok
            """,
            at=(1,),
        ),
        Example(
            "the memory forgets",
            """
            task: Remember the code X-1.
            agent: set_memory(key="code", value="X-1") -> ok
            agent: get_memory(key="code") -> null
            """,
            at=(1,),
        ),
        Example(
            "what was read before the write is used after it",
            """
            task: Move order W10045 to 5 Elm Street and ship it.
            agent: get_order(order_id="W10045") -> {"order_id": "W10045", "address": "1 Oak Road"}
            agent: update_order(order_id="W10045", address="5 Elm Street") -> ok
            agent: ship(order_id="W10045", address="1 Oak Road") -> shipped
            """,
            at=(2,),
        ),
    )

    def check(self, trace: Trace) -> Iterator[Issue]:
        """Follow every cell through the run."""
        counts: dict[tuple[str, str], int] = {}
        per_signal: dict[str, int] = {}
        for issue, cell in self._all(trace):
            place = (issue.signal, cell)
            counts[place] = counts.get(place, 0) + 1
            per_signal[issue.signal] = per_signal.get(issue.signal, 0) + 1
            if counts[place] == 1 and per_signal[issue.signal] <= self.most:
                yield issue

    def _all(self, trace: Trace) -> Iterator[tuple[Issue, str]]:
        table = features(trace)
        known = Known(table.elements, table.told)
        state = _State()
        by_step = table.calls_by_step
        for step in trace.steps:
            known.hear(step)
            yield from self._restated(trace, step, known, state)
            calls = by_step.get(step.index, ())
            for call in calls:
                for access in accesses(call):
                    issue = self._judged(trace, access, state, known)
                    if issue is not None:
                        yield issue, access.cell[1]
            for call in calls:
                known.learn(call.call, failed=call.outcome.failed)

    def _judged(self, trace: Trace, access: Access, state: _State, known: Known) -> Issue | None:
        """What is wrong with one access, if anything; the state is moved on."""
        cell, last = access.cell, state.now.get(access.cell)
        changed = last is not None and not _same(last.value, access.value)
        issue = None
        if last is not None and changed:
            issue = self._change(trace, access, last, state, known)
        if access.mode != "use":
            if last is not None and changed and access.mode == "write":
                state.before[cell] = last.value
            elif access.mode == "read":
                state.before.pop(cell, None)
            state.now[cell] = access
        return issue

    def _change(
        self, trace: Trace, access: Access, last: Access, state: _State, known: Known
    ) -> Issue | None:
        if access.mode == "read":
            lost = access.cell[0] == "memory" and last.mode == "write"
            return self._told(trace, "lost_write", access, last) if lost else None
        if access.mode == "use":
            stale = last.mode == "write" and _same(state.before.get(access.cell), access.value)
            return (
                self._told(trace, "stale_value", access, last)
                if stale and not _wished(access, last, trace)
                else None
            )
        if isinstance(last.value, list) and isinstance(access.value, list):
            lost = len(last.value) > 1 and set(map(str, access.value)) < set(map(str, last.value))
            return (
                self._told(trace, "items_lost", access, last)
                if lost and not _removal(access, trace)
                else None
            )
        if (
            _type(last.value) == "number"
            and _type(access.value) != "number"
            and not known.has(str(access.value))
        ):
            return self._told(trace, "type_changed", access, last)
        if _type(last.value) == _type(access.value) and not _explained(access, known):
            return self._told(trace, "unasked_change", access, last)
        return None

    def _told(self, trace: Trace, signal: str, access: Access, last: Access) -> Issue:
        name = access.cell[1].replace("_", " ")
        now, then = quote(_shown(access.value), width=60), quote(_shown(last.value), width=60)
        call = access.call
        return self.issue(
            trace,
            signal,
            call.step,
            _SUMMARIES[signal].format(
                tool=call.name, name=name, now=now, then=then, since=last.call.step.index
            ),
            evidence=(
                Evidence(
                    quote(f"{call.name}({_shown(call.call.arguments)})"),
                    call.step.index,
                    call.number,
                    f"{name}: {now}",
                ),
                Evidence(
                    quote(f"{last.call.name}({_shown(last.call.call.arguments)})"),
                    last.call.step.index,
                    last.call.number,
                    f"{name}: {then}",
                ),
            ),
            recommendation=_ADVICE[signal].format(tool=call.name, name=name),
            about=(call.name, access.cell[1], signal),
            call=call.number,
        )

    def _restated(self, trace: Trace, step: Step, known: Known, state: _State) -> Iterator[tuple[Issue, str]]:
        """Lists under a heading of facts, notes or memory, line by line against their last statement."""
        if not any(find_near(_FACTS, step.text[:20_000], _FACTS_WORDS, before=60, after=90)):
            return
        for match in _LINE.finditer(step.text[:20_000]):
            label = " ".join(words(match["label"]))
            numbers = [found.group() for found in _ONE_NUMBER.finditer(match["value"])]
            if len(numbers) != 1 or label.count(" ") < 1:
                continue
            number, line = normal_number(numbers[0]), match.group().strip()
            last = state.stated.get(label)
            state.stated[label] = (number, line, step)
            if last is None or last[0] == number or known.has(number) or known.has(numbers[0]):
                continue
            yield (
                self.issue(
                    trace,
                    "fact_changed",
                    step,
                    f"Restates {label} as {numbers[0]}, which nobody gave; it was {last[0]}.",
                    evidence=(
                        Evidence(quote(line), step.index, None, "now"),
                        Evidence(quote(last[1]), last[2].index, None, "before"),
                    ),
                    recommendation="Carry facts forward by copying them, and have each change name its source.",
                    about=(label, "restated"),
                ),
                label,
            )


_SUMMARIES = {
    "unasked_change": "{tool} changes {name} from {then} to {now}, a value that no one gave.",
    "type_changed": "{tool} writes {name} as {now} where a number, {then}, was stored.",
    "items_lost": "{tool} writes {name} again with fewer items: {then} became {now}.",
    "lost_write": "{tool} returns {now} for {name}, although step {since} wrote {then}.",
    "stale_value": "{tool} uses {now} as {name}, although step {since} changed it to {then}.",
}
_ADVICE = {
    "unasked_change": "Let {tool} change {name} only to a value that has a source in the run, and keep the old one.",
    "type_changed": "Give {name} a type in the schema of {tool} and reject other types.",
    "items_lost": "Give the agent calls that add and remove single items of {name} instead of writing the whole list.",
    "lost_write": "Check why the write of {name} did not last: another key, another scope or an expired entry.",
    "stale_value": "Read {name} again after it was written, or take it from the write.",
}


def _shown(value: JSON) -> str:
    return value if isinstance(value, str) else canonical(value).decode("utf-8", "replace")


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
