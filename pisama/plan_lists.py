"""Plans written as lists: numbered or bulleted instructions, check lists, "Step 1: …" headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pisama.patterns import lazy
from pisama.plan_types import Plan, PlanStep, State
from pisama.text import words

STEP_LIMIT = 200
"""Steps of one plan that are read."""
_END = "\0"
"""A line that no list goes on with."""
_ITEM = lazy(
    r"^(?P<indent>[ \t]{0,12})(?:[#]{1,6}[ \t]{1,4})?(?:\*\*)?"
    r"(?:(?:step|phase|stage)[ \t]{1,3}(?P<step>\d{1,3})(?:\*\*)?[ \t]{0,3}[:.)\u2014\u2013-]"
    r"|(?P<number>\d{1,3})(?:\.(?!\d)|[):])|(?P<bullet>[-*\u2022](?=[ \t])))"
    r"(?:\*\*)?[ \t]{0,4}(?P<box>\[[ xX~>-]\][ \t])?(?P<text>[^\n]{0,1000})$",
    re.IGNORECASE,
)
_HEADING = lazy(
    r"\b(?:plans?|to-?dos?|todo list|task list|sub-?tasks?|next steps|steps|approach|strategy|roadmap|workflow)\b"
    r"[^\n]{0,100}?(?::|\*\*)?[ \t]{0,4}$|^[#]{1,6}[^\n]{0,60}\b(?:plan|steps|approach)\b[^\n]{0,60}$|^[ \t]{0,4}(?:updated |initial |new )?plan\b",
    re.IGNORECASE,
)
_NOT_A_PLAN = lazy(
    r"\b(?:facts?|results?|findings|sources?|references|features|reasons?|observations?|requirements|constraints|conditions|"
    r"guidelines|output|given|completed|taken|outcome|failed|so far|summary)\b",
    re.IGNORECASE,
)
_LEAD = lazy(
    r"^(?:\*\*|__|`)?(?:(?:first|then|next|finally|second|third|lastly|afterwards?|after that|now)[, ]{1,2})?"
    r"(?:(?:i|we|you)(?:['’]ll| will| should| need to| must| have to| can| am going to)? (?:now |then |first )?)?",
    re.IGNORECASE,
)
_OWNER = lazy(
    r"^(?:\*\*|__)?(?:[Tt]he )?(?P<owner>[A-Za-z][\w-]{1,60}(?: [A-Za-z][\w-]{1,30}){0,4}?)(?:\*\*|__)?"
    r"(?:(?:\*\*)?:(?:\*\*)?\s{1,3}(?=\S)| (?:will|shall|should|must|is to|to) )",
)
_ROLE = lazy(
    r"(?:agent|expert|assistant|specialist|analyst|surfer|checker|engineer|researcher|writer|reviewer|planner|coder"
    r"|critic|executor|verifier|tester|manager|historian|developer|editor)$",
    re.IGNORECASE,
)
_DEPENDS = lazy(
    r"\b(?:depends on|after|requires|based on|using|from|needs)(?: the)?(?: (?:results?|outputs?|answers?|completion|data|information|list))?"
    r"(?: (?:of|from|in))? steps? (?P<steps>\d{1,3}(?:(?:, | and |, and | & )\d{1,3}){0,9})",
    re.IGNORECASE,
)
_CIRCUMSTANCE = lazy(
    r"^(?:once|from|in|within|if|after|when|using|with|for|on|at|based|upon|by|through|to|as|given|while|during|before)\b[^,\n]{1,160},\s{1,2}",
    re.IGNORECASE,
)
_TITLE = lazy(r"^[^:\n]{2,80}:[*_]{0,2}\s{1,3}")
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


@dataclass(slots=True)
class _Item:
    key: str
    indent: int
    numbered: bool
    state: State | None
    lines: list[str]


def listed(text: str) -> Iterator[Plan]:
    """The plans among the lists of a text, in order."""
    heading, items, gap = "", list[_Item](), 0
    for line in [*text.splitlines(), _END]:
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
    below = bool(items) and (item.indent > items[0].indent + 1 or (items[0].numbered and not item.numbered))
    if below:
        items[-1].lines.append(text.strip())
    elif len(items) < STEP_LIMIT:
        item.lines.append(text.strip())
        items.append(item)


def _plan(heading: str, items: list[_Item]) -> Iterator[Plan]:
    boxes = any(item.state is not None for item in items)
    announced = boxes or (
        _HEADING.search(heading[:200]) is not None and not _NOT_A_PLAN.search(heading[:200])
    )
    steps = tuple(_step(item) for item in items)
    orders = sum(_is_order(step) for step in steps)
    enough = orders * 2 >= len(steps) if announced else len(steps) > 1 and orders * 10 >= len(steps) * 7
    refused = not announced and (_NOT_A_PLAN.search(heading[:200]) is not None or not items[0].numbered)
    if (enough or boxes) and not refused:
        yield Plan(steps, announced=announced)


def _step(item: _Item) -> PlanStep:
    text = "\n".join(line for line in item.lines if line).strip()
    owner = _OWNER.match(text)
    who = (
        owner["owner"]
        if owner is not None and (_ROLE.search(owner["owner"]) or "_" in owner["owner"])
        else None
    )
    depends = tuple(
        number for match in _DEPENDS.finditer(text[:1000]) for number in re.findall(r"\d+", match["steps"])
    )
    return PlanStep(text, item.key, owner=who, state=item.state, depends=depends)


def _is_order(step: PlanStep) -> bool:
    if step.owner is not None or _begins_with_verb(step.text):
        return True
    # "Once it is found, open it", "**Prices**: collect them": the order comes after the circumstance or the title.
    lead = _CIRCUMSTANCE.match(step.text) or _TITLE.match(step.text)
    return lead is not None and _begins_with_verb(step.text[lead.end() :])


def _begins_with_verb(text: str) -> bool:
    lead = _LEAD.match(text)
    first = words((text[lead.end() :] if lead is not None else text)[:60])[:2]
    if len(first) == 2 and (first[0] in ("to", "re") or first[0].endswith("ly")):
        first = first[1:]
    return bool(first) and _imperative(first[0])


def _imperative(word: str) -> bool:
    return word in _VERBS or (word.endswith("ing") and (word[:-3] in _VERBS or word[:-3] + "e" in _VERBS))
