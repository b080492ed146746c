"""The record of calls up to some point of a run, arranged for holding claims against it."""

from __future__ import annotations

from dataclasses import dataclass, field

from pisama.acts import acts_of_call, command_of, is_bookkeeping, is_executor, is_reading
from pisama.code_text import code_of, without_literals
from pisama.features import CallFeatures
from pisama.patterns import lazy

_OUTSIDE = lazy(
    r"\b(?:requests?|urllib|httpx|aiohttp|open|read_\w{1,20}|subprocess|os|selenium|wikipedia|load\w{0,20}|Image)[.(]"
    r"|\b(?:curl|wget|cat|grep|ls|find|head|git|npm|pip) "
)
"""Code that gets something from outside the program."""
_CALL_IN_CODE = lazy(r"\b([A-Za-z_]\w{2,60})\(")


@dataclass(slots=True)
class Attempts:
    """The calls for one family of acts."""

    last: CallFeatures
    count: int = 0
    worked: bool = False
    """Some of them is not known to have failed."""
    relapsed: bool = False
    """The last one is a command that failed and had worked before, word for word."""
    keys: set[int] = field(default_factory=set)
    """Of those that are not known to have failed."""

    def add(self, call: CallFeatures) -> None:
        """Take in the next call."""
        self.last = call
        self.count += 1
        self.relapsed = call.outcome.failed and is_executor(call.name) and call.key in self.keys
        if not call.outcome.failed:
            self.worked = True
            self.keys.add(call.key)


@dataclass(slots=True)
class Record:
    """What the calls added so far did, by family of acts."""

    names: frozenset[str] = frozenset()
    """Names of tools and agents that code can call."""
    attempts: dict[str, Attempts] = field(default_factory=dict)
    """By the family of the calls' leading verb."""
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
            self.attempts.setdefault(family, Attempts(call)).add(call)
        if not call.outcome.failed:
            self.done |= acts_of_call(call.call)
            self.ran = call.position if executor else self.ran
            self.changed = self.changed or not (is_reading(call.name) or is_bookkeeping(call.name))
        if not is_bookkeeping(call.name):
            self.used = True
            outside = not executor or self._reaches_out(call)
            self.retrieved = self.retrieved or (outside and not call.outcome.failed)

    def _reaches_out(self, call: CallFeatures) -> bool:
        """Whether code calls a tool or an agent, or reads a file, a process or the net.

        What a string of the code says is not done by it.
        """
        written = code_of(call.call)
        code = command_of(call.call.arguments) if written is None else without_literals(written)
        called = {match.group(1) for match in _CALL_IN_CODE.finditer(code)}
        return bool(called & self.names) or _OUTSIDE.search(code) is not None

    def failure_of(self, acts: frozenset[str]) -> Attempts | None:
        """The calls for one of these acts, when none succeeded and nothing made up for it.

        A command that had worked and, repeated, no longer does has failed too.
        """
        related = [self.attempts[family] for family in acts if family in self.attempts]
        if not related:
            return None
        latest = max(related, key=lambda tried: tried.last.position)
        if not latest.last.outcome.failed:
            return None
        if any(tried.worked for tried in related):
            return latest if latest.relapsed else None
        recovered = self.ran > latest.last.position and not is_executor(latest.last.name)
        return None if recovered or acts & self.done else latest

    def tried(self, acts: frozenset[str]) -> bool:
        """Whether some call was for one of these acts, whatever came of it."""
        return bool(acts & self.done) or any(family in self.attempts for family in acts)
