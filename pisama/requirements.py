"""Requirements of a task: what the answer must hold, in which form, how many, in which language.

Only what can be checked without understanding is extracted: counts, forms, languages, and topics
that the task itself enumerates.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from pisama.patterns import lazy
from pisama.text import stem, stems, words

LIMIT = 8000
"""Characters of a task that are read."""


class RequirementKind(StrEnum):
    """What kind of demand it is."""

    COUNT = "count"
    FORM = "form"
    LANGUAGE = "language"
    TOPIC = "topic"


class Requirement(NamedTuple):
    """One demand of a task."""

    kind: RequirementKind
    text: str
    """The words of the task that make it."""
    value: str
    """The number, the form (`json`, `table`), the language, or the topic."""


_NUMBERS = {
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "twelve": 12,
}
_COUNT = lazy(
    r"\b(?:list|name|give(?: me)?|suggest|provide|write|recommend|propose|enumerate|return|come up with)(?: me)?(?: exactly| a list of| the| the top| the best)?"
    rf" (?P<n>\d{{1,2}}|{'|'.join(_NUMBERS)}) (?:different |possible |best |short |new |concrete |main )?"
    r"(?P<what>ideas|names|reasons|examples|items|options|titles|steps|tips|points|questions|suggestions|recommendations|ways|alternatives|bullets?(?: points)?|books|movies|cities|countries|recipes|facts)\b",
    re.IGNORECASE,
)
_FORM = lazy(
    r"\b(?:as|in|into|return|output|produce|respond with|answer with|reply with|only)(?: (?:a|an|valid|only|pure|raw|single|markdown)){0,3} (?P<form>json|table|yaml|csv)(?: (?:format|object|array|only|document|output))?\b(?! file)",
    re.IGNORECASE,
)
_LANGUAGE = lazy(
    r"\b(?:write|answer|reply|respond|translate|translated|summari[sz]e|report|output|result|text|letter|email|message|summary)\b[^.\n]{0,60}?\b(?:in|into|to) (?P<language>german|french|spanish|italian|dutch|portuguese)\b",
    re.IGNORECASE,
)
_ENUMERATED = lazy(
    r"\b(?:must|should|has to|needs to|make sure to|be sure to) (?:also )?(?:include|cover|contain|mention|address|list)(?: the following)?:? (?P<items>[^.\n]{6,300})",
    re.IGNORECASE,
)
_SPLIT = lazy(r",\s*(?:and\s+|or\s+)?|;\s*|\s{1,9}and\s{1,9}|\s{1,9}as well as\s{1,9}")
_LANGUAGE_WORDS = {
    "english": "the and of to is in that for with was are this not have from",
    "german": "der die das und ist nicht ein eine mit für auf den von zu im sich auch wird",
    "french": "le la les et est une des dans pour que qui sur avec pas du au par",
    "spanish": "el la los las y es una que para con por del se no en su más",
    "italian": "il lo gli e è una che per con non del della di sono nel più",
    "dutch": "de het een en is van dat niet met voor op zijn aan ook te",
    "portuguese": "o os as e é uma que para com não do da em por mais se",
}
_VOCABULARY = {language: frozenset(listed.split()) for language, listed in _LANGUAGE_WORDS.items()}
_ITEM = lazy(r"^[ \t]{0,8}(?:[-*•+]|\d{1,2}[.)]|\*\*\d{1,2}[.)])[ \t]", re.MULTILINE)
_TOP_ITEM = lazy(r"^(?:[-*•+]|\d{1,2}[.)]|\*\*\d{1,2}[.)])[ \t]", re.MULTILINE)
_TABLE = lazy(r"^\s{0,3}\|.{1,400}\|\s*$", re.MULTILINE)

SYNONYMS = (
    frozenset(map(stem, ("price", "cost", "fee", "charge"))),
    frozenset(map(stem, ("advantage", "benefit", "pro", "strength"))),
    frozenset(map(stem, ("disadvantage", "drawback", "con", "weakness", "downside"))),
    frozenset(map(stem, ("summary", "overview", "conclusion"))),
    frozenset(map(stem, ("source", "reference", "citation", "link"))),
    frozenset(map(stem, ("error", "failure", "exception"))),
    frozenset(map(stem, ("test", "check", "verification"))),
    frozenset(map(stem, ("doc", "documentation", "docstring", "readme"))),
)


_OF_ACTS = lazy(
    r"\b(?:your|each|every) (?:\w{1,20} )?(?:actions?|calls?|commands?|edits?|queries|query|steps?|thoughts?)\b",
    re.IGNORECASE,
)
"""Words that make a demand one on how to act, not on what to deliver."""


def requirements(task: str) -> Iterator[Requirement]:
    """The checkable demands of a task, in order of kind."""
    text = task[:LIMIT]
    for match in _COUNT.finditer(text):
        number = match["n"].lower()
        yield Requirement(RequirementKind.COUNT, match.group(), str(_NUMBERS.get(number, number)))
    for match in _FORM.finditer(text):
        yield Requirement(RequirementKind.FORM, match.group(), match["form"].lower())
    for match in _LANGUAGE.finditer(text):
        yield Requirement(RequirementKind.LANGUAGE, match.group(), match["language"].lower())
    for match in _ENUMERATED.finditer(text):
        topics = [part.strip() for part in _SPLIT.split(match["items"])]
        for topic in topics:
            if topic and 1 <= len(stems(topic)) <= 5 and not _OF_ACTS.search(topic):
                yield Requirement(RequirementKind.TOPIC, match.group(), topic)


def covered(topic: str, said: frozenset[str]) -> float:
    """The share of a topic's stems, or of synonyms of theirs, that are among the stems `said`."""
    wanted = set(stems(topic))
    if not wanted:
        return 1.0
    return sum(1 for word in wanted if word in said or _synonym_in(word, said)) / len(wanted)


def _synonym_in(word: str, said: frozenset[str]) -> bool:
    return any(word in group and not group.isdisjoint(said) for group in SYNONYMS)


def items_of(answer: str) -> int:
    """How many items the list in an answer has: the ones at the margin where there are any."""
    return len(_TOP_ITEM.findall(answer)) or len(_ITEM.findall(answer))


def has_table(answer: str) -> bool:
    """Whether the answer holds a Markdown or HTML table."""
    return len(_TABLE.findall(answer)) >= 2 or "<table" in answer.lower()


def language_of(text: str) -> str | None:
    """The language of a text of at least 20 words, by its function words; None when that does not tell."""
    tokens = words(text[:LIMIT])
    if len(tokens) < 20:
        return None
    scores = {language: sum(token in known for token in tokens) for language, known in _VOCABULARY.items()}
    ranked = sorted(scores, key=lambda language: scores[language], reverse=True)
    best, second = ranked[0], ranked[1]
    clear = scores[best] >= 0.12 * len(tokens) and scores[best] >= 1.5 * scores[second]
    return best if clear else None
