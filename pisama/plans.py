"""Plans: the steps an agent says it, or others, will take.

Recognised: numbered and bulleted lists under a heading such as "Plan" or made of instructions,
check lists, headings "Step 1: …", and JSON plans, task lists and ledgers, in prose or as the
arguments of a call that writes them. A list of facts, results or sources is no plan.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import orjson

from pisama.text import words
from pisama.trace import JSON

State: TypeAlias = Literal["open", "active", "done"]

TEXT_LIMIT = 40_000
"""Characters of a text in which plans are looked for."""
STEP_LIMIT = 200
"""Steps of one plan that are read."""
_JSON_NODES = 2_000


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One step of a plan."""

    text: str
    """What is to be done, without its number; lines nested below it included."""
    key: str
    """How the plan itself numbers or names the step; empty for a bullet."""
    owner: str | None = None
    """Who is to do it, when a field or a leading name says so."""
    tool: str | None = None
    """What it is to be done with, when a field says so."""
    state: State | None = None
    """How far it is, when the plan keeps track of that."""
    depends: tuple[str, ...] = ()
    """Keys of the steps whose results it needs."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in the order in which they were written; never empty."""

    steps: tuple[PlanStep, ...]
    announced: bool
    """A heading, a field or a check list says that this is a plan; otherwise its wording does."""
    structured: bool = False
    """It came as JSON."""

    @property
    def text(self) -> str:
        """The steps' words, one step a line."""
        return "\n".join(step.text for step in self.steps)


_ITEM = re.compile(
    r"^(?P<indent>[ \t]{0,12})(?:[#]{1,6}[ \t]{1,4})?(?:\*\*)?"
    r"(?:(?:step|phase|stage)[ \t]{1,3}(?P<step>\d{1,3})(?:\*\*)?[ \t]{0,3}[:.)\u2014\u2013-]"
    r"|(?P<number>\d{1,3})(?:\.(?!\d)|[):])|(?P<bullet>[-*\u2022](?=[ \t])))"
    r"(?:\*\*)?[ \t]{0,4}(?P<box>\[[ xX~>-]\][ \t])?(?P<text>[^\n]{0,1000})$",
    re.IGNORECASE,
)
_HEADING = re.compile(
    r"\b(?:plans?|to-?dos?|todo list|task list|sub-?tasks?|next steps|steps|approach|strategy|roadmap|workflow)\b"
    r"[^\n]{0,100}?(?::|\*\*)?[ \t]{0,4}$|^[#]{1,6}[^\n]{0,60}\b(?:plan|steps|approach)\b[^\n]{0,60}$|^[ \t]{0,4}(?:updated |initial |new )?plan\b",
    re.IGNORECASE,
)
_NOT_A_PLAN = re.compile(
    r"\b(?:facts?|results?|findings|sources?|references|features|reasons?|observations?|requirements|constraints|conditions|"
    r"guidelines|output|given|completed|taken|outcome|failed|so far|summary)\b",
    re.IGNORECASE,
)
_LEAD = re.compile(
    r"^(?:\*\*|__|`)?(?:(?:first|then|next|finally|second|third|lastly|afterwards?|after that|now)[, ]{1,2})?"
    r"(?:(?:i|we|you)(?:['’]ll| will| should| need to| must| have to| can| am going to)? (?:now |then |first )?)?",
    re.IGNORECASE,
)
_OWNER = re.compile(
    r"^(?:\*\*|__)?(?:the )?(?P<owner>[A-Za-z][\w-]{1,60}(?: [A-Za-z][\w-]{1,30}){0,4}?)(?:\*\*|__)?"
    r"(?:(?:\*\*)?:(?:\*\*)? (?=\S)| (?:will|shall|should|must|is to|to) )",
)
_ROLE = re.compile(r"(?:agent|expert|assistant|specialist|analyst|surfer|checker|engineer|researcher|writer|reviewer|planner|coder|critic|executor|verifier|tester|manager|historian|developer|editor)$", re.IGNORECASE)  # fmt: skip
_DEPENDS = re.compile(
    r"\b(?:depends on|after|requires|based on|using|from|needs)(?: the)?(?: (?:results?|outputs?|answers?|completion|data|information|list))?"
    r"(?: (?:of|from|in))? steps? (?P<steps>\d{1,3}(?:(?:, | and |, and | & )\d{1,3}){0,9})",
    re.IGNORECASE,
)
_VERBS = frozenset(
    """access add adjust aggregate analyse analyze apply ask assess assign book browse build calculate call cancel
    capture carry change check choose cite classify clean clone close collect combine communicate compare compile
    complete compose compute conclude conduct configure confirm connect consider construct consult contact convert
    count create cross crosscheck debug decide deduce define delegate deploy derive design determine develop discover
    divide document download draft draw edit enable ensure establish estimate evaluate examine execute explore export
    extract fetch figure file fill filter finalise finalize find fix follow format formulate gather generate get give
    go group handle identify implement import improve include inspect install instruct integrate interpret invoke
    isolate iterate list load locate log look make map match measure merge modify monitor move navigate note obtain
    open optimise optimize organise organize output parse perform pick place plan prepare present print process
    produce provide publish pull push query rank read recommend record refactor reference refine remove rename
    repeat replace reply report request research resolve restart retrieve return review revise rewrite run save scan
    schedule scrape scroll search select send set simulate solve sort split start store study submit subtract sum
    summarise summarize synthesise synthesize tally test track transcribe transform translate trim try turn
    understand update upload use utilise utilize validate verify view visit wait watch write""".split()
)
_PLAN_KEYS = ("plan", "steps", "todos", "todo", "tasks", "subtasks", "sub_tasks", "items", "plan_steps", "task_ledger")
_TEXT_KEYS = ("step", "content", "description", "task", "action", "title", "instruction", "objective", "name", "goal", "text", "subject")
_OWNER_KEYS = ("owner", "agent", "assignee", "assigned_to", "agent_name", "executor", "worker", "responsible", "role")
_TOOL_KEYS = ("tool", "tool_name", "function", "uses")
_STATE_KEYS = ("status", "state", "done", "completed")
_DEPENDS_KEYS = ("depends_on", "dependencies", "depends", "requires", "after", "blocked_by", "blockedBy")
_DONE = frozenset({"done", "completed", "complete", "finished", "closed", "true"})
_ACTIVE = frozenset({"in_progress", "in progress", "active", "started", "doing", "running"})


def plans(text: str) -> tuple[Plan, ...]:
    """The plans in a text, in order: lists first, then those written as JSON."""
    text = text[:TEXT_LIMIT]
    return (*_listed(text), *_embedded(text))


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
    plain = " ".join(_spelled(text))
    padded = f" {plain} "
    return frozenset(name for name in names if f" {' '.join(_spelled(name))} " in padded)


_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def _spelled(text: str) -> list[str]:
    return words(_HUMP.sub(" ", text).replace("_", " ").replace("-", " "))


@dataclass(slots=True)
class _Item:
    key: str
    indent: int
    numbered: bool
    state: State | None
    lines: list[str]


def _listed(text: str) -> Iterator[Plan]:
    heading, items, gap = "", list[_Item](), 0
    for line in [*text.splitlines(), "\0"]:
        match = _ITEM.match(line)
        if match is not None:
            item = _item(match)
            if items and _begins_another(items, item):
                yield from _plan(heading, items)
                heading, items = "", []
            _take(items, item, match["text"])
            gap = 0
        elif items and (not line.strip() or line[:1] in " \t" or (gap == 0 and line[:1].islower())):
            gap += not line.strip()
            items[-1].lines.append(line.strip())
        elif items:
            yield from _plan(heading, items)
            heading, items, gap = line, [], 0
        elif line.strip() and not line.startswith("```"):
            heading = line
    # The sentinel line above closed the last list.


def _item(match: re.Match[str]) -> _Item:
    number = match["step"] or match["number"] or ""
    box = match["box"]
    state: State | None = None
    if box is not None:
        state = "done" if box[1] in "xX" else "open" if box[1] == " " else "active"
    return _Item(number, len(match["indent"].expandtabs(4)), bool(number), state, [])


def _begins_another(items: list[_Item], item: _Item) -> bool:
    first = items[0]
    return item.numbered and item.key in ("0", "1") and first.numbered and item.indent <= first.indent


def _take(items: list[_Item], item: _Item, text: str) -> None:
    below = bool(items) and (
        item.indent > items[0].indent + 1 or (items[0].numbered and not item.numbered)
    )
    if below:
        items[-1].lines.append(text.strip())
    elif len(items) < STEP_LIMIT:
        item.lines.append(text.strip())
        items.append(item)


def _plan(heading: str, items: list[_Item]) -> Iterator[Plan]:
    boxes = any(item.state is not None for item in items)
    announced = boxes or (_HEADING.search(heading[:200]) is not None and not _NOT_A_PLAN.search(heading[:200]))
    steps = tuple(_step(item) for item in items)
    orders = sum(_is_order(step) for step in steps)
    enough = orders * 2 >= len(steps) if announced else len(steps) > 1 and orders * 10 >= len(steps) * 7
    refused = not announced and (_NOT_A_PLAN.search(heading[:200]) is not None or not items[0].numbered)
    if (enough or boxes) and not refused:
        yield Plan(steps, announced=announced)


def _step(item: _Item) -> PlanStep:
    text = "\n".join(line for line in item.lines if line).strip()
    owner = _OWNER.match(text)
    who = owner["owner"] if owner is not None and (_ROLE.search(owner["owner"]) or "_" in owner["owner"]) else None
    depends = tuple(
        number for match in _DEPENDS.finditer(text[:1000]) for number in re.findall(r"\d+", match["steps"])
    )
    return PlanStep(text, item.key, owner=who, state=item.state, depends=depends)


def _is_order(step: PlanStep) -> bool:
    if step.owner is not None:
        return True
    lead = _LEAD.match(step.text)
    rest = step.text[lead.end() :] if lead is not None else step.text
    first = words(rest[:60])[:2]
    # "Carefully read the file", "To solve this, search": one adverb or `to` may stand before the verb.
    return any(_imperative(word) for word in (first[:1] if first and first[0] not in ("to", "re") else first[1:])) or (
        len(first) == 2 and first[0].endswith("ly") and _imperative(first[1])
    )


def _imperative(word: str) -> bool:
    return word in _VERBS or (word.endswith("ing") and (word[:-3] in _VERBS or word[:-3] + "e" in _VERBS))


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
        found = next(_listed(value[:TEXT_LIMIT]), None)
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
    key = next((str(item[name]) for name in ("id", "step_id", "number", "key") if item.get(name) is not None), "")
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
