"""Persona drift: an agent steps out of the role it was given."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from pisama.detectors.base import Detector, Example, Needs, Signal
from pisama.issue import Evidence, Issue
from pisama.patterns import lazy
from pisama.spots import find_near
from pisama.text import quote, stem
from pisama.trace import Step, Trace

SCANNED = 20_000
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


class PersonaDrift(Detector):
    """The agent leaves the role it was given.

    ## Why it is a failure

    Roles divide responsibility. An agent that does what its role excludes bypasses a control, and one that
    writes other parties' lines itself works on words nobody said.

    ## What it does not flag

    Role changes announced by a handoff, quoting or summing up what another agent said, dialogues that the task
    asked for, labels such as `Note:`, and few-shot formats in prompts.

    ## How to fix it

    Stop the model at other parties' labels (stop sequences), take tools that the role excludes out of its list,
    and restate the role in one sentence at the end of the prompt.
    """

    id = "persona_drift"
    needs = frozenset({Needs.STEPS})
    tags = ("mast:FM-1.2",)
    signals: ClassVar[Mapping[str, Signal]] = {
        "speaks_for_agent": Signal("an agent writes another agent's turn", 45, 0.55),
        "invents_turn": Signal("an agent writes the user's words or a tool's result itself", 50, 0.6),
        "excluded_act": Signal("an agent does what its role excludes", 55, 0.6),
        "voice": Signal("an agent drops the character it must keep", 40, 0.7),
    }

    max_evidence: Annotated[int, Field(ge=1)] = 6
    """Steps shown for one drift; the others are only counted."""

    quiet = (
        Example(
            "a moderator who sums up what others said",
            """
            writer: The draft is ready.
            critic: It is too long.
            moderator: The writer has finished, and the critic finds it too long.
            """,
        ),
        Example(
            "a handoff that announces the change",
            """
            planner -> coder: Please write the code.
            coder: Here it is.
            """,
        ),
        Example(
            "a dialogue that the task asked for",
            """
            task: Write a short dialogue between a user and a clerk.
            author: User: Do you sell lamps?\\nClerk: We do.
            """,
        ),
        Example(
            "an act the role allows",
            """
            system: You are a reviewer. You must not edit files.
            reviewer: read_file(path="a.py") -> x = 1
            """,
        ),
    )
    fires = (
        Example(
            "a reviewer who edits",
            """
            system: You are a reviewer. You must not edit files.
            reviewer: edit_file(path="a.py", text="x = 2") -> ok
            """,
            at=(0,),
        ),
        Example(
            "an agent that invents the observation",
            """
            task: What is the weather in Oslo?
            helper: Thought: I check.\\nAction: weather(Oslo)\\nObservation: It is 20 degrees and sunny.\\nIt is sunny.
            """,
            at=(0,),
        ),
        Example(
            "an agent that writes the turns of two others",
            """
            writer: The draft is ready.
            critic: It is too long.
            moderator: Let us go on.\\nwriter: I have cut it.\\ncritic: Now it is fine.
            """,
            at=(2,),
        ),
        Example(
            "out of character",
            """
            system: You are Captain Nemo. Always stay in character.
            user: What do you eat?
            nemo: As an AI language model, I do not eat.
            """,
            at=(0,),
        ),
    )

    def check(self, trace: Trace) -> Iterator[Issue]:
        """Each step against the roles of its agent and of the others."""
        others = {_plain(agent): agent for agent in trace.agents}
        scripted = _asks_for_dialogue(trace.task or "")
        excluded: dict[str, dict[str, str]] = {}
        voiced: set[str] = set()
        found: dict[tuple[str, str, str], list[tuple[Step, int | None, str, str]]] = {}
        for step in trace.steps:
            for message in step.seen:
                if message.role == "system":
                    excluded.setdefault(step.agent, {}).update(_excluded_acts(message.text[:SCANNED]))
                    if any(find_near(_KEEP_CHARACTER, message.text[:SCANNED], _CHARACTER_WORDS, 70, 40)):
                        voiced.add(step.agent)
            drifts = list(_acts(step, excluded.get(step.agent, {})))
            if not scripted:
                drifts += _turns(step, others)
            if step.agent in voiced and (match := _BREAKS_CHARACTER.search(step.text[:SCANNED])):
                drifts.append(("voice", "", None, quote(step.text, match.start()), ""))
            for signal, subject, call, shown, rule in drifts:
                found.setdefault((signal, step.agent, subject), []).append((step, call, shown, rule))
        for (signal, agent, subject), places in found.items():
            yield self._report(trace, signal, agent, subject, places)

    def _report(
        self,
        trace: Trace,
        signal: str,
        agent: str,
        subject: str,
        places: list[tuple[Step, int | None, str, str]],
    ) -> Issue:
        step, call, _, rule = places[0]
        again = f", in {len(places)} steps" if len(places) > 1 else ""
        told = f" although its role says “{quote(rule, width=100)}”" if rule else ""
        return self.issue(
            trace,
            signal,
            step,
            f"{agent} {_PHRASES[signal].format(subject=subject)}{told}{again}.",
            evidence=tuple(
                Evidence(shown, at.index, number) for at, number, shown, _ in places[: self.max_evidence]
            ),
            recommendation=_REMEDIES[signal].format(subject=subject),
            about=(signal, agent, subject),
            call=call,
        )


_PHRASES = {
    "speaks_for_agent": "wrote the turn of {subject} itself",
    "invents_turn": "wrote a turn of “{subject}” itself",
    "excluded_act": "called {subject}",
    "voice": "spoke of itself as a language model instead of staying in character",
}
_REMEDIES = {
    "speaks_for_agent": "Add “{subject}:” to the agent's stop sequences and tell it to hand over instead.",
    "invents_turn": "Add “{subject}:” to the stop sequences, so that the real one is waited for.",
    "excluded_act": "Take {subject} out of this agent's tools; a rule in the prompt alone does not hold.",
    "voice": "Restate the persona at the end of the prompt and give one example of an awkward question in character.",
}

Drift = tuple[str, str, int | None, str, str]
"""Signal, subject, position of the call, quote, the rule."""


def _turns(step: Step, others: Mapping[str, str]) -> Iterator[Drift]:
    """The turns of other parties that this step wrote, outside code fences."""
    text = step.text[:SCANNED]
    if not text:
        return
    block = _BLOCK.search(text)
    if block is not None and not _inside_fence(text, block.start()):
        yield "invents_turn", "tool response", None, quote(text, block.start()), ""
    spoken: dict[str, int] = {}
    for match in _TURN.finditer(text):
        if match.start() > 0:
            spoken.setdefault(_plain(match["who"]), match.start())
    for who, place in spoken.items():
        if who in _OTHERS and _invented(text, who, place):
            yield "invents_turn", who, None, quote(text, place), ""
    own = _plain(step.agent)
    named = [
        (who, place)
        for who, place in spoken.items()
        if who in others and who != own and _REQUEST.match(text, text.find(":", place) + 1) is None
    ]
    # One name with a colon is how an agent addresses another; two speak to each other.
    if len(named) >= 2:
        names = ", ".join(others[who] for who, _ in named[:3])
        yield "speaks_for_agent", names, None, quote(text, named[0][1]), ""


def _invented(text: str, who: str, place: int) -> bool:
    if _inside_fence(text, place):
        return False
    if who in ("user", "human", "customer"):
        # A single label is a heading or a summary; the user's turn followed by one's own is a made-up talk.
        return re.search(r"^(?:Assistant|Agent|AI|Bot):", text[place:], re.MULTILINE) is not None
    return "action:" in text[:place].lower() or who != "observation"


def _inside_fence(text: str, place: int) -> bool:
    return len(_FENCE.findall(text, 0, place)) % 2 == 1


def _acts(step: Step, excluded: Mapping[str, str]) -> Iterator[Drift]:
    if not excluded:
        return
    for number, call in enumerate(step.tool_calls):
        parts = [part.lower() for part in _NAME_PARTS.findall(call.name)]
        rule = next((excluded[part] for part in parts if part in excluded), None)
        if rule is not None and _about(rule, parts):
            yield "excluded_act", call.name, number, quote(f"{call.name}({call.arguments})"), rule


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


def _asks_for_dialogue(task: str) -> bool:
    return (
        re.search(
            r"\b(?:dialog(?:ue)?|conversation|script|interview|role-?play|transcript|screenplay|chat)\b",
            task[:SCANNED],
            re.I,
        )
        is not None
    )


def _plain(name: str) -> str:
    return re.sub(r"[\s_\-]+", " ", name).strip().lower()
