"""Corruption: the state that agents keep goes bad."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from pisama.detectors.base import Detector, Example, Needs, Signal
from pisama.elements import normal_number
from pisama.features import canonical, features
from pisama.issue import Evidence, Issue
from pisama.state_changes import Changed, Restated, state_changes
from pisama.stores import Access
from pisama.text import quote
from pisama.trace import JSON, Trace

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
        """Follow every cell through the run; the first failure of each kind in each is told."""
        told: set[tuple[str, str]] = set()
        per_signal: dict[str, int] = {}
        for change in state_changes(trace, features(trace)):
            signal = change.kind if isinstance(change, Changed) else "fact_changed"
            per_signal[signal] = per_signal.get(signal, 0) + 1
            if (signal, change.name) in told or per_signal[signal] > self.most:
                continue
            told.add((signal, change.name))
            yield (
                self._changed(trace, change) if isinstance(change, Changed) else self._restated(trace, change)
            )

    def _changed(self, trace: Trace, change: Changed) -> Issue:
        signal, access, last = change
        call, name = access.call, change.name.replace("_", " ")
        now, then = quote(_shown(access.value), width=60), quote(_shown(last.value), width=60)
        return self.issue(
            trace,
            signal,
            call.step,
            _SUMMARIES[signal].format(
                tool=call.name, name=name, now=now, then=then, since=last.call.step.index
            ),
            evidence=(_evidence(access, f"{name}: {now}"), _evidence(last, f"{name}: {then}")),
            recommendation=_ADVICE[signal].format(tool=call.name, name=name),
            about=(call.name, change.name, signal),
            call=call.number,
        )

    def _restated(self, trace: Trace, change: Restated) -> Issue:
        label, now, before = change
        return self.issue(
            trace,
            "fact_changed",
            now.step,
            f"Restates {label} as {now.number}, which nobody gave; it was {normal_number(before.number)}.",
            evidence=(
                Evidence(quote(now.line), now.step.index, None, "now"),
                Evidence(quote(before.line), before.step.index, None, "before"),
            ),
            recommendation="Carry facts forward by copying them, and have each change name its source.",
            about=(label, "restated"),
        )


def _evidence(access: Access, note: str) -> Evidence:
    call = access.call
    shown = quote(f"{call.name}({_shown(call.call.arguments)})")
    return Evidence(shown, call.step.index, call.number, note)


def _shown(value: JSON) -> str:
    return value if isinstance(value, str) else canonical(value).decode("utf-8", "replace")
