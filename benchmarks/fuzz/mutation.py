"""Changing a sample by its structure, so that what comes out is still a trace, and a strange one."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import TypeAlias, cast

from pisama.trace import JSON

Container: TypeAlias = "dict[str, JSON] | list[JSON]"
Place: TypeAlias = "tuple[Container, str | int]"
Change: TypeAlias = Callable[[Place, list[Place], random.Random], None]

MAX_VALUES = 400
"""JSON values of one input that are looked at."""

NUMBERS: tuple[JSON, ...] = (
    0,
    -1,
    1,
    1.5,
    -0.0,
    2**31,
    2**63,
    -(2**63),
    2**64 - 1,
    1e308,
    1e-320,
    float("nan"),
)
OTHERS: tuple[JSON, ...] = (None, True, False, [], {}, "", [None], [[]], {"": None}, [{}], {"a": {"b": []}})
TEXTS: tuple[str, ...] = (
    " ",
    "\x00",
    "\ud800",
    "\ufeff",
    "\u202e",
    "\x1b]8;;http://a\x07",
    "::error::x",
    "null",
    "[]",
    '{"a": 1}',
    "2026-02-30T25:61:61Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999999+23:59",
    "1e999",
    "-",
    "٣",
    "ß" * 40,
    "Error: ",
    "I have booked it. ",
    "First, I will search. ",
    "1. a\n2. b\n",
    "```python\nprint(1)\n```",
    "<tool_call>{}</tool_call>",
    "Action: search\nAction Input: x\nObservation: y\n",
    "Do not use commas. Answer in JSON. ",
    "a@b.co ",
    "http://user:password@host/ ",
    "(((((((((((",
    "{{{{{{{{",
    "a.b.c.d.e.",
    "$1,000.00 ",
    "\n\n\n",
)


def mutated(data: bytes, size: int, seed: int, names: list[str]) -> bytes | None:
    """Another input of at most `size` bytes made of this one; None when it is not JSON or would be longer.

    `names` are field names that some format uses.
    """
    values = values_in(data)
    if values is None:
        return None
    # Not a secret: a run has to be repeatable from its seed.
    chance = random.Random(seed)  # noqa: S311
    holder: list[JSON] = list(values)
    for _ in range(chance.choice((1, 1, 2, 3, 5))):
        places = places_in(holder)
        if not places:
            break
        _change(chance, names)(chance.choice(places), places, chance)
    return written(holder, size, chance)


def crossed(data: bytes, other: bytes, size: int, seed: int) -> bytes | None:
    """The first input with a part of the other one in it; None when either is not JSON."""
    values, others = values_in(data), values_in(other)
    if not values or not others:
        return None
    chance = random.Random(seed)  # noqa: S311
    holder, givers = list(values), places_in(list(others))
    container, key = chance.choice(places_in(holder))
    giver, of = chance.choice(givers)
    same = [place for place in givers if place[1] == key and isinstance(key, str)]
    if same:
        giver, of = chance.choice(same)
    container[key] = giver[of]  # type: ignore[index]
    return written(holder, size, chance)


def values_in(data: bytes) -> list[JSON] | None:
    """The JSON values of an input, one or one after another; None when it is something else."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    decoder, place = json.JSONDecoder(), 0
    found: list[JSON] = []
    try:
        while len(found) < MAX_VALUES:
            while place < len(text) and text[place] in " \t\r\n\ufeff,":
                place += 1
            if place == len(text):
                break
            value, place = decoder.raw_decode(text, place)
            found.append(cast("JSON", value))
    except (ValueError, RecursionError):
        return found if len(found) > 1 else None
    return found


def places_in(holder: Container) -> list[Place]:
    """Every place within a value where another value stands, outermost first."""
    found: list[Place] = []
    waiting: list[Container] = [holder]
    for container in waiting:
        keys = container if isinstance(container, dict) else range(len(container))
        for key in keys:
            found.append((container, key))
            inner = container[key]  # type: ignore[index]
            if isinstance(inner, dict | list):
                waiting.append(inner)
    return found


def written(values: list[JSON], size: int, chance: random.Random) -> bytes | None:
    """The values as text, in one of the ways in which emitters write them; None when that is too long."""
    try:
        if len(values) == 1 and chance.random() < 0.9:
            text = json.dumps(values[0], ensure_ascii=chance.random() < 0.7)
        elif chance.random() < 0.1:
            text = json.dumps(values)
        else:
            text = "\n".join(json.dumps(value) for value in values)
    except (RecursionError, ValueError):
        return None
    data = text.encode("utf-8", "replace")
    if chance.random() < 0.03:
        data = data[: chance.randrange(len(data) + 1)]
    return data if len(data) <= size else None


def _change(chance: random.Random, names: list[str]) -> Change:
    if chance.random() < 0.15:
        return _renamed(names)
    return chance.choice(_CHANGES)


def _value(place: Place) -> JSON:
    container, key = place
    return container[key]  # type: ignore[index]


def _put(place: Place, value: JSON) -> None:
    container, key = place
    container[key] = value  # type: ignore[index]


def _another_kind(place: Place, _places: list[Place], chance: random.Random) -> None:
    # A copy: what is put into an object that all inputs share would be in all of them, and in itself at last.
    _put(place, _copy(chance.choice((*NUMBERS, *OTHERS, *TEXTS))))


def _removed(place: Place, _places: list[Place], _chance: random.Random) -> None:
    container, key = place
    del container[key]  # type: ignore[arg-type]


def _repeated(place: Place, _places: list[Place], chance: random.Random) -> None:
    container, key = place
    if isinstance(container, list) and isinstance(key, int):
        container[key:key] = [container[key]] * chance.choice((1, 1, 2, 5, 20))


def _moved(place: Place, places: list[Place], chance: random.Random) -> None:
    _put(place, _copy(_value(chance.choice(places))))


def _same_value(place: Place, places: list[Place], chance: random.Random) -> None:
    """The value of a field of the same name elsewhere: ids that clash, parents that are children."""
    same = [other for other in places if other[1] == place[1]]
    _put(place, _copy(_value(chance.choice(same))))


def _shuffled(place: Place, _places: list[Place], chance: random.Random) -> None:
    value = _value(place)
    if isinstance(value, list):
        chance.shuffle(value)


def _longer_text(place: Place, _places: list[Place], chance: random.Random) -> None:
    value = _value(place)
    if isinstance(value, str):
        cut = chance.randrange(len(value) + 1)
        _put(place, value[:cut] + chance.choice(TEXTS) * chance.choice((1, 1, 3, 100)) + value[cut:])


def _cut_text(place: Place, _places: list[Place], chance: random.Random) -> None:
    value = _value(place)
    if isinstance(value, str):
        _put(place, value[: chance.randrange(len(value) + 1)])


def _text_of(place: Place, _places: list[Place], _chance: random.Random) -> None:
    _put(place, json.dumps(_value(place)))


def _value_of(place: Place, _places: list[Place], _chance: random.Random) -> None:
    value = _value(place)
    if isinstance(value, str):
        try:
            _put(place, json.loads(value))
        except (ValueError, RecursionError):
            return


def _nested(place: Place, _places: list[Place], chance: random.Random) -> None:
    value = _value(place)
    for _ in range(chance.choice((1, 1, 1, 40, 300))):
        value = [value] if chance.random() < 0.5 else {str(place[1]): value}
    _put(place, value)


def _renamed(names: list[str]) -> Change:
    def change(place: Place, _places: list[Place], chance: random.Random) -> None:
        container, key = place
        if isinstance(container, dict) and isinstance(key, str):
            container[chance.choice(names)] = container.pop(key)

    return change


def _copy(value: JSON) -> JSON:
    try:
        return cast("JSON", json.loads(json.dumps(value)))
    except RecursionError:
        return None


_CHANGES: tuple[Change, ...] = (
    _another_kind,
    _another_kind,
    _removed,
    _repeated,
    _moved,
    _same_value,
    _same_value,
    _shuffled,
    _longer_text,
    _longer_text,
    _cut_text,
    _text_of,
    _value_of,
    _nested,
)
