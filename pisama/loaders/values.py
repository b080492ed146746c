"""Reading recorded values leniently: numbers as strings, JSON in strings, times in every spelling."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from pisama.json_writing import to_json
from pisama.loaders.json_text import BadJSON, decode
from pisama.trace import JSON

__all__ = [
    "NANOSECONDS",
    "as_integer",
    "as_list",
    "as_mapping",
    "as_nanoseconds",
    "as_number",
    "as_string",
    "as_text",
    "first",
    "open_json",
    "to_json",
]

NANOSECONDS = 1_000_000_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def as_mapping(value: JSON) -> dict[str, JSON]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: JSON) -> list[JSON]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def as_string(value: JSON) -> str | None:
    """An id or a name: a non-empty string, or a number spelled out."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return None


def as_text(value: JSON) -> str | None:
    """Text as it is; anything structured as compact JSON text; None stays None."""
    if value is None or isinstance(value, str):
        return value
    return to_json(value)


def as_integer(value: JSON) -> int | None:
    """A count, from a number or from digits in a string; a fraction is cut off."""
    number = as_number(value)
    return int(number) if number is not None else None


def as_number(value: JSON) -> float | None:
    """A finite number, from a number or from digits in a string.

    Integers stay exact, since nanosecond times do not fit a double; those over 64 bits do not.
    """
    if isinstance(value, str):
        value = _from_digits(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if math.isfinite(value) else None


def as_nanoseconds(value: JSON) -> int | None:
    """A point in time as UTC nanoseconds.

    Takes ISO 8601 text (UTC when it names no zone) and epoch numbers, as numbers or digits, in
    seconds, milliseconds, microseconds or nanoseconds, told apart by their size.
    """
    number = as_number(value)
    if number is None:
        return _from_iso(value) if isinstance(value, str) else None
    if number <= 0:
        return None
    # Epoch seconds have had ten digits since 2001 and will until 2286.
    for limit, scale in ((10**11, NANOSECONDS), (10**14, 10**6), (10**17, 10**3), (10**20, 1)):
        if number < limit:
            return int(number * scale)
    return None


def open_json(value: JSON) -> JSON:
    """The object, list or string written as JSON text in a string, opened once; else the value itself."""
    if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "[", '"'):
        return value
    try:
        return decode(value.encode("utf-8", "replace"))
    except BadJSON:
        return value


def first(record: Mapping[str, JSON], *names: str) -> JSON:
    """The first of these fields that is recorded and not null."""
    for name in names:
        value = record.get(name)
        if value is not None:
            return value
    return None


def _from_digits(text: str) -> int | float | None:
    try:
        # The bound keeps hostile digits from costing quadratic time.
        return int(text) if len(text) <= 20 else float(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return None


def _from_iso(value: str) -> int | None:
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    # In whole microseconds: a float of seconds would lose the last digits.
    return (moment - _EPOCH) // _MICROSECOND * 1000
