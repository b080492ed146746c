"""Named facts: which value a text gives for which field, in JSON and in prose, and which facts it asks for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeAlias

import orjson

from pisama.elements import Element, ElementKind
from pisama.patterns import lazy
from pisama.spots import find_near, holds, lower_case, spots
from pisama.text import sentences
from pisama.trace import JSON

ElementsOf: TypeAlias = Callable[[str], Sequence[Element]]

JSON_LIMIT = 200_000
"""Longer texts are not opened as JSON."""
NODES = 4_000
"""Values of one JSON text that are looked at."""
PROSE = 4_000
"""Characters of a text in which labels and requests are looked for: people say such things in short messages, and
what follows in a long one is a document."""


_MONTHS = tuple("jan feb mar apr may jun jul aug sep oct nov dec".split())
_DAY = lazy(
    r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}\.? \d|\d(?:st|nd|rd|th)?(?: of)? (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
)
_MOVABLE = lazy(
    r"\b(?:after|before|later|earlier|next|flexible|around|between|until|till|through|week|weeks|weekend|days?|nights?|return\w*"
    r"|tomorrow|yesterday|today|following|previous|or|range|from|since|month|every|daily|cheapest|latest|recent)\b"
)
_SUBJECT = (
    "user|customer|account|member|membership|order|reservation|booking|confirmation|ticket|flight|tracking|product"
    "|item|invoice|case|employee|patient|student|project|transaction|policy|contract|device|serial|loyalty"
)
_LABEL_WORDS = (
    lazy(r"id(?=s?\b)"),
    *("number", "code", "reference", "identifier", "mail", "date of birth", "url"),
)
"""One of these is in each label."""
_LABEL = (
    rf"(?:(?:{_SUBJECT})[ _-]?(?:id|number|code|reference|identifier)s?\b|e-?mail(?: address(?:es)?)?\b"
    r"|phone number\b|(?:zip|postal) code\b|date of birth\b|url\b)"
)
_LABELLED = lazy(
    rf"\b(?P<label>{_LABEL})(?: is| was|:| =|=| \(|,)?[ ]{{0,2}}[#\"'*`(]{{0,3}}(?P<value>[A-Za-z0-9][\w@.+\-/]{{2,80}})",
    re.IGNORECASE,
)
_ASKED = lazy(
    r"\b(?:could|can|would|may) (?:you|i)\b(?:[^.?!\n]{0,40}?)\b(?:provide|share|tell|give|send|have|get|enter|supply)\b"
    r"|\bplease (?:\w+ )?(?:provide|share|tell|give|send|enter|supply)\b"
    r"|\bwhat(?:'s| is| are) (?:your|the)\b|\bi(?:'ll| will| would)? (?:also )?need (?:your|the|to know)\b",
    re.IGNORECASE,
)
_REQUEST_WORDS = (
    *(f"{verb} {who}" for verb in ("could", "can", "would", "may") for who in ("you", "i")),
    *("please ", "what's ", "what is ", "what are ", "need your", "need the", "need to know"),
)
"""One of these is in each request, in lower case."""
_HEDGED = lazy(
    r"\b(?:correct|confirm|verify|double[- ]check|another|different|new|other|again|right|valid|which|alternative|if)\b",
    re.IGNORECASE,
)
_REFUSED = lazy(
    r"\bi(?:['\u2019]m| am)? ?(?:can(?:not|['\u2019]t)|won['\u2019]t|will not|unable to|not able to)"
    r" (?:help|assist|comply|do that|fulfil+|support|create|provide|participate|continue)\b"
    r"|\bi must decline\b",
    re.IGNORECASE,
)
_ONE_LABEL = lazy(rf"\b{_LABEL}", re.IGNORECASE)
_HUMP = lazy(r"(?<=[a-z0-9])(?=[A-Z])")
_BREAK = lazy(r"[ \-.]+")
_SYNONYMS = {"number": "id", "code": "id", "reference": "id", "identifier": "id", "no": "id", "address": ""}


class Fact(NamedTuple):
    """A field and the value a text gives for it."""

    key: str
    """Normalised by `normal_key`."""
    value: str
    """As it was written."""


@lru_cache(maxsize=1024)
def normal_key(name: str) -> str:
    """One spelling for the names of a field: `reservationId`, `Reservation number` and `reservation_id`."""
    words = _BREAK.sub("_", _HUMP.sub("_", name.strip())).lower().replace("e_mail", "email").split("_")
    last = words[-1]
    if last.endswith("sses"):
        words[-1] = last.removesuffix("es")
    elif last.endswith("s") and not last.endswith(("ss", "us", "is")) and len(last) > 2:
        words[-1] = last.removesuffix("s")
    if len(words) > 1 and words[-1] in _SYNONYMS and words[0] not in ("zip", "postal", "phone"):
        words[-1] = _SYNONYMS[words[-1]]
    return "_".join(word for word in words if word)


def fields(value: JSON) -> Iterator[Fact]:
    """The scalar fields of a JSON value at any depth, with the key each stands under; at most `NODES`."""
    stack: list[tuple[str, JSON]] = [("", value)]
    for _ in range(NODES):
        if not stack:
            return
        key, node = stack.pop()
        if isinstance(node, dict):
            stack.extend((str(name), item) for name, item in reversed(node.items()))
        elif isinstance(node, list):
            stack.extend((key, item) for item in reversed(node[:NODES]))
        elif key and node is not None and not isinstance(node, bool):
            yield Fact(normal_key(key), str(node))


def opened(text: str) -> JSON:
    """The object or array a text is, or None when it is neither or too long."""
    stripped = text[: JSON_LIMIT + 1].strip()
    if stripped[:1] not in ("{", "[") or len(text) > JSON_LIMIT:
        return None
    try:
        value: JSON = orjson.loads(stripped)
    except orjson.JSONDecodeError:
        return None
    return value


def told(text: str, elements_of: ElementsOf) -> Iterator[Fact]:
    """The facts a person's words give under a label: `my user id is anna_12`, `order number: #W123`; and
    addresses, which need no label."""
    for match in find_near(_LABELLED, text[:PROSE], _LABEL_WORDS, before=20, after=140):
        value = match["value"].rstrip(".,-/")
        if telling(value):
            yield Fact(normal_key(match["label"]), value)
    addressed = _lines_with(text[:PROSE], lambda line: "@" in line or "://" in line)
    for element in elements_of(addressed) if addressed else ():
        if element.kind in (ElementKind.EMAIL, ElementKind.URL):
            yield Fact(element.kind.value, element.text)


def _lines_with(text: str, holds_one: Callable[[str], bool]) -> str:
    """The lines of a text that may hold what is looked for: looking closely at all of them would take longer."""
    return "\n".join(filter(holds_one, text.split("\n"))) if holds_one(text) else ""


class Told(NamedTuple):
    """What a person's words give, whoever hears them and whenever."""

    facts: tuple[Fact, ...]
    days: frozenset[str]
    """Days named without a year: `05-20`."""
    relative: bool
    """Whether they speak of ranges of days, or of days by their distance from others."""


def all_told(text: str, elements_of: ElementsOf) -> Told:
    """Everything that one text of a person tells."""
    said = text[:PROSE]
    dated = _lines_with(said, lambda part: any(find_near(_DAY, part, _MONTHS, before=10, after=16)))
    return Told(
        tuple(told(text, elements_of)),
        frozenset(
            element.value[2:]
            for element in (elements_of(dated) if dated else ())
            if element.value.startswith("--")
        ),
        _MOVABLE.search(lower_case(said)) is not None,
    )


def asked(text: str) -> Iterator[tuple[str, str]]:
    """The fields a text asks its reader for, with the sentence; not where it asks to confirm or to correct."""
    lowered = lower_case(text[:PROSE])
    if not holds(lowered, _REQUEST_WORDS) or not spots(lowered, _LABEL_WORDS):
        return
    for sentence in sentences(text[:PROSE]):
        request = _ASKED.search(sentence)
        if request is None or _HEDGED.search(sentence):
            continue
        for match in _ONE_LABEL.finditer(sentence, request.start()):
            yield normal_key(match.group()), sentence


def refuses(text: str) -> bool:
    """Whether a text declines to do what was asked."""
    return _REFUSED.search(text[:PROSE]) is not None


def telling(value: str) -> bool:
    """Whether a value is one that names something: it has a digit, an @, or capitals only."""
    return any(letter.isdigit() for letter in value) or "@" in value or (value.isupper() and len(value) > 4)
