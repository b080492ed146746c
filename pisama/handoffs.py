"""Handoffs: where one agent gave work, or the floor, to another, what it said then and what came back.

Three forms are recognised: a step addressed to an agent, a call of a tool that is named after an agent or
after handing over to one (`transfer_to_writer`), and a call that names the agent in an argument
(`delegate(coworker="writer", task=…)`).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pisama.offered import plain_name
from pisama.patterns import lazy
from pisama.trace import JSON, Step, ToolCall

MAX_VISIT = 200
"""Acts of the target that are kept of one handoff; beyond them the first and the last."""

_PREFIX = lazy(
    r"^(?:transfer|hand_?off|handover|delegate|escalate|forward|route|send|switch|assign|ask|call)"
    r"(?:_(?:work|task|question|control))?(?:_?to)?[_ ]",
    re.IGNORECASE,
)
_NAMING = tuple(
    "agent agent_name coworker co_worker recipient to target subagent_type assignee role worker".split()
)
_HANDING = lazy(r"transfer|hand_?off|delegate|agent|cowork|co-work|\btask\b|dispatch|assign", re.IGNORECASE)
_ACKNOWLEDGED = lazy(
    r"\A\W{0,3}(?:successfully )?(?:transfer|hand|switch|rout|delegat)\w{0,8}\b[^\n]{0,200}\Z"
    r"|\A\s{0,4}\{\W{0,4}assistant\W{1,6}[\w -]{1,60}\W{0,4}\}\s{0,4}\Z"
    r"|\A\s{0,4}(?:none|null|ok|true)\s{0,4}\Z",
    re.IGNORECASE,
)
_NOBODY = frozenset(
    {"user", "human", "all", "everyone", "team", "system", "end", "self", "manager", "customer"}
)


class Handoff(NamedTuple):
    """One agent giving work or the floor to another."""

    place: int
    """Position of the step in the trace's steps."""
    step: Step
    target: str
    """The agent, as it is called where it acts, else as the handoff spells it."""
    request: str
    """What was said to it."""
    call: int | None
    """Position of the call among the step's calls, None when the step itself is addressed."""
    visit: tuple[Step, ...]
    """The target's acts that followed, up to the next act of the one who handed over or the next handoff to the target."""
    following: Step | None
    """The next act of the one who handed over."""
    answer: str | None
    """What came back: the call's result unless it only confirms the handoff, else the target's last words."""

    @property
    def report(self) -> str:
        """The target's last words, those that it handed to a tool for answering included."""
        if not self.visit:
            return ""
        last = self.visit[-1]
        return "\n".join(filter(None, (last.words, *(_request(call) for call in last.tool_calls))))


def handoffs(steps: Sequence[Step]) -> tuple[Handoff, ...]:
    """Every handoff of a run, in order."""
    acting = {plain_name(step.agent).removesuffix("agent"): step.agent for step in steps}
    acting |= {plain_name(step.agent): step.agent for step in steps}
    acts = _Acts(steps)
    found = []
    for place, step in enumerate(steps):
        visits: dict[str, tuple[Step, ...]] = {}
        for target, request, number in _given(step, acting):
            if target not in visits:
                visits[target] = acts.visit(place, target)
            # Code that asks an agent is one call, and what the agent says is its result.
            alone = step.tool_calls[0] if len(step.tool_calls) == 1 else None
            call = step.tool_calls[number] if number is not None else alone
            visit = visits[target]
            answer = _answer(call, visit)
            found.append(Handoff(place, step, target, request, number, visit, acts.following(place), answer))
    return tuple(found)


class _Acts:
    """Where each agent acts."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = steps
        self._places: dict[str, list[int]] = {}
        for place, step in enumerate(steps):
            self._places.setdefault(step.agent, []).append(place)

    def following(self, place: int) -> Step | None:
        """The next act of the agent that acts at this place."""
        mine = self._places[self._steps[place].agent]
        after = bisect_right(mine, place)
        return self._steps[mine[after]] if after < len(mine) else None

    def visit(self, place: int, target: str) -> tuple[Step, ...]:
        """The target's acts up to the next act of the agent that acts at this place; the first and last of many."""
        mine, theirs = self._places[self._steps[place].agent], self._places.get(target, [])
        after = bisect_right(mine, place)
        back = mine[after] if after < len(mine) else len(self._steps)
        first = bisect_right(theirs, place)
        # When others, or the one who handed over, spoke in between, the target's next act counts.
        end = max(bisect_right(theirs, back), min(first + 1, len(theirs)))
        chosen = theirs[first:end]
        if len(chosen) > MAX_VISIT:
            chosen = chosen[: MAX_VISIT // 2] + chosen[-MAX_VISIT // 2 :]
        return tuple(self._steps[other] for other in chosen)


def _given(step: Step, acting: Mapping[str, str]) -> list[tuple[str, str, int | None]]:
    """Targets, requests and calls of the handoffs in one step."""
    found: list[tuple[str, str, int | None]] = []
    for number, call in enumerate(step.tool_calls):
        target = _target(call, acting)
        if target is not None and target != step.agent:
            found.append((target, _request(call) or step.text, number))
    if (
        step.recipient
        and step.recipient.lower() not in _NOBODY
        and not any(target == step.recipient for target, _, _ in found)
    ):
        target = acting.get(plain_name(step.recipient), step.recipient)
        if target != step.agent:
            found.append((target, step.text, None))
    return found


def _target(call: ToolCall, acting: Mapping[str, str]) -> str | None:
    named = acting.get(plain_name(call.name))
    if named is not None:
        return named
    prefix = _PREFIX.match(call.name)
    rest = call.name[prefix.end() :] if prefix is not None else ""
    if agent := acting.get(plain_name(rest)):
        return agent
    if not _HANDING.search(call.name):
        return None
    given = call.arguments if isinstance(call.arguments, dict) else {}
    for key in _NAMING:
        value = given.get(key)
        if isinstance(value, str) and 0 < len(value) < 80 and value.lower() not in _NOBODY:
            return acting.get(plain_name(value), value)
    return rest if call.name.startswith("transfer_to_") and rest.lower() not in {*_NOBODY, "agent"} else None


def _request(call: ToolCall) -> str:
    """The words of a call's arguments, without the name of the agent."""
    given = call.arguments
    if isinstance(given, str):
        return given
    if not isinstance(given, dict):
        return ""
    return "\n".join(_words(value) for key, value in given.items() if key not in _NAMING and value)


def _words(value: JSON) -> str:
    return value if isinstance(value, str) else str(value)[:4000]


def _answer(call: ToolCall | None, visit: tuple[Step, ...]) -> str | None:
    if call is not None and call.result is not None and not _confirms(call.result[:400], call.name):
        return call.result
    return next((step.words for step in reversed(visit) if step.words), None)


def _confirms(result: str, name: str) -> bool:
    """Whether a result only says that the handoff took place, as by repeating the agent's name."""
    return _ACKNOWLEDGED.match(result) is not None or plain_name(name).endswith(plain_name(result) or "?")
