"""Several JSON values written one after another, each over as many lines as it likes."""

from __future__ import annotations

from pisama.limits import Limits
from pisama.loaders.base import Record
from pisama.loaders.json_text import BadJSON, first_value, without_surrogates
from pisama.report import LoadError
from pisama.trace import Location

MAX_BAD_VALUES = 20
"""After so many broken values the rest is given up: each costs one pass over the text."""


def read_values(data: bytes, path: str | None, limits: Limits) -> tuple[list[Record | LoadError], bool]:
    """The values with the lines they begin at, and whether the last of them is cut off.

    After a broken value it goes on at the next line that begins an object. Empty when there is no
    readable value at all.
    """
    text = data.decode("utf-8", "replace")
    items: list[Record | LoadError] = []
    position, line, counted, bad = 0, 1, 0, 0
    while (position := _skip_space(text, position)) < len(text):
        line += text.count("\n", counted, position)
        counted = position
        try:
            value, position = first_value(text, position, limits)
            items.append(Record(without_surrogates(value), Location(path, line)))
            continue
        except BadJSON as error:
            if error.cut:
                return _if_any(items), True
            items.append(
                LoadError(f"not JSON: {error.reason} at column {error.column}", Location(path, error.line))
            )
            bad += 1
            position = text.find("\n{", max(position, error.position))
        if position < 0:
            break
        if bad >= MAX_BAD_VALUES:
            items.append(LoadError("too much of it is not JSON; the rest was not read", Location(path, line)))
            break
    return _if_any(items), False


def _if_any(items: list[Record | LoadError]) -> list[Record | LoadError]:
    return items if any(isinstance(item, Record) for item in items) else []


def _skip_space(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    return position
