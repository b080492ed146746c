"""Decoding one JSON value: fast where it is plain, lenient where real emitters are sloppy."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import cast

import orjson

from pisama.limits import DEFAULT, Limits
from pisama.loaders.deep_json import TooDeepError, deep_value, is_deeper
from pisama.patterns import lazy
from pisama.trace import JSON

_FAST_LEVELS = 1024
"""Levels of nesting that orjson reads."""
LARGE_BYTES = 8 << 20
"""Size from which on a value is decoded in parts: what it takes to find them is then worth the memory."""

_SPACES = " \t\r\n"
_END = "it ends before it is complete,"
_LONE_SURROGATE = lazy(r"[\ud800-\udfff]")


@dataclass(slots=True, eq=False)
class BadJSON(Exception):  # noqa: N818
    """Text that is not one JSON value."""

    reason: str
    line: int = 1
    """1-based, within the text that was decoded."""
    column: int = 1
    """1-based, in characters."""
    position: int = 0
    """0-based, in characters, of the same place."""
    cut: bool = False
    """The text is the beginning of a JSON value that never ends."""


class BadEncoding(BadJSON):
    """Text that is not UTF-8."""


class DeepJSON(BadJSON):
    """JSON that is nested deeper than is allowed."""


def decode(data: bytes, limits: Limits = DEFAULT) -> JSON:
    """The value that these bytes hold.

    Beyond the standard it takes what Python's `json.dumps` writes: NaN, Infinity and halves of
    surrogate pairs (which become U+FFFD). Raises `BadJSON`.
    """
    try:
        value = _decode_large(data) if len(data) >= LARGE_BYTES else cast("JSON", orjson.loads(data))
    except orjson.JSONDecodeError as error:
        return _decode_slowly(data, error, limits)
    if limits.nesting < _FAST_LEVELS and is_deeper(value, limits.nesting):
        raise _too_deep(limits)
    return value


def _decode_large(data: bytes) -> JSON:
    from pisama.loaders.json_parts import decode_in_parts

    return decode_in_parts(data)


def first_value(text: str, start: int, limits: Limits = DEFAULT) -> tuple[JSON, int]:
    """The value that begins at `start`, and where it ends. Raises `BadJSON`."""
    try:
        value, end = _DECODER.raw_decode(text, start)
        if is_deeper(value, limits.nesting):
            raise TooDeepError(start)
    except RecursionError:
        # How deep that is depends on the version of Python.
        return _first_deep_value(text, start, limits)
    except json.JSONDecodeError as error:
        raise _bad(error, text) from None
    except TooDeepError as error:
        raise _too_deep(limits, text, error.position) from None
    return cast("JSON", value), end


def _first_deep_value(text: str, start: int, limits: Limits) -> tuple[JSON, int]:
    try:
        return deep_value(text, start, limits.nesting, _DECODER.raw_decode)
    except json.JSONDecodeError as error:
        raise _bad(error, text) from None
    except TooDeepError as error:
        raise _too_deep(limits, text, error.position) from None


def without_surrogates(value: JSON) -> JSON:
    """The value with every half of a surrogate pair replaced, since it cannot be written as UTF-8."""
    holder: list[JSON] = [value]
    todo: list[list[JSON] | dict[str, JSON]] = [holder]
    while todo:
        parent = todo.pop()
        if isinstance(parent, dict):
            for key in [key for key in parent if _LONE_SURROGATE.search(key)]:
                parent[_whole(key)] = parent.pop(key)
        places = list(parent.items()) if isinstance(parent, dict) else list(enumerate(parent))
        for place, item in places:
            if isinstance(item, str):
                parent[place] = _whole(item)  # type: ignore[index]
            elif isinstance(item, dict | list):
                todo.append(item)
    return holder[0]


def _whole(text: str) -> str:
    return _LONE_SURROGATE.sub("\ufffd", text)


def _decode_slowly(data: bytes, problem: orjson.JSONDecodeError, limits: Limits) -> JSON:
    if limits.nesting <= _FAST_LEVELS and ("depth" in problem.msg or "ecursion" in problem.msg):
        raise _too_deep(limits)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _not_utf8(data, error) from None
    if "end of data" in problem.msg:
        raise BadJSON(_END, problem.lineno, problem.colno, problem.pos, cut=True)
    # The plain decoder accepts more, so its complaint is the one that matters.
    value, end = first_value(text, len(text) - len(text.lstrip(_SPACES)), limits)
    if text[end:].strip(_SPACES):
        after = end + len(text[end:]) - len(text[end:].lstrip(_SPACES))
        raise _bad(json.JSONDecodeError("Extra data", text, after), text)
    return without_surrogates(value) if "\\u" in text else value


def _bad(error: json.JSONDecodeError, text: str) -> BadJSON:
    cut = _is_cut(error, text)
    reason = _END if cut else error.msg[:1].lower() + error.msg[1:]
    return BadJSON(reason, error.lineno, error.colno, error.pos, cut)


def _is_cut(error: json.JSONDecodeError, text: str) -> bool:
    """Whether more text could have made it right; only asked where orjson stopped earlier, at a NaN."""
    if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
        return True
    rest = text[error.pos : error.pos + 16].rstrip()
    if error.msg.startswith("Expecting value"):
        words = ("true", "false", "null", "NaN", "Infinity", "-Infinity")
        return any(word.startswith(rest) for word in words)
    return error.msg.startswith("Invalid \\") and error.pos + 8 > len(text)


def _not_utf8(data: bytes, error: UnicodeDecodeError) -> BadJSON:
    before = data[: error.start]
    line = before.count(b"\n") + 1
    column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
    # A character of several bytes that the end of the text cuts in two is no wrong encoding.
    if error.reason == "unexpected end of data":
        return BadJSON(_END, line, column, cut=True)
    return BadEncoding(f"not UTF-8 text (byte 0x{data[error.start]:02x})", line, column)


def _too_deep(limits: Limits, text: str = "", position: int = 0) -> DeepJSON:
    place = json.JSONDecodeError("", text, position)
    reason = f"nested deeper than {limits.nesting:,} levels ({limits.raised('nesting')}),"
    return DeepJSON(reason, place.lineno, place.colno, position)


def _integer(digits: str) -> int | float:
    """An integer that fits 64 bits, else the nearest double: what orjson does."""
    return int(digits) if len(digits) <= 18 else _wide_integer(digits)


def _wide_integer(digits: str) -> int | float:
    if len(digits) <= 20 and -(1 << 63) <= int(digits) < 1 << 64:
        return int(digits)
    return float(digits)


_DECODER = json.JSONDecoder(parse_int=_integer)
