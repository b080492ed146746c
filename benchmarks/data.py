"""Reading labelled data sets: leniently, or with one clear error."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import orjson

from pisama.trace import JSON

_TRAILING_COMMA = re.compile(r",(\s{0,1000}[\]}])")


class DataMissingError(Exception):
    """The data folder is not there, or not complete. The message says what was looked for and where."""


def read_json(path: Path) -> JSON:
    """The JSON value in a file; a comma before a closing bracket is forgiven.

    Raises `DataMissingError` when the file cannot be read as JSON.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataMissingError(f"{path} cannot be read: {error.strerror}") from None
    try:
        value: JSON = orjson.loads(content)
    except orjson.JSONDecodeError:
        try:
            value = orjson.loads(_TRAILING_COMMA.sub(r"\1", content.decode("utf-8", "replace")))
        except orjson.JSONDecodeError as error:
            raise DataMissingError(f"{path} is not JSON: {error}") from None
    return value


def first_folder(candidates: Iterable[Path], what: str) -> Path:
    """The first of these folders that exists. Raises `DataMissingError` naming all that were tried."""
    tried = list(candidates)
    for candidate in tried:
        if candidate.is_dir():
            return candidate
    raise DataMissingError(f"no {what}: none of {', '.join(map(str, tried))} is a folder")


def first_file(candidates: Iterable[Path], what: str) -> Path:
    """The first of these files that exists. Raises `DataMissingError` naming all that were tried."""
    tried = list(candidates)
    for candidate in tried:
        if candidate.is_file():
            return candidate
    raise DataMissingError(f"no {what}: none of {', '.join(map(str, tried))} is a file")


def as_object(value: JSON) -> dict[str, JSON]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_objects(value: JSON) -> list[dict[str, JSON]]:
    """The objects of a list; anything else in it, or no list at all, gives none."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def as_text(value: JSON) -> str:
    """The value if it is text, else an empty text."""
    return value if isinstance(value, str) else ""
