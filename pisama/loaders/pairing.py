"""Pairing tool calls with their results."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from pisama.trace import ToolCall

_Place: TypeAlias = tuple[int, int]
_Queue: TypeAlias = deque[_Place]


@dataclass(slots=True)
class Pairing:
    """The calls of a conversation, each with its result once that is known.

    A result answers the call of its id. Without an id, or where the call has none, it answers the
    first call of its name, else the first call, still open in the latest step with an open call.
    """

    steps: list[list[ToolCall]] = field(default_factory=list)
    """The calls of each step, in order."""
    _by_id: dict[str, _Place] = field(default_factory=dict)
    _again: dict[str, _Queue] = field(default_factory=dict)
    """Further calls of the same step under an id that it already used."""
    _open: list[int] = field(default_factory=list)
    _queues: dict[int, _OpenCalls] = field(default_factory=dict)
    """By step; made once a result without a usable id asks for them."""
    _answered: set[_Place] = field(default_factory=set)

    def add(self, calls: tuple[ToolCall, ...]) -> None:
        """The calls of the next step; it may have none."""
        position = len(self.steps)
        self.steps.append(list(calls))
        if calls:
            self._open.append(position)
        for number, call in enumerate(calls):
            if call.id is not None:
                self._note(call.id, (position, number))

    def answer(
        self, text: str | None, call_id: str | None, name: str | None, error: str | None
    ) -> ToolCall | None:
        """Gives a result to its call; the call as it is now, or None when no call fits."""
        place = self._place_of(call_id) if call_id is not None else None
        if place is None:
            place = self._next_open(name, any_id=call_id is None)
        if place is None:
            return None
        self._answered.add(place)
        position, number = place
        call = replace(self.steps[position][number], result=text, error=error)
        self.steps[position][number] = call
        return call

    def _note(self, call_id: str, place: _Place) -> None:
        used = self._by_id.get(call_id)
        if used is not None and used[0] == place[0]:
            self._again.setdefault(call_id, deque()).append(place)
            return
        # An id used again in a later step means the later call.
        self._by_id[call_id] = place
        self._again.pop(call_id, None)

    def _place_of(self, call_id: str) -> _Place | None:
        place = self._by_id.pop(call_id, None)
        further = self._again.get(call_id)
        if further:
            self._by_id[call_id] = further.popleft()
        return place

    def _next_open(self, name: str | None, *, any_id: bool) -> _Place | None:
        while self._open and self._first(self._queues_of(self._open[-1]).all) is None:
            self._queues.pop(self._open.pop())
        if not self._open:
            return None
        opened = self._queues_of(self._open[-1])
        named = opened.named if any_id else opened.named_without_id
        queue = named.get(name) if name is not None else None
        place = self._first(queue) if queue else None
        return place or self._first(opened.all if any_id else opened.without_id)

    def _queues_of(self, position: int) -> _OpenCalls:
        queues = self._queues.get(position)
        if queues is None:
            queues = self._queues[position] = _OpenCalls()
            for number, call in enumerate(self.steps[position]):
                queues.add((position, number), call)
        return queues

    def _first(self, queue: _Queue) -> _Place | None:
        while queue and queue[0] in self._answered:
            queue.popleft()
        return queue[0] if queue else None


@dataclass(slots=True)
class _OpenCalls:
    """The calls of one step in every order in which they are looked for."""

    all: _Queue = field(default_factory=deque)
    without_id: _Queue = field(default_factory=deque)
    named: dict[str, _Queue] = field(default_factory=dict)
    named_without_id: dict[str, _Queue] = field(default_factory=dict)

    def add(self, place: _Place, call: ToolCall) -> None:
        self.all.append(place)
        self.named.setdefault(call.name, deque()).append(place)
        if call.id is None:
            self.without_id.append(place)
            self.named_without_id.setdefault(call.name, deque()).append(place)
