"""Decoding JSON without recursion, for values that are nested deeper than other decoders go."""

from __future__ import annotations

from collections.abc import Callable
from json import JSONDecodeError
from typing import TypeAlias

from pisama.patterns import lazy
from pisama.trace import JSON

Scalar: TypeAlias = Callable[[str, int], tuple[JSON, int]]
"""The string, number or word that begins at a place, and where it ends. Raises JSONDecodeError."""

_SPACE = lazy(r"[ \t\r\n]*")
_CLOSES = {dict: "}", list: "]"}


class TooDeepError(ValueError):
    """The value is nested deeper than is allowed."""

    def __init__(self, position: int) -> None:
        super().__init__("too deep")
        self.position = position
        """0-based, in characters, of the first object or list that is too deep."""


def is_deeper(value: JSON, most: int) -> bool:
    """Whether objects and lists lie in more than so many levels."""
    level = [value]
    for _ in range(most + 1):
        level = [
            inner
            for outer in level
            for inner in (
                outer.values() if isinstance(outer, dict) else outer if isinstance(outer, list) else ()
            )
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def deep_value(text: str, start: int, most: int, scalar: Scalar) -> tuple[JSON, int]:
    """The value that begins at `start`, and where it ends. Raises JSONDecodeError and `TooDeepError`."""
    reading = _Reading(text, most, scalar)
    position = start
    while True:
        position = reading.value(position)
        position, complete = reading.rest(position)
        if complete:
            return reading.holder[0], position


class _Reading:
    def __init__(self, text: str, most: int, scalar: Scalar) -> None:
        self._text = text
        self._most = most
        self._scalar = scalar
        self.holder: list[JSON] = []
        """Takes the whole value."""
        self._open: list[list[JSON] | dict[str, JSON]] = [self.holder]
        self._keys: list[str] = []
        """Of the objects that are open, what stands before the value that is read."""

    def value(self, position: int) -> int:
        """Reads a value, or the beginnings of lists and objects up to the first that is none."""
        while True:
            begins = self._text[position : position + 1]
            if begins not in ("{", "["):
                value, position = self._scalar(self._text, position)
                self._add(value)
                return position
            position = self._begin(position)
            if self._text[position : position + 1] == _CLOSES[type(self._open[-1])]:
                return position
            if isinstance(self._open[-1], dict):
                position = self._key(position)

    def rest(self, position: int) -> tuple[int, bool]:
        """What follows a value: ends, or a comma and where the next one begins; and whether all is read."""
        while len(self._open) > 1:
            position = self._space(position)
            follows, innermost = self._text[position : position + 1], self._open[-1]
            if follows == _CLOSES[type(innermost)]:
                self._open.pop()
                position += 1
            elif follows == ",":
                position = self._space(position + 1)
                return (self._key(position) if isinstance(innermost, dict) else position), False
            else:
                raise JSONDecodeError("Expecting ',' delimiter", self._text, position)
        return position, True

    def _begin(self, position: int) -> int:
        if len(self._open) > self._most:
            raise TooDeepError(position)
        made: list[JSON] | dict[str, JSON] = {} if self._text[position] == "{" else []
        self._add(made)
        self._open.append(made)
        return self._space(position + 1)

    def _key(self, position: int) -> int:
        if self._text[position : position + 1] != '"':
            reason = "Expecting property name enclosed in double quotes"
            raise JSONDecodeError(reason, self._text, position)
        key, position = self._scalar(self._text, position)
        self._keys.append(str(key))
        position = self._space(position)
        if self._text[position : position + 1] != ":":
            raise JSONDecodeError("Expecting ':' delimiter", self._text, position)
        return self._space(position + 1)

    def _add(self, value: JSON) -> None:
        innermost = self._open[-1]
        if isinstance(innermost, dict):
            innermost[self._keys.pop()] = value
        else:
            innermost.append(value)

    def _space(self, position: int) -> int:
        found = _SPACE.match(self._text, position)
        return found.end() if found else position
