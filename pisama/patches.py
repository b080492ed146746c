"""Patches in unified diff form: their hunks, and whether these hold the lines that their headers announce."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from pisama.patterns import lazy

WIDTH = 200_000
"""Characters of a text in which hunks are looked for."""
_HEADER = lazy(r"^@@ -\d{1,9}(?:,(?P<old>\d{1,9}))? \+\d{1,9}(?:,(?P<new>\d{1,9}))? @@", re.MULTILINE)


class Hunk(NamedTuple):
    """One hunk of a patch."""

    start: int
    """Offset of its header in the text."""
    stated: tuple[int, int]
    """Lines before and after the change, as the header announces them."""
    held: tuple[int, int]
    """The same, counted. Lines that follow when both numbers are reached count where they go on with the change."""

    @property
    def whole(self) -> bool:
        """Whether it can be applied: header and lines agree."""
        return self.stated == self.held


def hunks(text: str) -> Iterator[Hunk]:
    """The hunks of the patches in a text, in order. Nothing is found where no file is named before the first."""
    bounded = text[:WIDTH]
    if "\n+++ " not in f"\n{bounded}":
        return
    for header in _HEADER.finditer(bounded):
        stated = int(header["old"] or 1), int(header["new"] or 1)
        end = bounded.find("\n", header.end())
        yield Hunk(header.start(), stated, _counted(bounded, end + 1 if end >= 0 else len(bounded), stated))


def _counted(text: str, begin: int, stated: tuple[int, int]) -> tuple[int, int]:
    old = new = 0
    while begin < len(text):
        end = text.find("\n", begin)
        line = text[begin : end if end >= 0 else len(text)]
        if (old, new) == stated and not _goes_on(line):
            break
        kind = line[:1]
        if line.startswith(("@@ ", "--- ", "+++ ", "diff ")) or kind not in ("", " ", "+", "-", "\\"):
            break
        if not line and end < 0:
            break
        old += kind in ("", " ", "-")
        new += kind in ("", " ", "+")
        begin = end + 1 if end >= 0 else len(text)
    return old, new


def _goes_on(line: str) -> bool:
    """Whether a line after a full hunk is a changed line more, and no list item or rule of the text around it."""
    return (line[:1] in ("+", "-") and line[1:2] not in ("", " ", "-", "+")) or re.match(
        r"[+-] {2,}\S", line
    ) is not None
