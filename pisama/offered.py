"""What an agent was offered: the tools, team members and modules it may use.

Many agents get their tools as a list in the prompt and not in a field of the request. Such a list is
a line that announces it ("You only have access to these tools:") and, below it, items of the form
`- name: what it does`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from pisama.code_text import code_of
from pisama.patterns import lazy
from pisama.plans import named
from pisama.spots import holds
from pisama.text import words
from pisama.trace import Step

TEXT_LIMIT = 60_000
"""Characters of a text in which lists of tools are looked for."""

_TOOLS = lazy(r"\b(?:tools?|functions)\b[^\n]{0,60}:[ \t]{0,4}$", re.IGNORECASE)
_MEMBERS = lazy(
    r"\b(?:members?|agents?|experts?|assistants?|colleagues?|team)\b[^\n]{0,80}:[ \t]{0,4}$", re.IGNORECASE
)
_ITEM = lazy(
    r"^[ \t]{0,4}(?:[-*•]|\d{1,2}[.)])[ \t]{1,4}[`*]{0,3}(?P<name>[A-Za-z_][\w.\-]{1,60})[`*]{0,3}(?:\([^)\n]{0,200}\))?[`*]{0,3}[ \t]{0,2}:"
)
_BULLETS = frozenset(" \t-*•0123456789")
"""What the line of an item can begin with."""
_MODULES = lazy(
    r"imports?\b[^\n]{0,80}\bonly\b[^\n]{0,80}\bmodules?\b[^\n\[]{0,20}\[(?P<modules>[^\]\n]{0,4000})\]",
    re.IGNORECASE,
)
_ANSWERING = frozenset({"final answer", "finalanswer", "finish", "submit", "answer", "terminate", "final"})


class Offer(NamedTuple):
    """Names that one text, or one run, offers; each as it is spelled there."""

    tools: frozenset[str] = frozenset()
    members: frozenset[str] = frozenset()
    """Other agents that may be asked."""
    modules: frozenset[str] | None = None
    """Python modules that may be imported; None when no limit is stated."""

    @property
    def working(self) -> frozenset[str]:
        """Tools and members that do something, without those that only hand in the answer."""
        return frozenset(
            name
            for name in self.tools | self.members
            if " ".join(words(name.replace("_", " "))) not in _ANSWERING
        )


def offer_in(text: str) -> Offer:
    """What the lists in a text offer."""
    if "tool" not in text and "import" not in text and "member" not in text and "agent" not in text:
        return Offer()
    tools, members, here = set[str](), set[str](), None
    for line in text[:TEXT_LIMIT].splitlines():
        first, last = line[:1], line[-1:]
        # Code has many lines that begin as items do: below no announcement only those with a number matter.
        listed = first in _BULLETS and (here is not None or first.isdigit())
        if listed and (item := _ITEM.match(line)) is not None:
            if here is not None:
                here.add(item["name"])
        # Nearly all lines are told from an announcement by their last character.
        elif (last == ":" or last.isspace()) and first not in " \t-*•" and line[-12:].rstrip().endswith(":"):
            here = members if _MEMBERS.search(line[-200:]) else tools if _TOOLS.search(line[-200:]) else None
    modules = _MODULES.search(text[:TEXT_LIMIT]) if holds(text, ("odules", "MODULES")) else None
    allowed = (
        frozenset(re.findall(r"[A-Za-z_][\w.]{0,60}", modules["modules"])) if modules is not None else None
    )
    return Offer(frozenset(tools), frozenset(members), allowed)


def together(offers: Iterable[Offer]) -> Offer:
    """All of them as one; modules are limited when any of them limits them."""
    tools, members, modules = frozenset[str](), frozenset[str](), None
    for offer in offers:
        tools |= offer.tools
        members |= offer.members
        if offer.modules is not None:
            modules = offer.modules | (modules or frozenset())
    return Offer(tools, members, modules)


def prompts(steps: Iterable[Step]) -> Iterator[str]:
    """What agents were told by their makers and users, each text once: where an offer may stand."""
    met = set[str]()
    for step in steps:
        for message in step.seen:
            if message.role in ("system", "user") and message.text not in met:
                met.add(message.text)
                yield message.text


def used(step: Step, names: Collection[str]) -> frozenset[str]:
    """Which of these tools or agents a step calls, itself or in code that it has run."""
    called = "\n".join(code_of(call) or call.name for call in step.tool_calls)
    return named(called, names) | ({step.recipient} & set(names) if step.recipient else frozenset())


def plain_name(name: str) -> str:
    """A name of a tool or agent by its letters and digits only, without the namespace a runtime put before it.

    `functions.web_search`, `mcp__google__webSearch` and `Web-Search` are one tool.
    """
    bare = name.rsplit("__", 1)[-1] if "__" in name.strip("_") else name
    bare = bare.rsplit(".", 1)[-1].rsplit("/", 1)[-1]
    return re.sub(r"[\W_]+", "", bare).lower()
