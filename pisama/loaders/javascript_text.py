"""Objects as Node.js prints them, with `console.log` or `console.dir`: JavaScript, not JSON.

OpenTelemetry's console exporter writes spans so. What `util.inspect` leaves out (`[Object]`, items after
the hundredth) is gone and reads as null or not at all. Nothing is evaluated; linear in the text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from pisama.loaders.base import Record
from pisama.patterns import lazy
from pisama.trace import JSON, Location

MAX_DEPTH = 64
"""Deepest nesting that is read; Node prints six levels unless it is told to print more."""

_BEGINS = lazy(r"^\{(?:$|[ \t]*['\"A-Za-z_$][\w.$ '\"-]{0,80}:[ \t\n])", re.MULTILINE)
_TOKEN = lazy(
    r"""(?P<space>[\s,]+)
    |(?P<string>'[^'\\\n]*(?:\\.[^'\\\n]*)*'|"[^"\\\n]*(?:\\.[^"\\\n]*)*"|`[^`\\]*(?:\\.[^`\\]*)*`)
    |(?P<omitted>\[(?:Object|Array|Function|AsyncFunction|class|Circular|Getter|Setter|Symbol)[^\[\]\n]{0,200}\]
      |\[\w{1,80}\]
      |\.\.\.[ ]\d{1,15}[ ]more[ ]\w{1,10}|<ref[ ]\*\d{1,9}>)
    |(?P<date>\d{4}-\d\d-\d\dT[\d:.]{5,20}Z)
    |(?P<number>-?\d[\d_]*(?:\.\d+)?(?:e[+-]?\d+)?)n?
    |(?P<word>-?[A-Za-z_$][\w$]*)
    |(?P<mark>[{}\[\]:+])""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = lazy(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}
_WORDS: dict[str, JSON] = {"true": True, "false": False, "null": None, "undefined": None, "NaN": None}
_PROTOTYPE = "[Object: null prototype]"


def printed_objects(text: str, path: str | None) -> list[Record]:
    """The objects that begin at the start of a line, each with the line; none when the text is not of this kind.

    What stands between them is passed over. One that breaks off is left out.
    """
    records: list[Record] = []
    place, line = 0, 1
    while (begins := _BEGINS.search(text, place)) is not None:
        reader = _Reader(text, begins.start())
        end = reader.read()
        line += text.count("\n", place, begins.start())
        if end is not None:
            records.append(Record(reader.value, Location(path, line)))
        place_after = end if end is not None else begins.start() + 1
        line += text.count("\n", begins.start(), place_after)
        place = place_after
        if end is None:
            # One that cannot be read is not searched for others inside it, which keeps this linear.
            break
    return records


@dataclass(slots=True)
class _Reader:
    """Reads one object."""

    text: str
    place: int
    value: JSON = None
    _open: list[dict[str, JSON] | list[JSON]] = field(default_factory=list)
    _names: list[str | None] = field(default_factory=list)
    """For each open object the name whose value is to come."""
    _word: str | None = None
    """The latest string or word of an object, which is a name if a colon follows."""
    _joins: bool = False

    def read(self) -> int | None:
        """The place after the object; None when it is broken or cut off."""
        for kind, text in self._tokens():
            if not self._take(kind, text):
                return None
            if not self._open:
                return self.place
        return None

    def _tokens(self) -> Iterator[tuple[str, str]]:
        while (found := _TOKEN.match(self.text, self.place)) is not None:
            self.place = found.end()
            kind = found.lastgroup or ""
            if kind != "space" and found.group() != _PROTOTYPE:
                yield kind, found.group(kind)

    def _take(self, kind: str, text: str) -> bool:
        if kind == "mark":
            return self._mark(text)
        if kind == "string" and self._joins:
            self._join(_unescaped(text))
        elif isinstance(self._open[-1], dict) and self._names[-1] is None:
            self._word = _unescaped(text) if kind == "string" else text
        elif kind in _VALUES:
            self._give(_VALUES[kind](text))
        elif kind == "word" and (text in _WORDS or text.endswith("Infinity")):
            self._give(_WORDS.get(text))
        elif kind == "omitted" and text.startswith("[") and isinstance(self._open[-1], dict):
            self._give(None)
        return True

    def _mark(self, mark: str) -> bool:
        if mark in "{[":
            opened: dict[str, JSON] | list[JSON] = {} if mark == "{" else []
            if self._open:
                self._give(opened)
            else:
                self.value = opened
            self._open.append(opened)
            self._names.append(None)
            return len(self._open) <= MAX_DEPTH
        if mark in "}]":
            self._names.pop()
            return isinstance(self._open.pop(), dict) == (mark == "}")
        if mark == ":":
            self._names[-1], self._word = self._word, None
        self._joins = mark == "+"
        return True

    def _give(self, value: JSON) -> None:
        around = self._open[-1]
        if isinstance(around, list):
            around.append(value)
        elif (name := self._names[-1]) is not None:
            around[name] = value
            # The name is kept for a string that goes on after a plus.
            self._word, self._names[-1] = name, None

    def _join(self, said: str) -> None:
        """A long text is printed as several, with a plus between them."""
        self._joins = False
        around = self._open[-1]
        if isinstance(around, list):
            if around and isinstance(around[-1], str):
                around[-1] += said
        elif self._word is not None and isinstance(before := around.get(self._word), str):
            around[self._word] = before + said


def _number(text: str) -> JSON:
    try:
        found: JSON = json.loads(text.replace("_", ""))
    except ValueError:
        return text
    return found


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(_character, text[1:-1]) if "\\" in text else text[1:-1]


def _character(escape: re.Match[str]) -> str:
    code = escape.group(1)
    return chr(int(code[1:], 16)) if len(code) > 1 else _ESCAPED.get(code, code)


_VALUES: Mapping[str, Callable[[str], JSON]] = {"string": _unescaped, "number": _number, "date": str}
