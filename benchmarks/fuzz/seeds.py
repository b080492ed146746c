"""What the search begins with: samples of every format, made small."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks.fuzz.mutation import Container, places_in, values_in
from pisama.trace import JSON

MAX_BYTES = 12 * 1024
"""Of one input. Smaller inputs run faster, and what breaks a loader is seldom long."""
_TEXT, _ITEMS = 200, 8
"""Characters of a text and items of a list that a large sample keeps."""


def seeds(folders: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    """The files below these folders, each with a name, cut down to `MAX_BYTES` where that can be done."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                data = path.read_bytes()
                small = data if len(data) <= MAX_BYTES else _shrunk(data)
                if small is not None:
                    yield path.relative_to(folder).as_posix().replace("/", "__"), small


def field_names(samples: Iterable[bytes]) -> list[str]:
    """Every name of a field in these samples, once."""
    found: set[str] = set()
    for data in samples:
        values = values_in(data)
        found.update(key for _, key in places_in(list(values or ())) if isinstance(key, str))
    return sorted(found)


def _shrunk(data: bytes) -> bytes | None:
    values = values_in(data)
    if values is None:
        return None if b"\0" in data else data[:MAX_BYTES]
    for divisor in (1, 2, 4, 8, 16):
        _shorten(values, _TEXT // divisor, max(2, _ITEMS // divisor))
        small = "\n".join(json.dumps(value) for value in values).encode()
        if len(small) <= MAX_BYTES:
            return small
        del values[4 * _ITEMS // divisor :]
    return None


def _shorten(holder: list[JSON], characters: int, items: int) -> None:
    """Cuts every text and every list within, in place."""
    waiting: list[Container] = [holder]
    for container in waiting:
        for key in list(container) if isinstance(container, dict) else range(len(container)):
            value = container[key]  # type: ignore[index]
            if isinstance(value, str):
                container[key] = value[:characters]  # type: ignore[index]
                continue
            if isinstance(value, list):
                del value[items:]
            if isinstance(value, dict | list):
                waiting.append(value)
