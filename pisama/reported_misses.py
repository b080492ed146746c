"""Reports that something could not be found, and the answers that are given all the same."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from pisama.claims import gives_up, prose
from pisama.text import STOP_WORDS, stem, word_set, words
from pisama.trace import Message, Step

HEAD = 900
"""Characters at the beginning of a report in which it says how it went."""
WIDTH = 20_000
"""Characters of a report in which the words of an answer are looked for."""
MAX_ANSWER_WORDS = 40
"""Words up to which an answer is one statement that stands or falls as a whole."""
UNKNOWN_SHARE = 0.5
"""Share of an answer's telling words that were never reported, from which on it comes from elsewhere."""

_FOUND_SOME = re.compile(
    r"\b(?:however|but|although|though|nevertheless|instead|based on|according to|the answer is|it appears|appears to be|suggests?)\b",
    re.IGNORECASE,
)
_NOTHING_TO_TELL = frozenset("yes no true false none null unknown".split())


@dataclass(frozen=True, slots=True)
class Miss:
    """A report that what was asked could not be found or done."""

    step: Step
    """The step that was given it."""
    text: str
    words: str
    """Those with which it says so."""


@dataclass(slots=True)
class ReportedMisses:
    """What each agent was told last, and the words of everything it was told. Steps are heard in order."""

    _last: dict[str, Miss | None] = field(default_factory=dict)
    _told: dict[str, list[str]] = field(default_factory=dict)

    def hear(self, step: Step) -> None:
        """Take in what is new to the agent of a step."""
        for message in step.seen:
            if _is_report(message, step):
                self._told.setdefault(step.agent, []).append(message.text[:WIDTH])
                said = gives_up(message.text[:HEAD])
                miss = None if said is None else Miss(step, message.text, said)
                self._last[step.agent] = miss

    def ignored_by(self, answer: str, step: Step) -> Miss | None:
        """The report that an answer of this step goes against: it said that there was nothing, and the answer,
        of which nobody had told the agent more than half, is definite all the same."""
        miss = self._last.get(step.agent)
        if miss is None:
            return None
        telling = {stem(word) for word in words(prose(answer)) if _tells(word)}
        if not telling or len(words(answer)) > MAX_ANSWER_WORDS or gives_up(answer):
            return None
        known = {stem(word) for text in self._told[step.agent] for word in word_set(text)}
        return miss if len(telling - known) >= UNKNOWN_SHARE * len(telling) else None


def _tells(word: str) -> bool:
    return word not in STOP_WORDS and word not in _NOTHING_TO_TELL and (len(word) > 2 or word.isdigit())


def _is_report(message: Message, step: Step) -> bool:
    """Prose that a tool or another agent came back with."""
    foreign = message.role == "tool" or (
        message.role == "assistant" and message.name not in (None, step.agent)
    )
    return foreign and len(message.text) >= 40
