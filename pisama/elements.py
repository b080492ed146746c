"""Elements: the checkable facts of a text. Numbers, dates, URLs, paths, identifiers, names, quoted words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from pisama.patterns import lazy
from pisama.spots import one_of
from pisama.text import STOP_WORDS


class ElementKind(StrEnum):
    """What kind of fact an element is."""

    URL = "url"
    EMAIL = "email"
    DATE = "date"
    TIME = "time"
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
    ElementKind.TIME: 1.5,
    ElementKind.NAME: 1.5,
    ElementKind.NUMBER: 1.5,
}
"""How much a kind tells: the less likely two texts share one by chance, the more."""


class Element(NamedTuple):
    """One fact of a text."""

    kind: ElementKind
    value: str
    """Normalised, so that two spellings of one fact are equal: `1,200.50` and `1200.5`, `12 May 2026` and
    `2026-05-12`, `9:30 pm` and `21:30`. Compare elements by this."""
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
_NUMBER_TEXT = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen twenty
"""
_NUMBER_WORDS = {name: number for number, name in enumerate(_NUMBER_TEXT.split())}


_MONTH = one_of([*_MONTHS, *map(str.capitalize, _MONTHS)])
_MONTH_LETTERS = "JFMASONDjfmasond"
_CAPITAL = r"[A-ZÀ-ÖØ-Þ][\w\u2019'\-]{0,40}"
_FILE_ENDINGS = (
    "py|js|ts|tsx|json|jsonl|ya?ml|toml|md|txt|csv|tsv|xlsx?|pdf|docx?|pptx?|png|jpe?g|gif|svg|mp[34]|wav|html?|css"
    "|sql|sh|go|rs|java|c|cpp|h|ipynb|xml|log|db|zip|cfg|ini|lock"
)
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"

_NO_NAME = one_of(sorted(word.capitalize() for word in STOP_WORDS))

# Order matters: the first alternative that matches at a place wins. Every repetition is bounded, and none
# that can match the same text stands inside another, so a place costs a constant time. Nothing but the time
# of a time stamp begins inside a word, which the first look-behind sees at once: most places are in a word.
_ELEMENT = (
    r"(?<!\w)(?=[\w\"'/~.+\-\u201c\u2018])(?:"
    r"(?=[\"'\u201c\u2018])(?:(?P<key>(?:\"[^\"\n]{1,60}\"|'[\w \-]{1,60}')\s{0,2}:)"
    r"|(?P<quoted>[\"\u201c\u2018][^\"\u201c\u201d\u2018\u2019\n]{2,120}[\"\u201d\u2019]|'[^'\n]{2,80}'(?!\w)))"
    r"|(?P<url>https?://[^\s<>\"'`\]}]{1,500})"
    r"|(?P<email>[\w.+\-]{1,64}+@[\w\-]{1,63}(?:\.[\w\-]{1,63}){1,4}\b)"
    r"|(?=\d)(?:(?P<iso>\d{4}[-/]\d\d[-/]\d\d(?![\d/]))"
    r"|(?P<slash>(?<![/.])\d{1,2}(?P<mark>[/.])\d{1,2}(?P=mark)\d{4}\b)"
    rf"|(?P<dmy>{_DAY}(?: of)? (?:{_MONTH})\b\.?(?:,? \d{{4}}\b)?)"
    r"|(?P<clock>(?<!:)\d{1,2}:\d\d(?::\d\d(?:\.\d{1,9})?)?(?![\d:])(?: ?[AaPp]\.?[Mm]\b\.?)?"
    r"|\d{1,2} ?[AaPp]\.?[Mm]\b))"
    rf"|(?=[{_MONTH_LETTERS}])(?:(?P<mdy>(?:{_MONTH})\.? {_DAY}\b(?!\d)(?:,? \d{{4}}\b)?)"
    rf"|(?P<my>(?:{_MONTH})\.?,? \d{{4}}\b))"
    r"|(?P<path>(?<![/.:])(?:~|\.{1,2})?/[\w.\-]{1,100}(?:/[\w.\-]{1,100}){1,30}|[A-Za-z]:\\[\w.\-\\]{1,200}"
    rf"|(?<!/)(?=[\w\-]{{0,60}}+[./])(?:[\w.\-]{{1,60}}/){{0,10}}[\w.\-]{{1,60}}\.(?:{_FILE_ENDINGS})\b(?![./]\w))"
    r"|(?=\d)(?P<dotted>(?<!\.)\d{1,5}(?:\.\d{1,5}){2,4}(?!\w))"
    r"|(?![A-Z]?[a-z]*+(?![\w\-]))(?P<identifier>(?:[A-Za-z]{1,20}[-_]?\d[\w\-]{1,40}|[A-Z]{2,20}\d|\d{1,12}[A-Za-z]\w{2,40}"
    r"|[A-Za-z][A-Za-z0-9]{0,40}(?:_[A-Za-z0-9]{1,40}){1,10}|[a-z]{1,30}(?:[A-Z][a-z0-9]{1,30}){1,6})\b)"
    r"|(?P<number>(?<!\.)[-+]?\d{1,3}(?:,\d{3}){1,6}(?:\.\d{1,12})?(?!\w)"
    r"|(?<!\.)[-+]?\d{1,20}(?:\.\d{1,12})?(?!\w))"
    rf"|(?P<name>(?!(?:{_NO_NAME})\b){_CAPITAL}"
    rf"(?:(?: (?:of|of the|de|la|van|von|der|&))? (?!(?:{_MONTH})\.? \d){_CAPITAL}){{0,5}}))"
    r"|(?<=\d)T(?P<stamp>\d\d:\d\d(?::\d\d)?)"
)
# Most of a text is plain words. Up to the word that holds or is followed by a letter with which an element can begin
# or go on, they are passed over in one run without a way back into it; where no element begins then, that word or
# what stands between words is matched as nothing. So each character is looked at a constant number of times.
_TELLING = r"A-ZÀ-ÖØ-Þ\d\"'/~.+\-\u201c\u2018@_\\:"
_PASSED = rf"(?:(?<=\w)[\"'/~.+\-])?[:@\\\s]*+(?:[^{_TELLING}]*[^{_TELLING}\w](?![\d ]))?"
_PATTERN = lazy(rf"{_PASSED}(?:{_ELEMENT}|[^\W\d]+|.|\Z)", re.DOTALL)
_WHOLE = lazy(_ELEMENT)
_SENTENCE_START = lazy(r"(?:^|[.!?:;\n•*\-#>|\"\u201c(\[][ \t]{0,4})$")
_TOKEN = lazy(r"[a-z]+|\d+")


def elements(text: str, limit: int = 20_000) -> Iterator[Element]:
    """The elements of the first `limit` characters of a text, in order.

    The keys of JSON objects are names of facts, not facts, and are left out.
    """
    for match in _PATTERN.finditer(text[:limit]):
        group = match.lastgroup
        element = _element(match, group, text, 0) if group is not None else None
        if element is not None:
            yield element


def _element(match: re.Match[str], group: str, text: str, offset: int) -> Element | None:
    found, start = match[group], match.start(group)
    if group in _NORMAL:
        kind, normal = _NORMAL[group]
        if kind == ElementKind.PATH:
            found = found.rstrip(".-")
        return Element(kind, normal(found), found, offset + start)
    if group == "quoted":
        return _quoted(found, offset + start)
    if group == "name":
        return _name(found, start, text)
    if group == "url":
        found = _trimmed_url(found)
        return Element(ElementKind.URL, _normal_url(found), found, offset + start)
    return None


def _quoted(found: str, start: int) -> Element | None:
    inner = found[1:-1].strip()
    if len(inner) < 2:
        return None
    offset = start + found.index(inner)
    # `"May 12"` and May 12 are the same fact, so what is quoted whole counts as what it is.
    whole = _WHOLE.fullmatch(inner)
    group = whole.lastgroup if whole is not None else None
    if whole is not None and group is not None and group not in ("quoted", "name", "key"):
        return _element(whole, group, inner, offset)
    return Element(ElementKind.QUOTED, inner.lower(), inner, offset)


def _name(found: str, start: int, text: str) -> Element | None:
    parts = found.split(" ")
    # The first word of a sentence is capitalised whatever it is; an acronym or a code is not there by chance.
    if len(parts) == 1 and not found.isupper() and _SENTENCE_START.search(text[max(0, start - 6) : start]):
        return None
    while parts and parts[0].lower() in STOP_WORDS:
        start += len(parts[0]) + 1
        parts = parts[1:]
    name = " ".join(parts).rstrip("-'\u2019")
    value = name.lower().removesuffix("'s").removesuffix("\u2019s")
    if len(value) < 3 or value in STOP_WORDS or _contraction(value):
        return None
    return Element(ElementKind.NAME, value, name, start)


def _contraction(value: str) -> bool:
    head, mark, tail = value.replace("\u2019", "'").partition("'")
    return (
        bool(mark) and tail in ("m", "ve", "ll", "d", "re", "t", "s") and (head in STOP_WORDS or tail != "s")
    )


def _trimmed_url(url: str) -> str:
    """Without the sentence's punctuation; a closing bracket stays when it was opened inside."""
    url = url.rstrip(".,;:!?*\\")
    while url.endswith(")") and url.count("(") < url.count(")"):
        url = url[:-1].rstrip(".,;:!?*\\")
    return url


def _normal_url(url: str) -> str:
    bare = url.split("://", 1)[1].split("#", 1)[0].removeprefix("www.")
    return bare.rstrip("/").lower()


@lru_cache(maxsize=4096)
def normal_number(text: str) -> str:
    """`+1,200.50` becomes `1200.5`, `twelve` becomes `12`; what is no number comes back as it is."""
    bare = text.strip().replace(",", "").removeprefix("+")
    if bare.lower() in _NUMBER_WORDS:
        return str(_NUMBER_WORDS[bare.lower()])
    digits = bare.removeprefix("-")
    if not digits.replace(".", "", 1).isdigit():
        return text
    if "." in digits:
        digits = digits.rstrip("0").rstrip(".")
    digits = digits.lstrip("0")
    if digits.startswith(".") or not digits:
        digits = f"0{digits}"
    return f"-{digits}" if bare.startswith("-") and digits != "0" else digits


def normal_time(text: str) -> str:
    """24-hour `HH:MM`: `9:30 pm` becomes `21:30`; seconds are kept only when they are not zero."""
    numbers = re.findall(r"\d+", text)[:3]
    hour, minute = int(numbers[0]), numbers[1] if len(numbers) > 1 else "00"
    half = text.lower().replace(".", "")
    if half.endswith("pm") and hour < 12:
        hour += 12
    elif half.endswith("am") and hour == 12:
        hour = 0
    seconds = f":{numbers[2]}" if len(numbers) > 2 and numbers[2] != "00" else ""
    return f"{hour:02d}:{minute}{seconds}"


def normal_date(text: str) -> str:
    """ISO 8601 where day, month and year are there, `--05-12` without a year, `2026-05` without a day.

    In `05/12/2026` the month comes first unless it cannot; in `12.05.2026` the day does.
    """
    tokens = _TOKEN.findall(text.lower())
    numbers = [token for token in tokens if token.isdigit()]
    if len(numbers) == 3 and len(numbers[0]) == 4:
        return "-".join(numbers)
    if len(numbers) == 3:
        first, second = int(numbers[0]), int(numbers[1])
        month, day = (first, second) if "/" in text and first <= 12 else (second, first)
        return f"{numbers[2]}-{month:02d}-{day:02d}"
    month = next((_MONTHS[token] for token in tokens if token in _MONTHS), 0)
    day = next((int(token) for token in numbers if len(token) <= 2), 0)
    year = next((token for token in numbers if len(token) == 4), "-")
    return f"{year}-{month:02d}-{day:02d}" if day else f"{year}-{month:02d}"


_NORMAL: dict[str, tuple[ElementKind, Callable[[str], str]]] = {
    **dict.fromkeys(("iso", "slash", "dmy", "mdy", "my"), (ElementKind.DATE, normal_date)),
    **dict.fromkeys(("clock", "stamp"), (ElementKind.TIME, normal_time)),
    **dict.fromkeys(("dotted", "identifier"), (ElementKind.IDENTIFIER, str.lower)),
    "number": (ElementKind.NUMBER, normal_number),
    "email": (ElementKind.EMAIL, str.lower),
    "path": (ElementKind.PATH, str.lower),
}
"""What the groups of the pattern are, and how their text is made comparable."""
