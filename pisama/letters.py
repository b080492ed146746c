"""Texts that came back letter by letter, because a program went over a text as if it were a list."""

from __future__ import annotations

import re

from pisama.patterns import lazy

WIDTH = 20_000
"""Characters of a text that are looked at."""
_LINES = lazy(r"\n(?:(?:\d{1,4}[:.)][ ]?)?[^\n]\n){8,}")
"""Lines of one character each, numbered or not. It begins with a plain sign because Python finds one fast."""
_ITEMS = lazy(r"'(?:\\n|[^'\n])',[ ]?(?:'(?:\\n|[^'\n])',[ ]?){7,}")
"""Items of one character each in a printed list."""
_NUMBERED = lazy(r"^\d{1,4}[:.)][ ]?", re.MULTILINE)
_LETTER = lazy(r"[^\W\d_]")
_SIGN = lazy(r"(?:'|^)(?: |\\n|[-.:/])(?:'|$)", re.MULTILINE)
_LEAST_LETTERS = 4


def letter_by_letter(text: str) -> int | None:
    """The offset from which a text is listed one character at a time; None where it is not.

    An alphabet, digits, and the same sign over and over are lists of their own.
    """
    bounded = text[:WIDTH]
    for match in _LINES.finditer(f"\n{bounded}"):
        if _is_text(_NUMBERED.sub("", match.group())):
            return match.start()
    return next((match.start() for match in _ITEMS.finditer(bounded) if _is_text(match.group())), None)


def _is_text(listed: str) -> bool:
    """Whether the characters stand for a text: words in their order, or white space and signs among letters."""
    characters = _LETTER.findall(listed.replace("\\n", " "))
    if len(set(characters)) < _LEAST_LETTERS:
        return False
    return characters != sorted(characters) or _SIGN.search(listed) is not None
