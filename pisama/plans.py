"""Plans: the steps an agent says it, or others, will take.

Recognised: numbered and bulleted lists under a heading such as "Plan" or made of instructions,
check lists, headings "Step 1: …", and JSON plans, task lists and ledgers, in prose or as the
arguments of a call that writes them. A list of facts, results or sources is no plan.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache

import orjson

from pisama.patterns import lazy
from pisama.plan_lists import STEP_LIMIT, listed
from pisama.plan_types import Plan, PlanStep, State
from pisama.text import words
from pisama.trace import JSON

__all__ = ["Plan", "PlanStep", "named", "plan_of", "plans"]

TEXT_LIMIT = 40_000
"""Characters of a text in which plans are looked for."""
_JSON_NODES = 2_000
_HUMP = lazy(r"(?<=[a-z0-9])(?=[A-Z])")
_PLAN_KEYS = (
    "plan",
    "steps",
    "todos",
    "todo",
    "tasks",
    "subtasks",
    "sub_tasks",
    "items",
    "plan_steps",
    "task_ledger",
)
_TEXT_KEYS = (
    "step",
    "content",
    "description",
    "task",
    "action",
    "title",
    "instruction",
    "objective",
    "name",
    "goal",
    "text",
    "subject",
)
_OWNER_KEYS = (
    "owner",
    "agent",
    "assignee",
    "assigned_to",
    "agent_name",
    "executor",
    "worker",
    "responsible",
    "role",
)
_TOOL_KEYS = ("tool", "tool_name", "function", "uses")
_STATE_KEYS = ("status", "state", "done", "completed")
_DEPENDS_KEYS = ("depends_on", "dependencies", "depends", "requires", "after", "blocked_by", "blockedBy")
_DONE = frozenset({"done", "completed", "complete", "finished", "closed", "true"})
_ACTIVE = frozenset({"in_progress", "in progress", "active", "started", "doing", "running"})


def plans(text: str) -> tuple[Plan, ...]:
    """The plans in a text, in order: lists first, then those written as JSON."""
    text = text[:TEXT_LIMIT]
    return (*listed(text), *_embedded(text))


def plan_of(value: JSON) -> Plan | None:
    """The plan that a JSON value is or holds, as in the arguments of a call that writes a task list."""
    pending, left = [value], _JSON_NODES
    while pending and left:
        left -= 1
        node = pending.pop(0) if left > _JSON_NODES - 20 else pending.pop()
        if isinstance(node, dict):
            for key in _PLAN_KEYS:
                steps = _records(node.get(key))
                if steps:
                    return Plan(steps, announced=True, structured=True)
            pending.extend(item for item in node.values() if isinstance(item, (dict, list)))
        elif isinstance(node, list):
            pending.extend(item for item in node[:STEP_LIMIT] if isinstance(item, (dict, list)))
    return None


def named(text: str, names: Collection[str]) -> frozenset[str]:
    """Which of these names of tools or agents a text mentions, however they are spelled.

    `web_search`, `webSearch`, `web-search` and "web search" are one name.
    """
    by_words, lengths = _spellings(frozenset(names))
    spelled = _spelled(text)
    return frozenset(
        name
        for start, word in enumerate(spelled)
        for length in lengths.get(word, ())
        for name in by_words.get(tuple(spelled[start : start + length]), ())
    )


@lru_cache(maxsize=64)
def _spellings(names: frozenset[str]) -> tuple[dict[tuple[str, ...], list[str]], dict[str, set[int]]]:
    """The names by their words, and by first word how many words they have."""
    found: dict[tuple[str, ...], list[str]] = {}
    for name in names:
        if spelled := tuple(_spelled(name)):
            found.setdefault(spelled, []).append(name)
    lengths: dict[str, set[int]] = {}
    for spelled in found:
        lengths.setdefault(spelled[0], set()).add(len(spelled))
    return found, lengths


def _spelled(text: str) -> list[str]:
    return words(_HUMP.sub(" ", text).replace("_", " ").replace("-", " "))


def _embedded(text: str) -> Iterator[Plan]:
    """Plans written as JSON: the whole text, or what stands between its outermost braces."""
    if '"' not in text or not any(f'"{key}"' in text for key in _PLAN_KEYS):
        return
    begin, end = text.find("{"), text.rfind("}")
    array = text.find("[")
    if 0 <= array < begin or begin < 0:
        begin, end = array, text.rfind("]")
    if begin < 0 or end < begin:
        return
    try:
        plan = plan_of(orjson.loads(text[begin : end + 1]))
    except orjson.JSONDecodeError:
        return
    if plan is not None:
        yield plan


def _records(value: JSON) -> tuple[PlanStep, ...]:
    """The steps of a list of strings or of records; empty when it is neither."""
    if isinstance(value, str):
        found = next(listed(value[:TEXT_LIMIT]), None)
        return found.steps if found is not None else ()
    if not isinstance(value, list) or not value:
        return ()
    steps = [_record(item, number) for number, item in enumerate(value[:STEP_LIMIT], start=1)]
    kept = tuple(step for step in steps if step is not None)
    return kept if len(kept) == len(steps) else ()


def _record(item: JSON, number: int) -> PlanStep | None:
    if isinstance(item, str):
        return PlanStep(item, str(number)) if item.strip() else None
    if not isinstance(item, dict):
        return None
    text = _string(item, _TEXT_KEYS)
    if text is None:
        return None
    key = next(
        (str(item[name]) for name in ("id", "step_id", "number", "key") if item.get(name) is not None), ""
    )
    depends = next((item[name] for name in _DEPENDS_KEYS if isinstance(item.get(name), list)), [])
    return PlanStep(
        text,
        key or str(number),
        owner=_string(item, _OWNER_KEYS),
        tool=_string(item, _TOOL_KEYS),
        state=_state(item),
        depends=tuple(str(other) for other in depends) if isinstance(depends, list) else (),
    )


def _string(item: Mapping[str, JSON], names: tuple[str, ...]) -> str | None:
    for name in names:
        value = item.get(name)
        if isinstance(value, str) and value.strip():
            return value
    return None


def _state(item: Mapping[str, JSON]) -> State | None:
    value = next((item[name] for name in _STATE_KEYS if isinstance(item.get(name), (str, bool))), None)
    if value is None:
        return None
    word = str(value).lower()
    return "done" if word in _DONE else "active" if word in _ACTIVE else "open"
