"""A small validator of JSON Schema, for the arguments of tool calls.

It knows the keywords that tool schemas use (`type`, `properties`, `required`,
`additionalProperties`, `items`, `enum`, `const`, `anyOf`, `oneOf`, `allOf`, `nullable`, local
`$ref`; JSON Schema 2020-12) and ignores the rest. It is as lenient as the frameworks that run
tools: a number or a boolean in quotes, an integral float, JSON text for an object or an array
and null for an optional property all pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple, TypeAlias

import orjson

from pisama.json_writing import to_json
from pisama.patterns import lazy
from pisama.trace import JSON

Rule: TypeAlias = Literal["required", "unknown", "type", "enum"]

_NUMBER = lazy(r"\s{0,4}[+-]?(?:\d{1,20}\.?\d{0,20}|\.\d{1,20})(?:[eE][+-]?\d{1,3})?\s{0,4}")

MAX_DEPTH = 16
"""Levels of nesting that are looked at; deeper values pass."""
MAX_CHECKS = 5_000
"""Pairs of value and schema that are compared; the rest of a larger value passes."""


class Violation(NamedTuple):
    """One way in which a value breaks its schema."""

    rule: Rule
    path: str
    """The property, as `filter.year` or `items[2]`; empty for the whole value."""
    message: str
    """What is wrong, in one clause without a full stop."""


def violations(value: JSON, schema: Mapping[str, JSON]) -> tuple[Violation, ...]:
    """Every way in which a value breaks a schema; empty when it is valid or the schema says nothing."""
    return tuple(_Check(schema).of(value, schema, "", 0))


def properties_of(schema: Mapping[str, JSON]) -> Mapping[str, JSON]:
    """The properties a schema names, by name; empty when it names none."""
    found = schema.get("properties")
    return found if isinstance(found, dict) else {}


class _Check:
    def __init__(self, root: Mapping[str, JSON]) -> None:
        self._root = root
        self._left = MAX_CHECKS

    def of(self, value: JSON, schema: object, path: str, depth: int) -> list[Violation]:
        self._left -= 1
        if not isinstance(schema, dict) or depth > MAX_DEPTH or self._left < 0:
            return []
        if isinstance(schema.get("$ref"), str):
            return self.of(value, self._referred(str(schema["$ref"])), path, depth + 1)
        if value is None and schema.get("nullable") is True:
            return []
        value = _opened(value, schema)
        wrong = _type(value, schema, path) or _choice(value, schema, path)
        if wrong is not None:
            return [wrong]
        return [
            *self._combined(value, schema, path, depth),
            *self._members(value, schema, path, depth),
            *self._entries(value, schema, path, depth),
        ]

    def _combined(self, value: JSON, schema: dict[str, JSON], path: str, depth: int) -> list[Violation]:
        found: list[Violation] = []
        for branch in _list(schema.get("allOf")):
            found += self.of(value, branch, path, depth + 1)
        for keyword in ("anyOf", "oneOf"):
            branches = _list(schema.get(keyword))
            tried = [self.of(value, branch, path, depth + 1) for branch in branches]
            if tried and all(tried):
                # The branch that came nearest says best what was meant.
                nearest: list[Violation] = min(tried, key=len)
                found += nearest
        return found

    def _members(self, value: JSON, schema: dict[str, JSON], path: str, depth: int) -> list[Violation]:
        if not isinstance(value, dict):
            return []
        properties = properties_of(schema)
        required = [name for name in _list(schema.get("required")) if isinstance(name, str)]
        found = [
            Violation("required", _join(path, name), f"the required `{_join(path, name)}` is missing")
            for name in required
            if name not in value
        ]
        extra = schema.get("additionalProperties")
        for name, item in value.items():
            place = _join(path, name)
            if name in properties:
                if item is not None or name in required:
                    found += self.of(item, properties[name], place, depth + 1)
            elif extra is False:
                found.append(Violation("unknown", place, f"`{place}` is not a parameter"))
            else:
                found += self.of(item, extra, place, depth + 1)
        return found

    def _entries(self, value: JSON, schema: dict[str, JSON], path: str, depth: int) -> list[Violation]:
        items = schema.get("items")
        if not isinstance(value, list) or not isinstance(items, dict):
            return []
        found: list[Violation] = []
        for number, item in enumerate(value):
            if self._left < 0:
                break
            found += self.of(item, items, f"{path}[{number}]", depth + 1)
        return found

    def _referred(self, reference: str) -> object:
        if not reference.startswith("#/"):
            return None
        place: object = self._root
        for part in reference[2:].split("/"):
            name = part.replace("~1", "/").replace("~0", "~")
            place = place.get(name) if isinstance(place, dict) else None
        return place


def _list(value: object) -> list[JSON]:
    return value if isinstance(value, list) else []


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _types(schema: dict[str, JSON]) -> list[str]:
    declared = schema.get("type")
    names = declared if isinstance(declared, list) else [declared]
    known = [name.lower() for name in names if isinstance(name, str)]
    return known if all(name in _ACCEPTS for name in known) else []


def _opened(value: JSON, schema: dict[str, JSON]) -> JSON:
    types = _types(schema)
    if not isinstance(value, str) or "string" in types or not {"object", "array"} & set(types):
        return value
    try:
        opened: JSON = orjson.loads(value)
    except orjson.JSONDecodeError:
        return value
    return opened


def _type(value: JSON, schema: dict[str, JSON], path: str) -> Violation | None:
    types = _types(schema)
    if not types or any(_ACCEPTS[name](value) for name in types):
        return None
    where = f"`{path}`" if path else "the value"
    return Violation("type", path, f"{where} must be {_article(' or '.join(types))}, not {_described(value)}")


def _choice(value: JSON, schema: dict[str, JSON], path: str) -> Violation | None:
    choices = _list(schema.get("enum")) or ([schema["const"]] if "const" in schema else [])
    if not choices or any(_same(value, choice) for choice in choices):
        return None
    shown = ", ".join(_shown(choice) for choice in choices[:6]) + (", …" if len(choices) > 6 else "")
    where = f"`{path}`" if path else "the value"
    return Violation("enum", path, f"{where} must be one of {shown}, not {_shown(value)}")


def _same(value: JSON, choice: JSON) -> bool:
    if isinstance(value, (str, int, float)) and isinstance(choice, (str, int, float)):
        return str(value).lower() == str(choice).lower()
    return value == choice


def _number(value: JSON) -> bool:
    if isinstance(value, str):
        return _NUMBER.fullmatch(value.replace(",", "")[:40]) is not None
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _integer(value: JSON) -> bool:
    if isinstance(value, str):
        return len(value) < 40 and value.strip().lstrip("+-").removesuffix(".0").isdigit()
    return (isinstance(value, int) and not isinstance(value, bool)) or (
        isinstance(value, float) and value.is_integer()
    )


def _boolean(value: JSON) -> bool:
    spelled = isinstance(value, str) and value.lower() in ("true", "false", "yes", "no", "1", "0")
    return isinstance(value, bool) or spelled or value in (0, 1)


_ACCEPTS: Mapping[str, Callable[[JSON], bool]] = {
    "string": lambda value: isinstance(value, (str, int, float)),
    "str": lambda value: isinstance(value, (str, int, float)),
    "number": _number,
    "float": _number,
    "integer": _integer,
    "int": _integer,
    "boolean": _boolean,
    "bool": _boolean,
    "array": lambda value: isinstance(value, list),
    "list": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "dict": lambda value: isinstance(value, dict),
    "null": lambda value: value is None,
    "none": lambda value: value is None,
}


def _article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def _described(value: JSON) -> str:
    if value is None:
        return "null"
    if isinstance(value, (list, dict)):
        return "an array" if isinstance(value, list) else "an object"
    return _shown(value)


def _shown(value: JSON) -> str:
    text = to_json(value) if isinstance(value, (list, dict)) else repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
