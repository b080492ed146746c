"""Reading recorded values leniently: numbers as strings, JSON in strings, times in every spelling."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import cast

import orjson

from pisama.trace import JSON

NANOSECONDS = 1_000_000_000


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
    """A count, from a number or from digits in a string."""
    number = as_number(value)
    return int(number) if number is not None else None


def as_number(value: JSON) -> float | None:
    """A finite number, from a number or from digits in a string."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, int):
        # Kept exact: nanosecond times do not fit a double.
        return cast(float, value)
    if isinstance(value, float) and math.isfinite(value):
        return value
    return None


def as_nanoseconds(value: JSON) -> int | None:
    """A point in time as UTC nanoseconds.

    Takes ISO 8601 text (UTC when it names no zone) and epoch numbers, as numbers or digits, in
    seconds, milliseconds, microseconds or nanoseconds, told apart by their size.
    """
    if isinstance(value, str) and not value.isdigit():
        return _from_iso(value) if not _is_float(value) else as_nanoseconds(float(value))
    if isinstance(value, str):
        value = int(value[:30])
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value <= 0:
        return None
    # Epoch seconds have had ten digits since 2001 and will until 2286.
    for limit, scale in ((10**11, NANOSECONDS), (10**14, 10**6), (10**17, 10**3)):
        if value < limit:
            return int(value * scale)
    return int(value)


def open_json(value: JSON) -> JSON:
    """JSON text in a string is opened, once; any other value is returned as it is."""
    if isinstance(value, str) and value[:1] in ("{", "[", '"') or isinstance(value, str) and value in ("null",):
        try:
            return cast(JSON, orjson.loads(value))
        except orjson.JSONDecodeError:
            return value
    return value


def to_json(value: object) -> str:
    """Compact JSON text with keys in their order."""
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode("utf-8", "replace")


def first(record: Mapping[str, JSON], *names: str) -> JSON:
    """The first of these fields that is recorded and not null."""
    for name in names:
        value = record.get(name)
        if value is not None:
            return value
    return None


def _is_float(value: str) -> bool:
    try:
        return math.isfinite(float(value))
    except ValueError:
        return False


def _from_iso(value: str) -> int | None:
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * NANOSECONDS + moment.microsecond * 1000
