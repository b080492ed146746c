"""The record of calls up to some point of a run, arranged for holding claims against it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from pisama.acts import acts_of_call, command_of, is_bookkeeping, is_executor, is_reading
from pisama.features import CallFeatures

_OUTSIDE = re.compile(
    r"\b(?:requests?|urllib|httpx|aiohttp|open|read_\w{1,20}|subprocess|os|selenium|wikipedia|load\w{0,20}|Image)[.(]"
    r"|\b(?:curl|wget|cat|grep|ls|find|head|git|npm|pip) "
)
"""Code that gets something from outside the program."""
_CALL_IN_CODE = re.compile(r"\b([A-Za-z_]\w{2,60})\(")


@dataclass(slots=True)
class Record:
    """What the calls added so far did, by family of acts."""

    names: frozenset[str] = frozenset()
    """Names of tools and agents that code can call."""
    calls: dict[str, list[CallFeatures]] = field(default_factory=dict)
    """By the family of their leading verb, in order."""
    done: set[str] = field(default_factory=set)
    """Families in which some call is not known to have failed."""
    changed: bool = False
    """Some call that may change something is not known to have failed."""
    ran: int = -1
    """Position of the last call of an executor that is not known to have failed."""
    used: bool = False
    """Some tool was used that does more than keep books."""
    retrieved: bool = False
    """Something outside the model's memory was asked and did not fail."""

    def add(self, call: CallFeatures) -> None:
        """Take in the next call."""
        executor = is_executor(call.name)
        for family in acts_of_call(call.call, narrow=True):
            self.calls.setdefault(family, []).append(call)
        if not call.outcome.failed:
            self.done |= acts_of_call(call.call)
            self.ran = call.position if executor else self.ran
            self.changed = self.changed or not (is_reading(call.name) or is_bookkeeping(call.name))
        if not is_bookkeeping(call.name):
            self.used = True
            self.retrieved = (
                self.retrieved or not executor or self.reaches_out(command_of(call.call.arguments))
            )

    def reaches_out(self, code: str) -> bool:
        """Whether code calls a tool or an agent, or reads a file, a process or the net."""
        called = {match.group(1) for match in _CALL_IN_CODE.finditer(code)}
        return bool(called & self.names) or _OUTSIDE.search(code) is not None

    def failure_of(self, acts: frozenset[str]) -> CallFeatures | None:
        """The last call for one of these acts, when none succeeded and nothing made up for it.

        A command that had worked and, repeated, no longer does has failed too.
        """
        related = [call for family in acts for call in self.calls.get(family, ())]
        if not related:
            return None
        last = max(related, key=lambda call: call.position)
        if not last.outcome.failed:
            return None
        worked = [call for call in related if not call.outcome.failed]
        if worked:
            relapsed = is_executor(last.name) and any(call.key == last.key for call in worked)
            return last if relapsed else None
        if acts & self.done or (self.ran > last.position and not is_executor(last.name)):
            return None
        return last

    def tried(self, acts: frozenset[str]) -> bool:
        """Whether some call was for one of these acts, whatever came of it."""
        return bool(acts & self.done) or any(family in self.calls for family in acts)
