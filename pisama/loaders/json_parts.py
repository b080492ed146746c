"""Decoding a large JSON value in parts.

A decoder needs a copy of the text and a tree of its own beside the value it makes, together more than the
value. When the items of long lists are decoded a few at a time, it needs them for these few only.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import orjson

from pisama.trace import JSON

PART_BYTES = 1 << 20
"""Items of a list are decoded together from this size on."""
MOST_PARTS = 4
"""Items that are so many times larger, because one of them is, are decoded with the rest: cutting them out would only copy them."""

MAX_OPEN = 256
"""Lists and objects within each other; a text with more is not cut, so that the decoder's own limit is the same for all."""
_OPENING = b"[{"
_LIST = ord("[")
_QUOTE = ord('"')
# A text is passed once, whatever is in it. A string is looked through for quotes alone, which is several times as fast as
# for two characters; a quote after one or three backslashes does not end it, one after none or two does, and where there
# are more the text is not looked at further. Repetitions of groups are few, for each is kept until the match ends.
_ESCAPED_QUOTE = rb'[^"]*+"(?:(?<=[^\\]\\")|(?<=[^\\]\\\\\\"))'
_LAST_QUOTE = rb'[^"]*+"(?:(?<!\\")|(?<=[^\\]\\\\"))'
_BETWEEN = rb'[^"\[\]{}]*+'
_STRINGS = re.compile(rb'%b(?:"(?:%b){0,100}%b%b){0,100}' % (_BETWEEN, _ESCAPED_QUOTE, _LAST_QUOTE, _BETWEEN))
_ESCAPED_QUOTES = re.compile(rb"(?:%b){1,1000}" % _ESCAPED_QUOTE)
_REST = re.compile(_LAST_QUOTE)


@dataclass(slots=True)
class _Open:
    """A list or an object that has begun and not yet ended."""

    is_list: bool
    rest: int
    """Where what was not looked at yet for cutting begins."""
    cut: bool = False
    """Something was cut out of the rest."""


@dataclass(slots=True)
class _Cuts:
    """A text with runs of list items cut out; a name stands in the place of each."""

    data: bytes
    part: int
    """Bytes."""
    names: str = field(default_factory=lambda: os.urandom(16).hex())
    """What all names begin with, so that no text can hold one."""
    items: dict[str, list[JSON]] = field(default_factory=dict)
    """By name: the decoded items."""
    _texts: list[bytes | memoryview] = field(default_factory=list)
    _end: int = 0

    def cut(self, start: int, end: int) -> None:
        """Cuts out these items; a comma before them stays. Raises `orjson.JSONDecodeError`."""
        text = self.data[start:end].lstrip(b" \t\r\n")
        comma = text[:1] if text.startswith(b",") else b""
        name = f"{self.names}{len(self.items)}"
        self.items[name] = orjson.loads(b"[%b]" % text[len(comma) :])
        self._texts += (memoryview(self.data)[self._end : start], comma, orjson.dumps(name))
        self._end = end

    def value(self) -> JSON:
        """The value of the whole text. Raises `orjson.JSONDecodeError`."""
        value: JSON = orjson.loads(b"".join((*self._texts, memoryview(self.data)[self._end :])))
        # All lists are found before the first is filled: what was cut out need not be looked through.
        for listed in [each for each in _lists(value) if any(self._is_name(item) for item in each)]:
            listed[:] = [item for place in listed for item in self._items(place)]
        return value

    def _is_name(self, item: JSON) -> bool:
        return isinstance(item, str) and item in self.items

    def _items(self, place: JSON) -> list[JSON]:
        return self.items.get(place, [place]) if isinstance(place, str) else [place]


def decode_in_parts(data: bytes, part: int = PART_BYTES) -> JSON:
    """What `orjson.loads` gives of this text, also when it raises, in parts of so many bytes."""
    cuts = _Cuts(data, part)
    try:
        _cut_all(cuts)
        if cuts.items:
            return cuts.value()
    except orjson.JSONDecodeError:
        # Only the whole text tells where in it the fault is.
        pass
    whole: JSON = orjson.loads(data)
    return whole


def _cut_all(cuts: _Cuts) -> None:
    """Cuts the items of long lists out of a text. Raises `orjson.JSONDecodeError`."""
    opened: list[_Open] = []
    for place in brackets(cuts.data):
        end = place + 1
        if cuts.data[place] in _OPENING:
            opened.append(_Open(cuts.data[place] == _LIST, end))
            if len(opened) > MAX_OPEN:
                cuts.items.clear()
                return
        elif opened:
            opened.pop()
            _closed(cuts, opened, end)


def brackets(data: bytes) -> Iterator[int]:
    """Where lists and objects begin and end, up to a string whose end would have to be looked for with more care."""
    end = 0
    while (found := _STRINGS.match(data, end)) and (place := found.end()) < len(data):
        if data[place] != _QUOTE:
            yield place
            end = place + 1
        elif (end := _end_of_string(data, place)) < 0:
            return


def _end_of_string(data: bytes, start: int) -> int:
    """Where the string that starts here ends; -1 where that cannot be told from three backslashes."""
    inside = start + 1
    while found := _ESCAPED_QUOTES.match(data, inside):
        inside = found.end()
    last = _REST.match(data, inside)
    return last.end() if last else -1


def _closed(cuts: _Cuts, around: list[_Open], end: int) -> None:
    """An item ends here; these lists and objects are around it."""
    if not around or not around[-1].is_list:
        return
    inner = around[-1]
    size = end - inner.rest
    if not inner.cut and size < cuts.part:
        return
    if not inner.cut and size <= MOST_PARTS * cuts.part:
        cuts.cut(inner.rest, end)
        for each in around[:-1]:
            each.cut = True
    inner.rest, inner.cut = end, False


def _lists(value: JSON) -> Iterator[list[JSON]]:
    """All lists in a value, itself included."""
    todo = [value]
    while todo:
        each = todo.pop()
        if isinstance(each, list):
            yield each
            todo += each
        elif isinstance(each, dict):
            todo += each.values()
