"""Values that an emitter wrote down as Python would print them."""

from __future__ import annotations

import ast

from pisama.trace import JSON

MAX_CHARACTERS = 200_000
"""Longest text that is parsed; the parser needs many times the memory of its text."""


def open_python(value: JSON) -> JSON:
    """The dict or list printed in a string, opened; anything else as it is. Nothing is evaluated."""
    if not isinstance(value, str) or len(value) > MAX_CHARACTERS or value.lstrip()[:1] not in ("{", "["):
        return value
    try:
        found = ast.literal_eval(value.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return value
    return _as_json(found, value)


def _as_json(found: object, text: str) -> JSON:
    """The literal, unless something in it is no JSON."""
    stack: list[object] = [found]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            if not all(isinstance(key, str) for key in item):
                return text
            stack += item.values()
        elif isinstance(item, list):
            stack += item
        elif item is not None and not isinstance(item, bool | int | float | str):
            return text
    return found  # type: ignore[return-value]
