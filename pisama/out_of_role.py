"""Out of role: agents that do what their role excludes, write other parties' lines, or drop their character."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple, TypeAlias

from pisama.patterns import lazy
from pisama.spots import find_near
from pisama.text import quote, stem
from pisama.trace import Step, Trace

_SCANNED = 20_000
"""Characters of a text that are looked at."""

_TURN = lazy(
    r"^[ \t]{0,4}(?:\*\*|__|###? |\[|<)?(?P<who>[A-Za-z][\w .\-]{0,40}?)(?:\]|>)?(?:\*\*|__)?:(?:\*\*|__)?(?=[ \t\n])",
    re.MULTILINE,
)
_OTHERS = frozenset(
    {"user", "human", "customer", "observation", "tool response", "tool result", "tool_response"}
)
_BLOCK = lazy(r"<(?:tool_response|tool_result|observation|function_results?)>[^\n]|<\|im_start\|>user")
_REQUEST = lazy(r"[*_\s]{0,6}(?:please|could|can|would|will|kindly|you)\b", re.IGNORECASE)
_FENCE = lazy(r"^```", re.MULTILINE)
_BREAKS_CHARACTER = lazy(
    r"\bas an? (?:ai(?: language model| assistant| model)?|(?:large )?language model)\b|\bI am (?:just )?an? (?:ai|language) model\b",
    re.IGNORECASE,
)
_KEEP_CHARACTER = lazy(
    r"\b(?:stay|remain|always be|keep) in (?:character|role|persona)\b|\bnever (?:break|drop|leave) (?:the )?(?:character|role|persona)\b"
    r"|\b(?:never|do not|don['\u2019]t) (?:say|mention|reveal|admit)[^.\n]{0,30}\b(?:an? ai|language model|a bot)\b",
    re.IGNORECASE,
)
_CHARACTER_WORDS = tuple(
    "in character|in role|in persona|break |drop |leave | ai|language model|a bot".split("|")
)
_EXCLUDING = tuple(
    """must not|do not|don't|don\u2019t|never|cannot|can't|can\u2019t|may not|are not |should not|shall not""".split(
        "|"
    )
)
_EXCLUDES = lazy(
    r"\b(?:you|your role|this role|the \w{1,20})\b[^.;:\n]{0,30}\b(?:must not|do not|don['\u2019]t|never|cannot|can['\u2019]t|"
    r"may not|are not (?:allowed|permitted) to|should not|shall not)\b (?:ever |yourself |directly )?(?P<acts>[a-z][^.;:\n]{2,80})"
    r"|^\W{0,4}(?:never|do not|don['\u2019]t) (?P<bare>[a-z][^.;:\n]{2,80})",
    re.IGNORECASE | re.MULTILINE,
)
_CONDITION = lazy(
    r"\b(?:if|unless|until|without|before|when|except|more than|same|again|twice|too|only|proactively|any other|other than)\b",
    re.IGNORECASE,
)
_ACT_WORDS = {
    "write": ("write", "edit", "create", "patch"),
    "edit": ("edit", "write", "patch", "modify", "update"),
    "modify": ("edit", "write", "patch", "modify", "update"),
    "execute": ("execute", "run", "bash", "shell"),
    "run": ("execute", "run", "bash", "shell"),
    "delete": ("delete", "remove"),
    "send": ("send",),
    "book": ("book",),
    "refund": ("refund",),
    "buy": ("buy", "purchase"),
    "deploy": ("deploy",),
    "search": ("search",),
    "browse": ("browse", "visit"),
    "transfer": ("transfer",),
    "merge": ("merge",),
    "push": ("push",),
}
"""For a verb that a role may exclude, the words in a tool's name that do it."""
_NAME_PARTS = lazy(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_DIALOGUE = lazy(
    r"\b(?:dialog(?:ue)?|conversation|script|interview|role-?play|transcript|screenplay|chat)\b",
    re.IGNORECASE,
)
_OWN_TURN = lazy(r"^(?:Assistant|Agent|AI|Bot):", re.MULTILINE)

Kind: TypeAlias = Literal["speaks_for_agent", "invents_turn", "excluded_act", "voice"]
"""The signals of `persona_drift`."""


class Departure(NamedTuple):
    """A step at which an agent leaves its role."""

    kind: Kind
    step: Step
    shown: str
    """The recorded words, shortened around what matters."""
    subject: str = ""
    """Whose words it writes, or the tool that it calls."""
    call: int | None = None
    """Position in the step's tool calls, for an act."""
    rule: str = ""
    """The sentence of the role that excludes the act."""


def departures(trace: Trace) -> Iterator[Departure]:
    """Each step against the roles of its agent and of the others, as far as they were told by then."""
    others = {_plain(agent): agent for agent in trace.agents}
    scripted = _DIALOGUE.search((trace.task or "")[:_SCANNED]) is not None
    excluded: dict[str, dict[str, str]] = {}
    voiced: set[str] = set()
    for step in trace.steps:
        for message in step.seen:
            if message.role == "system":
                excluded.setdefault(step.agent, {}).update(_excluded_acts(message.text[:_SCANNED]))
                if any(find_near(_KEEP_CHARACTER, message.text[:_SCANNED], _CHARACTER_WORDS, 70, 40)):
                    voiced.add(step.agent)
        yield from _acts(step, excluded.get(step.agent, {}))
        if not scripted:
            yield from _turns(step, others)
        if step.agent in voiced and (match := _BREAKS_CHARACTER.search(step.text[:_SCANNED])):
            yield Departure("voice", step, quote(step.text, match.start()))


def _turns(step: Step, others: Mapping[str, str]) -> Iterator[Departure]:
    """The turns of other parties that this step wrote, outside code fences."""
    text = step.text[:_SCANNED]
    if not text:
        return
    block = _BLOCK.search(text)
    if block is not None and not _inside_fence(text, block.start()):
        yield Departure("invents_turn", step, quote(text, block.start()), "tool response")
    spoken: dict[str, int] = {}
    for match in _TURN.finditer(text):
        if match.start() > 0:
            spoken.setdefault(_plain(match["who"]), match.start())
    for who, place in spoken.items():
        if who in _OTHERS and _invented(text, who, place):
            yield Departure("invents_turn", step, quote(text, place), who)
    own = _plain(step.agent)
    named = [
        (who, place)
        for who, place in spoken.items()
        if who in others and who != own and _REQUEST.match(text, text.find(":", place) + 1) is None
    ]
    # One name with a colon is how an agent addresses another; two speak to each other.
    if len(named) >= 2:
        names = ", ".join(others[who] for who, _ in named[:3])
        yield Departure("speaks_for_agent", step, quote(text, named[0][1]), names)


def _invented(text: str, who: str, place: int) -> bool:
    if _inside_fence(text, place):
        return False
    if who in ("user", "human", "customer"):
        # A single label is a heading or a summary; the user's turn followed by one's own is a made-up talk.
        return _OWN_TURN.search(text[place:]) is not None
    return "action:" in text[:place].lower() or who != "observation"


def _inside_fence(text: str, place: int) -> bool:
    return len(_FENCE.findall(text, 0, place)) % 2 == 1


def _acts(step: Step, excluded: Mapping[str, str]) -> Iterator[Departure]:
    if not excluded:
        return
    for number, call in enumerate(step.tool_calls):
        parts = [part.lower() for part in _NAME_PARTS.findall(call.name)]
        rule = next((excluded[part] for part in parts if part in excluded), None)
        if rule is not None and _about(rule, parts):
            yield Departure(
                "excluded_act", step, quote(f"{call.name}({call.arguments})"), call.name, number, rule
            )


def _about(rule: str, parts: list[str]) -> bool:
    """Whether a rule speaks of this tool's object, or of any object."""
    tail = [stem(word) for word in re.findall(r"[a-z]+", rule.lower())[-8:]]
    objects = [stem(part) for part in parts if not any(part in words for words in _ACT_WORDS.values())]
    return not objects or any(word in tail for word in objects)


def _excluded_acts(prompt: str) -> dict[str, str]:
    """Words of tool names that a role excludes, each with the sentence that says so."""
    found: dict[str, str] = {}
    for match in find_near(_EXCLUDES, prompt, _EXCLUDING, before=80, after=130):
        acts = match["acts"] or match["bare"]
        if _CONDITION.search(acts):
            continue
        for verb in _verbs(acts):
            for word in _ACT_WORDS[verb]:
                found.setdefault(word, match.group().strip())
    return found


def _verbs(acts: str) -> list[str]:
    """The verbs an exclusion begins with: `write or edit files` but not `help, and transfer is needed`."""
    found: list[str] = []
    for word in re.findall(r"[a-z]+", acts.lower())[:8]:
        if word in _ACT_WORDS:
            found.append(word)
        elif word not in ("or", "and", "nor"):
            break
    return found


def _plain(name: str) -> str:
    return re.sub(r"[\s_\-]+", " ", name).strip().lower()
