"""Reports that something could not be found, and the answers that are given all the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

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

_NOTHING_TO_TELL = frozenset("yes no true false none null unknown".split())


class Miss(NamedTuple):
    """A report that what was asked could not be found or done."""

    step: Step
    """The step that was given it."""
    text: str
    words: str
    """Those with which it says so."""


@dataclass(slots=True)
class ReportedMisses:
    """What each agent was told last, and the words of everything it was told. Steps are heard in order."""

    _last: dict[str, tuple[Step, str]] = field(default_factory=dict)
    _told: dict[str, list[str]] = field(default_factory=dict)
    """Reports whose words were not asked for yet."""
    _known: dict[str, set[str]] = field(default_factory=dict)

    def hear(self, step: Step) -> None:
        """Take in what is new to the agent of a step."""
        for message in step.seen:
            if _is_report(message, step):
                self._told.setdefault(step.agent, []).append(message.text)
                self._last[step.agent] = step, message.text

    def ignored_by(self, answer: str, step: Step) -> Miss | None:
        """The report that an answer of this step goes against.

        It said that there was nothing, and the answer, of which the agent had been told less than half, is definite
        all the same.
        """
        if step.agent not in self._last or len(words(answer[:WIDTH])) > MAX_ANSWER_WORDS:
            return None
        heard, report = self._last[step.agent]
        said = gives_up(report[:HEAD])
        if said is None or gives_up(answer):
            return None
        telling = {stem(word) for word in words(prose(answer)) if _tells(word)}
        unknown = telling - self._words_told(step.agent)
        return Miss(heard, report, said) if telling and len(unknown) >= UNKNOWN_SHARE * len(telling) else None

    def _words_told(self, agent: str) -> set[str]:
        known = self._known.setdefault(agent, set())
        for text in self._told.pop(agent, ()):
            known.update(stem(word) for word in word_set(text[:WIDTH]))
        return known


def _tells(word: str) -> bool:
    return word not in STOP_WORDS and word not in _NOTHING_TO_TELL and (len(word) > 2 or word.isdigit())


def _is_report(message: Message, step: Step) -> bool:
    """Prose that a tool or another agent came back with."""
    foreign = message.role == "tool" or (
        message.role == "assistant" and message.name not in (None, step.agent)
    )
    return foreign and len(message.text) >= 40
