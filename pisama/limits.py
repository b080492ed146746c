"""How much of an input is read at most: traces are written by others, and must not take the machine that reads them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields

from pisama.patterns import lazy

_KB = 1024
_UNITS = ("", "KB", "MB", "GB", "TB")
_SIZE = lazy(r"\s{0,9}(\d{1,15}(?:\.\d{1,9})?)\s{0,9}([kmgt]?)(?:i?b)?\s{0,9}", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is read of an input at most. Real runs stay far below; what is above is told with its place, not passed over.

    Raises ValueError for a limit that is not above 0.
    """

    file: int = 512 * _KB**2
    """Bytes, decompressed, of what is held whole: a file that is one JSON value, text or protobuf, a pipe, and an
    archive, a database or a Parquet file that is itself compressed or within an archive. Decoded it takes
    several times as much memory. Files of lines and of rows, and archives, may be of any size."""
    record: int = 512 * _KB**2
    """Bytes, decompressed, of one record of a file that is read record by record: a line of JSON, a row of CSV, a
    cell of a database, a message of protobuf. One may hold a whole run."""
    text: int = 64 * _KB**2
    """Characters of one text of a run: what was said, given, written as an argument or returned. Of a longer one this
    much is read, and an error says so. Detectors read every text several times over; of some thousand real runs none
    has one of 200,000."""
    nesting: int = 1024
    """Levels of objects and lists in one JSON value: what the fast decoder reads, and far more than any format writes.
    Beyond it values are decoded 5 to 40 times more slowly."""
    growth: int = 200
    """Times that compressed data may grow beyond its first 64 MB. JSON of real runs shrinks 5 to 50 times; the densest
    data that deflate can write grows 1,032 times, and zstd knows no limit."""
    files: int = 200_000
    """Files in one archive."""
    seconds: float = 600
    """Processor time that a loader may take until it gives a trace; then what it has given is kept, and the rest of
    that file is left."""

    def __post_init__(self) -> None:
        for name in NAMES:
            if not getattr(self, name) > 0:
                raise ValueError(f"limits.{name} must be above 0")

    def beyond(self, name: str) -> str:
        """How much is allowed, and how to raise it: `512 MB (--limit file=1GB raises it)`."""
        return f"{_shown(name, getattr(self, name))} ({self.raised(name)})"

    def raised(self, name: str) -> str:
        """How to raise a limit, in words."""
        return f"--limit {name}={_written(name, getattr(self, name) * 2)} raises it"

    def written(self, name: str) -> str | float:
        """As settings have it: a size as text, `512MB`, anything else as a number."""
        allowed: float = getattr(self, name)
        return _written(name, allowed) if name in SIZES else allowed


SIZES = ("file", "record", "text")
"""Limits that may be written as sizes, `2GB`."""
NAMES = tuple(field.name for field in fields(Limits))
DEFAULT = Limits()


def limits_of(values: Mapping[str, object]) -> dict[str, int | float]:
    """Limits by name, from numbers or from text: `{"file": "2GB"}`. Raises ValueError for what is no limit."""
    return {name: _limit(name, value) for name, value in values.items()}


def _limit(name: str, value: object) -> int | float:
    if name not in NAMES:
        raise ValueError(f"there is no limit {name!r}; there are {', '.join(NAMES)}")
    number = _number(name, value)
    if number is None or number <= 0:
        form = "a size such as 2GB" if name in SIZES else "a number"
        raise ValueError(f"limits.{name} is {form}, above 0, not {value!r}")
    return number


def _number(name: str, value: object) -> int | float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if name == "seconds":
        return _seconds(value)
    found = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if found is None or (found[2] and name not in SIZES):
        return None
    return int(float(found[1]) * _KB ** "_kmgt".index(found[2].lower() or "_"))


def _seconds(value: object) -> float | None:
    try:
        seconds = float(value) if isinstance(value, float | str) else 0
    except ValueError:
        return None
    return seconds if seconds < float("inf") else None


def _shown(name: str, value: float) -> str:
    if name not in SIZES:
        return f"{value:,.15g}"
    power = _power(value)
    if power:
        return f"{value // _KB**power:,} {_UNITS[power]}"
    return f"{value:,} {'characters' if name == 'text' else 'bytes'}"


def _written(name: str, value: float) -> str:
    """As `--limit` takes it."""
    power = _power(value) if name in SIZES else 0
    return f"{value / _KB**power:.15g}{_UNITS[power]}"


def _power(value: float) -> int:
    """Which unit it is a multiple of."""
    power = 0
    while power < len(_UNITS) - 1 and value % _KB ** (power + 1) == 0:
        power += 1
    return power
