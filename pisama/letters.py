"""Texts that came back letter by letter, because a program went over a text as if it were a list."""

from __future__ import annotations

import re

WIDTH = 20_000
"""Characters of a text that are looked at."""
_LINES = re.compile(r"(?:(?<=\n)|\A)(?:(?:\d{1,4}[:.)][ ]?)?[^\n]\n){8,}")
"""Lines of one character each, numbered or not."""
_ITEMS = re.compile(r"(?:'(?:\\n|[^'\n])',[ ]?){8,}")
"""Items of one character each in a printed list."""
_NUMBERED = re.compile(r"^\d{1,4}[:.)][ ]?", re.MULTILINE)
_LETTER = re.compile(r"[^\W\d_]")
_LEAST_LETTERS = 4


def letter_by_letter(text: str) -> int | None:
    """The offset from which a text is listed one character at a time; None where it is not.

    An alphabet, digits, and the same sign over and over are lists of their own.
    """
    bounded = text[:WIDTH]
    for pattern in (_LINES, _ITEMS):
        for match in pattern.finditer(bounded):
            listed = _NUMBERED.sub("", match.group()) if pattern is _LINES else match.group()
            characters = _LETTER.findall(listed.replace("\\n", " "))
            if len(set(characters)) >= _LEAST_LETTERS and _spells(listed, characters):
                return match.start()
    return None


def _spells(listed: str, characters: list[str]) -> bool:
    """Whether the characters stand for a text: words in their order, or white space and signs among letters."""
    return (
        characters != sorted(characters)
        or re.search(r"(?:'|^)(?: |\\n|[-.:/])(?:'|$)", listed, re.MULTILINE) is not None
    )
