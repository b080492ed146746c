"""Writing recorded values as JSON text, however deep or odd they are."""

from __future__ import annotations

import json
import math
from typing import NamedTuple

import orjson

from pisama.trace import JSON


def to_json(value: JSON) -> str:
    """Compact JSON text with keys in their order. Nothing recorded is too deep or too odd for it."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        # Nested more than orjson's 254 levels, or half a surrogate pair in a text.
        return _to_json_slowly(value)


def _to_json_slowly(value: JSON) -> str:
    """The same text, written without recursion."""
    written: list[str] = []
    todo: list[JSON | _Mark] = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, _Mark):
            written.append(item.text)
        elif isinstance(item, dict):
            todo.append(_Mark("}"))
            for number, (key, member) in enumerate(reversed(item.items())):
                comma = "," if number < len(item) - 1 else ""
                todo += (member, _Mark(f"{comma}{json.dumps(key, ensure_ascii=True)}:"))
            written.append("{")
        elif isinstance(item, list):
            todo.append(_Mark("]"))
            for number, member in enumerate(reversed(item)):
                todo += (member, _Mark("," if number < len(item) - 1 else ""))
            written.append("[")
        else:
            written.append(_scalar(item))
    return "".join(written)


def _scalar(value: JSON) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return "null"
    return json.dumps(value, ensure_ascii=True)


class _Mark(NamedTuple):
    """Text to be written as it is, in a list of values to be written as JSON."""

    text: str
