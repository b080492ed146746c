"""Where in a text a pattern can match at all: around the words that each of its matches holds.

Python tries a pattern at every character, and most characters of a trace are pages and logs that it has nothing to
say about. Finding fixed words first is tens of times faster, and leaves the pattern itself as exact as it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeAlias

Needle: TypeAlias = str | re.Pattern[str]
"""Lower-case letters, or a pattern that begins with some: Python finds those as fast."""


_KEPT = 50_000
"""Characters of a text whose lower case is kept for the next that asks."""


def lower_case(text: str) -> str:
    """`text.lower()`. With other letters than those of ASCII that takes seven times as long, and one detector after the
    other asks for it: of the last such texts it is kept."""
    return text.lower() if text.isascii() or len(text) > _KEPT else _lower_case(text)


@lru_cache(maxsize=64)
def _lower_case(text: str) -> str:
    return text.lower()


def spots(lowered: str, needles: Sequence[Needle]) -> list[int]:
    """The offsets at which any of these begins in a lower-case text, ascending."""
    found: list[int] = []
    for needle in needles:
        if not isinstance(needle, str):
            found.extend(match.start() for match in needle.finditer(lowered))
            continue
        place = lowered.find(needle)
        while place >= 0:
            found.append(place)
            place = lowered.find(needle, place + 1)
    found.sort()
    return found


def stretches(
    text: str, needles: Sequence[Needle], before: int, after: int, *, lowered: str | None = None
) -> Iterator[tuple[int, int]]:
    """The parts of a text that lie up to so many characters around any of these, without overlap.

    Give the text in lower case too where it is at hand.
    """
    lowered = lower_case(text) if lowered is None else lowered
    if len(lowered) != len(text):  # a letter that becomes two: offsets would be wrong
        yield 0, len(text)
        return
    begin = end = -1
    for place in spots(lowered, needles):
        if place - before > end:
            if end >= 0:
                yield begin, end
            begin = max(0, place - before)
        end = min(len(text), place + after)
    if end >= 0:
        yield begin, end


def find_near(
    pattern: re.Pattern[str],
    text: str,
    needles: Sequence[Needle],
    before: int,
    after: int,
    *,
    lowered: str | None = None,
) -> Iterator[re.Match[str]]:
    """`pattern.finditer(text)` for a pattern each match of which holds one of these in any case, begins at
    most `before` characters ahead of it and ends, with all that it looks at, at most `after` behind its beginning.

    The ends of the stretches must not matter to the pattern: it looks at offsets, so `\\A`, look-behinds and word
    boundaries see the whole text, but `\\Z` and what looks ahead stop at the end of a stretch.
    """
    for begin, end in stretches(text, needles, before, after, lowered=lowered):
        yield from pattern.finditer(text, begin, end)


def holds(text: str, needles: Sequence[str]) -> bool:
    """Whether a text holds any of these words, letter for letter."""
    for needle in needles:  # noqa: SIM110 - half the time of any() with a generator
        if needle in text:
            return True
    return False


def one_of(names: Iterable[str]) -> str:
    """A pattern for any of these names, longest first, that only looks at those with the right first letter."""
    by_letter: dict[str, list[str]] = {}
    for name in sorted(names, key=len, reverse=True):
        by_letter.setdefault(name[0], []).append(name[1:])
    return "|".join(f"{letter}(?:{'|'.join(rests)})" for letter, rests in by_letter.items())


class Sign(NamedTuple):
    """A pattern with the words, in lower case, of which each of its matches holds one."""

    words: tuple[str, ...]
    pattern: re.Pattern[str]

    def search(self, text: str, lowered: str) -> re.Match[str] | None:
        """The first match in a text, which is given in lower case too."""
        return self.pattern.search(text) if holds(lowered, self.words) else None
