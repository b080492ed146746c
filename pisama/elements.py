"""Elements: the checkable facts of a text. Numbers, dates, URLs, paths, identifiers, names, quoted words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from pisama.text import STOP_WORDS


class ElementKind(StrEnum):
    """What kind of fact an element is."""

    URL = "url"
    EMAIL = "email"
    DATE = "date"
    NUMBER = "number"
    IDENTIFIER = "identifier"
    PATH = "path"
    QUOTED = "quoted"
    NAME = "name"


WEIGHTS = {
    ElementKind.URL: 3.0,
    ElementKind.EMAIL: 3.0,
    ElementKind.IDENTIFIER: 3.0,
    ElementKind.PATH: 2.5,
    ElementKind.DATE: 2.0,
    ElementKind.QUOTED: 2.0,
    ElementKind.NAME: 1.5,
    ElementKind.NUMBER: 1.5,
}
"""How much a kind tells: the less likely two texts share one by chance, the more."""


@dataclass(frozen=True, slots=True)
class Element:
    """One fact of a text."""

    kind: ElementKind
    value: str
    """Normalised, so that two spellings of one fact are equal: `1,200.50` and `1200.5`, `12 May 2026` and
    `2026-05-12`. Compare elements by this."""
    text: str
    """As it was written."""
    start: int
    """Offset in the text."""

    @property
    def weight(self) -> float:
        """How much sharing this element tells."""
        return WEIGHTS[self.kind]


_MONTHS = {
    name: number
    for number, names in enumerate(
        ("january jan", "february feb", "march mar", "april apr", "may", "june jun", "july jul", "august aug",
         "september sept sep", "october oct", "november nov", "december dec"),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_MONTH = "|".join(f"{name.capitalize()}|{name}" for name in sorted(_MONTHS, key=len, reverse=True))
_CAPITAL = r"[A-ZÀ-ÖØ-Þ][\w’'\-]{0,40}"

_PATTERN = re.compile(
    r"(?P<url>\bhttps?://[^\s<>\"'`\])}]{1,500})"
    r"|(?P<email>\b[\w.+\-]{1,64}@[\w\-]{1,63}(?:\.[\w\-]{1,63}){1,4}\b)"
    r"|(?P<iso>\b\d{4}-\d\d-\d\d\b)"
    rf"|(?P<dmy>\b\d{{1,2}}(?:st|nd|rd|th)?(?: of)? (?:{_MONTH})\b\.?(?:,? \d{{4}}\b)?)"
    rf"|(?P<mdy>\b(?:{_MONTH})\.? \d{{1,2}}(?:st|nd|rd|th)?\b(?!\d)(?:,? \d{{4}}\b)?)"
    r"|(?P<path>(?<![\w/])(?:~|\.{1,2})?/[\w.\-]{1,100}(?:/[\w.\-]{1,100}){1,30}|\b[\w\-]{1,60}(?:/[\w.\-]{1,60}){0,10}\.(?:py|js|ts|tsx|json|jsonl|ya?ml|toml|md|txt|csv|xlsx?|pdf|docx?|pptx?|png|jpe?g|html?|css|sql|sh|go|rs|java|c|cpp|h|ipynb|xml|log|db|zip)\b)"
    r"|(?P<identifier>\b(?:[A-Za-z]{1,20}[-_]?\d[\w\-]{1,40}|\d{1,12}[A-Za-z]\w{2,40}|[a-z][a-z0-9]{0,40}(?:_[a-z0-9]{1,40}){1,10}|[a-z]{1,30}(?:[A-Z][a-z0-9]{1,30}){1,6})\b)"
    r"|(?P<number>(?<![\w.])[-+]?\d{1,3}(?:,\d{3}){1,6}(?:\.\d{1,12})?|(?<![\w.])[-+]?\d{1,20}(?:\.\d{1,12})?(?![\w]))"
    r"|(?P<quoted>[\"“‘][^\"“”‘’\n]{2,120}[\"”’])"
    rf"|(?P<name>\b{_CAPITAL}(?:(?: (?:of|of the|de|la|van|von|der|&))? {_CAPITAL}){{0,5}})",
)
_SENTENCE_START = re.compile(r"(?:^|[.!?:;\n•*\-#>|\"“(\[][ \t]{0,4})$")


def elements(text: str, limit: int = 20_000) -> Iterator[Element]:
    """The elements of the first `limit` characters of a text, in order."""
    for match in _PATTERN.finditer(text[:limit]):
        element = _element(match, text)
        if element is not None:
            yield element


def _element(match: re.Match[str], text: str) -> Element | None:
    group, found, start = match.lastgroup, match.group(), match.start()
    if group == "url":
        found = found.rstrip(".,;:!?*")
        return Element(ElementKind.URL, _normal_url(found), found, start)
    if group in ("iso", "dmy", "mdy"):
        return Element(ElementKind.DATE, normal_date(found), found, start)
    if group == "number":
        return Element(ElementKind.NUMBER, normal_number(found), found, start)
    if group == "quoted":
        inner = found[1:-1].strip()
        return Element(ElementKind.QUOTED, inner.lower(), inner, start + 1) if len(inner) > 2 else None
    if group == "name":
        return _name(found, start, text)
    kind = ElementKind(group or "")
    return Element(kind, found.lower().rstrip("."), found, start)


def _name(found: str, start: int, text: str) -> Element | None:
    parts = found.split(" ")
    # The first word of a sentence is capitalised whatever it is.
    if _SENTENCE_START.search(text[max(0, start - 6) : start]):
        while parts and (parts[0].lower() in STOP_WORDS or len(parts) == 1):
            start += len(parts[0]) + 1
            parts = parts[1:]
    while parts and parts[0].lower() in STOP_WORDS:
        start += len(parts[0]) + 1
        parts = parts[1:]
    name = " ".join(parts)
    if len(name) < 3:
        return None
    value = name.lower().removesuffix("'s").removesuffix("’s")
    return Element(ElementKind.NAME, value, name, start)


def _normal_url(url: str) -> str:
    bare = url.split("://", 1)[1].split("#", 1)[0].removeprefix("www.")
    return bare.rstrip("/").lower()


def normal_number(text: str) -> str:
    """`+1,200.50` becomes `1200.5`."""
    bare = text.replace(",", "").removeprefix("+")
    if "." in bare:
        bare = bare.rstrip("0").rstrip(".")
    sign = "-" if bare.startswith("-") else ""
    return sign + (bare.removeprefix("-").lstrip("0") or "0")


def normal_date(text: str) -> str:
    """ISO 8601 where day, month and year are there, `--05-12` without a year."""
    if text[:4].isdigit() and text[4:5] == "-":
        return text
    tokens = re.findall(r"[a-z]+|\d+", text.lower())
    month = next((_MONTHS[token] for token in tokens if token in _MONTHS), 0)
    day = next((int(token) for token in tokens if token.isdigit() and len(token) <= 2), 0)
    year = next((token for token in tokens if token.isdigit() and len(token) == 4), "-")
    return f"{year}-{month:02d}-{day:02d}"
