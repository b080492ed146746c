"""Opening an input: compression, encoding, and how many JSON values it holds, judged by content.

A file of JSON lines is read line by line each time it is asked for, so its size does not matter. A
file that holds one JSON value, or several written one after another over many lines, is held whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path, PurePath
from typing import TypeAlias, cast

import orjson

from pisama.loaders.base import Document, Record, take_sample
from pisama.loaders.json_lines import are_lines, ends_cut, line_records
from pisama.loaders.json_text import BadEncoding, BadJSON, decode
from pisama.loaders.json_values import read_values
from pisama.loaders.streams import READ_ERRORS, Opener, opener_of, read_all, why
from pisama.report import LoadError
from pisama.trace import JSON, Location

Source: TypeAlias = Path | bytes | str | Sequence[object] | Mapping[str, object]

_NOT_YET = "which is not supported yet"
_FOREIGN = (
    (b"SQLite format 3\0", f"an SQLite database, {_NOT_YET}; export the traces as JSON"),
    (b"PK\x03\x04", f"a zip archive, {_NOT_YET}; unpack it first"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"PAR1", f"a Parquet file, {_NOT_YET}; export the rows as JSON lines"),
    (b"\x28\xb5\x2f\xfd", f"compressed with zstd, {_NOT_YET}; decompress it first"),
    (b"\xfd7zXZ\0", f"compressed with xz, {_NOT_YET}; decompress it first"),
    (b"BZh", f"compressed with bzip2, {_NOT_YET}; decompress it first"),
)
_PICKLE = re.compile(rb"\x80[\x02-\x05][\x28-\x98]")
_UTF16 = re.compile(rb"\xff\xfe|\xfe\xff|\0\0\xfe\xff|[\t-~]\0[\t-~]\0|\0[\t-~]\0[\t-~]")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def open_document(source: Source, path: str | None = None) -> Document | LoadError:
    """The document in a file, in bytes, in JSON text, or in a value that is already decoded.

    `path` is what locations call it; a file is called by its own path. Whatever is wrong with the
    input as a whole comes back as a fatal `LoadError`; nothing is raised for bad input.
    """
    if isinstance(source, str):
        source = source.encode("utf-8", "replace")
    if isinstance(source, Path):
        path = path or str(source)
    elif not isinstance(source, bytes):
        return _from_value(source, path)
    try:
        return _open(opener_of(source), path)
    except READ_ERRORS as error:
        return _fatal(why(error), path)
    except ValueError as error:
        # A file name with a NUL byte in it.
        return _fatal(str(error), path)


def _open(opener: Opener, path: str | None) -> Document | LoadError:
    with opener() as stream:
        head = stream.read1(4096)
    foreign = _foreign(head)
    if foreign:
        return _fatal(foreign, path)
    if _CONTROL.search(head[:256]):
        return _binary(opener, path)
    if are_lines(opener):
        return _lines_document(opener, path)
    return _whole_document(opener, path)


def _foreign(head: bytes) -> str | None:
    """What these first bytes are, when they are those of something that cannot be read."""
    for magic, what in _FOREIGN:
        if head.startswith(magic):
            return what
    if _PICKLE.match(head):
        return "a Python pickle, which is never opened: loading it could run code"
    if _UTF16.match(head):
        return "UTF-16 or UTF-32 text; save it as UTF-8"
    return None


def _binary(opener: Opener, path: str | None) -> Document | LoadError:
    data, problem = read_all(opener)
    if problem:
        return _fatal(problem, path)
    return Document(path, lambda: iter(()), raw=data)


def _lines_document(opener: Opener, path: str | None) -> Document:
    def read() -> Iterator[Record | LoadError]:
        return line_records(opener, path)

    return Document(path, read, sample=take_sample(read()), growing=ends_cut(opener))


def _whole_document(opener: Opener, path: str | None) -> Document | LoadError:
    data, problem = read_all(opener)
    if not data.strip():
        return _fatal(problem or ("nothing but white space in it" if data else "the file is empty"), path)
    items: list[Record | LoadError] = []
    cut = False
    try:
        items.append(Record(decode(data), Location(path)))
    except BadEncoding as error:
        return _fatal(f"{error.reason}, at column {error.column}; save it as UTF-8", path, error.line)
    except BadJSON as error:
        items, cut = read_values(data, path)
        if not items:
            if problem:
                return _fatal(problem, path)
            return _fatal(f"not JSON: {error.reason} at column {error.column}", path, error.line)
    if problem:
        items.append(LoadError(problem, Location(path)))
    return Document(path, lambda: iter(items), sample=take_sample(iter(items)), growing=cut)


def _from_value(value: object, path: str | None) -> Document | LoadError:
    """A value from a running program, turned into plain JSON, which also detaches it from its owner."""
    try:
        text = orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS)
        plain = cast("JSON", orjson.loads(text))
    except (TypeError, ValueError) as error:
        return _fatal(f"not a JSON value: {error}", path)
    record = Record(plain, Location(path))
    return Document(path, lambda: iter((record,)), sample=(plain,))


def _plain(value: object) -> object:
    """What chat clients keep among plain dicts: their own message objects."""
    from pydantic import BaseModel

    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, bytes):
        return list(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, Decimal | PurePath):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no JSON value")


def _fatal(reason: str, path: str | None, line: int | None = None) -> LoadError:
    return LoadError(reason, Location(path, line), fatal=True)
