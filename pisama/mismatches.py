"""Mismatches: arguments of a call that differ from what was given for the same thing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Literal, NamedTuple, TypeAlias

from pisama.elements import ElementKind, normal_number
from pisama.facts import PROSE, Fact, fields
from pisama.known import Given, Known
from pisama.patterns import lazy
from pisama.text import similarity, stem, words
from pisama.trace import JSON

MISTYPED = 0.85
"""Similarity from which a value nobody gave is taken for a slip of one that was."""
MISTYPED_ID = 0.8
"""The same for ids, which are short: two letters swapped in six give 0.83."""
GIVEN_VALUES = 20
"""Paths and addresses of users' words that an argument is compared with."""

_NAMING = lazy(r"(?:^|_)(?:id|email|phone|zip|account|iban|sku)$")
"""Keys whose values name one thing, so that another value is another thing."""
_MAKING = lazy(r"create|new|add|generat|register|open_|insert|make|sign_?up|write|save", re.IGNORECASE)
_DATE = lazy(r"(?P<year>\d{4})-(?P<day>\d\d-\d\d)")
_PATHLIKE = lazy(r"[\w.:~\-/\\?=&%@]{6,200}")

Sort: TypeAlias = Literal["unknown", "slip", "year", "date", "count"]


class Mismatch(NamedTuple):
    """An argument that differs from what was given."""

    sort: Sort
    """`unknown`: a value nobody gave for a field that has one; `slip`: nearly a given one; `year`: a given day in a
    year nobody gave; `date`: another day than the only one given; `count`: another number of the same things."""
    fact: Fact
    """The argument."""
    expected: Given


def mismatches(tool: str, arguments: JSON, known: Known, own: str) -> Iterator[Mismatch]:
    """The arguments of one call that differ from what was given. `own` is what the agent says with the call: a value
    that is derived there is not held against it. Values found are remembered, so each is found once."""
    if isinstance(arguments, str) or _MAKING.search(tool):
        return
    lowered = own.lower()
    for fact in fields(arguments):
        if fact.value.lower() in lowered and len(fact.value) > 2:
            continue
        found = _naming(fact, known) or _dated(fact, known) or _counted(fact, known) or _slip(fact, known)
        if found is not None:
            known.read(fact.value)
            yield found


def _naming(fact: Fact, known: Known) -> Mismatch | None:
    if len(fact.value) <= 3 or not _NAMING.search(fact.key):
        return None
    expected = known.expected(fact.key)
    if expected is None or known.has(fact.value):
        return None
    near = similarity(fact.value, expected.value) >= MISTYPED_ID
    return Mismatch("slip" if near else "unknown", fact, expected)


def _dated(fact: Fact, known: Known) -> Mismatch | None:
    date = _DATE.fullmatch(fact.value)
    if date is None:
        return None
    if known.invented_year(date["year"], date["day"]):
        return Mismatch("year", fact, known.wish(date["day"]))
    days = {element.value[-5:]: element for element in known.wished if element.kind == ElementKind.DATE}
    if len(days) != 1 or date["day"] in days or known.relative or known.has(fact.value):
        return None
    only = next(iter(days.values()))
    return Mismatch("date", fact, known.wish(only.text)) if len(only.value) >= 7 else None


def _counted(fact: Fact, known: Known) -> Mismatch | None:
    """`passengers=3` against `2 passengers`; only where users' words number these things once."""
    if not fact.value.isdigit():
        return None
    noun = stem(fact.key.rsplit("_", 1)[-1])
    if len(noun) < 4:
        return None
    numbers = _numbered(known.wishes[:PROSE]).get(noun, {})
    if len(numbers) != 1:
        return None
    amount, phrase = next(iter(numbers.items()))
    if amount == fact.value or known.mentioned(fact.value):
        return None
    return Mismatch("count", fact, known.wish(phrase))


@lru_cache(maxsize=16)
def _numbered(text: str) -> dict[str, dict[str, str]]:
    """By the stem of a noun: the numbers that stand before it, with the words."""
    found: dict[str, dict[str, str]] = {}
    for number, word in pairwise(words(text)):
        amount = normal_number(number)
        if amount.isdigit():
            found.setdefault(stem(word), {})[amount] = f"{number} {word}"
    return found


def _slip(fact: Fact, known: Known) -> Mismatch | None:
    """A path or an address that is nearly one the user gave, and that no text holds."""
    if not _PATHLIKE.fullmatch(fact.value) or not any(mark in fact.value for mark in "/.@"):
        return None
    wanted = [e for e in known.wished if e.kind in (ElementKind.URL, ElementKind.PATH, ElementKind.EMAIL)]
    for element in wanted[:GIVEN_VALUES]:
        close = similarity(fact.value, element.text, at_least=MISTYPED)
        if close and _differs_in_spelling(fact.value, element.text) and not known.has(fact.value):
            return Mismatch("slip", fact, known.wish(element.text))
    return None


def _differs_in_spelling(one: str, other: str) -> bool:
    """Whether a single part of two paths or addresses differs: a parent or something further down is meant."""
    parts, others = _parts(one), _parts(other)
    if len(parts) != len(others):
        return False
    return sum(mine != theirs for mine, theirs in zip(parts, others, strict=True)) == 1


def _parts(value: str) -> list[str]:
    return value.lower().split("://", 1)[-1].removeprefix("www.").rstrip("/").split("/")
