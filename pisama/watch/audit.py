"""The audit trail: everything captured, at once, as OTLP/JSON lines that `pisama analyze` reads."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from pisama.loaders.values import open_json, to_json
from pisama.redact import redact
from pisama.trace import JSON

MAX_LEVELS = 64
"""Nesting of values in which secrets are looked for; deeper values are left out of the trail."""
MAX_OPENED = 4
"""How often JSON text within JSON text is opened."""


class Trail:
    """Appends lines to a file that only its owner can read. A line is written whole, so a kill loses none before it."""

    def __init__(self, path: Path) -> None:
        """Creates the file and its folder. Raises OSError when that is not possible."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._ends_cut = _ends_cut(path)
        self.lines = sum(chunk.count(b"\n") for chunk in _chunks(path)) + self._ends_cut

    def append(self, request: dict[str, JSON]) -> int:
        """Writes one line and returns its number. Raises OSError when the disk is full."""
        data = (b"\n" if self._ends_cut else b"") + to_json(request).encode() + b"\n"
        self._ends_cut = False
        while data:
            data = data[os.write(self._file, data) :]
        self.lines += 1
        return self.lines

    def close(self) -> None:
        """Closes the file."""
        os.close(self._file)


def _chunks(path: Path) -> list[bytes]:
    with path.open("rb") as file:
        return list(iter(lambda: file.read(1 << 20), b""))


def _ends_cut(path: Path) -> bool:
    """Whether an earlier writer was killed in the middle of a line."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1))
        return size > 0 and file.read(1) != b"\n"


def without_secrets(value: JSON) -> JSON:
    """The value with every recognised secret replaced by its mark, JSON text within text included.

    A secret is told by its own form, or by the name of the field it stands in.
    """
    return _walk(value, 0, MAX_OPENED)


def _walk(value: JSON, level: int, opens: int) -> JSON:
    if isinstance(value, str):
        return _clean_text(value, level, opens)
    if level >= MAX_LEVELS:
        return None if isinstance(value, dict | list) else value
    if isinstance(value, list):
        return [_walk(item, level + 1, opens) for item in value]
    if isinstance(value, dict):
        return {key: _field(key, item, level + 1, opens) for key, item in value.items()}
    return value


def _field(name: str, value: JSON, level: int, opens: int) -> JSON:
    cleaned = _walk(value, level, opens)
    if not isinstance(cleaned, str) or cleaned != value or not cleaned:
        return cleaned
    before = f"{name}="
    named = redact(before + cleaned)
    return named.removeprefix(before) if named.startswith(before) else cleaned


def _clean_text(text: str, level: int, opens: int) -> str:
    cleaned: Callable[[str], str] = redact
    if opens and text[:1] in ("{", "["):
        opened = open_json(text)
        if isinstance(opened, dict | list):
            inner = _walk(opened, level + 1, opens - 1)
            return text if inner == opened else to_json(inner)
    return cleaned(text)
