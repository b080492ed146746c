"""Opening an input: compression, encoding, and how many JSON values it holds, judged by content.

A file of JSON lines is read line by line each time it is asked for, so its size does not matter. A
file that holds one JSON value, or several written one after another over many lines, is held whole.
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO, TypeAlias, cast

import orjson

from pisama.loaders.base import SAMPLE_RECORDS, Document, Record, take_sample
from pisama.loaders.json_text import BadJSON, decode, first_value, without_surrogates
from pisama.report import LoadError
from pisama.trace import JSON, Location

MAX_VALUE_BYTES = 512 * 2**20
"""Largest single JSON value, or line, that is read. Keeps a gzip bomb from taking the machine."""
MAX_BAD_RECORDS = 20
"""How many broken records of one input are reported one by one; the rest are counted."""

_HEAD_BYTES = 4096
_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_FOREIGN = (
    (b"SQLite format 3\0", "an SQLite database, which is not supported yet; export the traces as JSON"),
    (b"PK\x03\x04", "a zip archive, which is not supported yet; unpack it first"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"PAR1", "a Parquet file, which is not supported yet; export the rows as JSON lines"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd, which is not supported yet; decompress it first"),
    (b"\xfd7zXZ\0", "compressed with xz, which is not supported yet; decompress it first"),
    (b"BZh", "compressed with bzip2, which is not supported yet; decompress it first"),
)
_PICKLE = re.compile(rb"\x80[\x02-\x05][\x28-\x7d\x80-\x98]")
_UTF16 = re.compile(rb"\xff\xfe|\xfe\xff|\0\0\xfe\xff|[\x09-\x7e]\0[\x09-\x7e]\0|\0[\x09-\x7e]\0[\x09-\x7e]")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_JSON_START = b'{["-0123456789tfnNI'
_READ_ERRORS = (OSError, EOFError, zlib.error)

Source: TypeAlias = "Path | bytes | str | list[JSON] | dict[str, JSON]"
_Open: TypeAlias = Callable[[], BinaryIO]


def open_document(source: Source, path: str | None = None) -> Document | LoadError:
    """The document in a file, in bytes, in JSON text, or in a value that is already decoded.

    `path` is what locations call it; a file is called by its own path. Whatever is wrong with the
    input as a whole comes back as a fatal `LoadError`; nothing is raised for bad input.
    """
    if isinstance(source, dict | list):
        return _from_value(source, path)
    if isinstance(source, Path):
        path = path or str(source)
    try:
        opener = _opener(source)
        return _open(opener, path)
    except _READ_ERRORS as error:
        return _fatal(_why(error), path)


def _open(opener: _Open, path: str | None) -> Document | LoadError:
    with opener() as stream:
        head = _read(stream, _HEAD_BYTES)
    reason = _foreign(head)
    if reason:
        return _fatal(reason, path)
    if not head.strip():
        return _fatal("the file is empty" if not head else "nothing but white space in it", path)
    if _CONTROL.search(head[:256]):
        return _binary(opener, path)
    if _is_lines(opener):
        return _lines_document(opener, path)
    if head.lstrip()[:1] not in _chars(_JSON_START):
        return _fatal_json(BadJSON("not JSON", *_position(head)), path)
    return _whole_document(opener, path)


# What kind of input it is


def _opener(source: Path | bytes | str) -> _Open:
    """Opens the decompressed bytes, past a byte order mark, from the start, as often as it is called."""
    if isinstance(source, str):
        source = source.encode("utf-8", "replace")
    if isinstance(source, Path) and not source.is_file() and not source.is_dir() and source.exists():
        # A pipe can be read only once.
        with source.open("rb") as stream:
            source = stream.read(MAX_VALUE_BYTES)
    data = source

    def opened() -> BinaryIO:
        raw: BinaryIO = data.open("rb") if isinstance(data, Path) else io.BytesIO(data)
        magic = raw.read(2)
        raw.seek(0)
        if magic == _GZIP:
            raw = cast(BinaryIO, io.BufferedReader(gzip.GzipFile(fileobj=raw), 1 << 16))
        buffered = cast(io.BufferedReader, raw)
        if _read(buffered, 3) != _BOM:
            buffered.seek(0)
        return raw

    return opened


def _foreign(head: bytes) -> str | None:
    """Why these first bytes cannot be read, when they are those of something well known."""
    for magic, what in _FOREIGN:
        if head.startswith(magic):
            return what
    if _PICKLE.match(head):
        return "a Python pickle, which is never opened: loading it could run code"
    if _UTF16.match(head):
        return "UTF-16 or UTF-32 text; save it as UTF-8"
    return None


def _is_lines(opener: _Open) -> bool:
    """Whether it is JSON lines, judged by the first three lines that are not blank.

    Two adjacent complete values tell lines from a value written over many lines, and one broken
    line among the three does not hide it.
    """
    with opener() as stream:
        lines = []
        for line in _lines(stream):
            if isinstance(line, LoadError):
                break
            lines.append(line[1])
            if len(lines) == 3:
                break
    if len(lines) < 2:
        return False
    good = [_is_value(line, structured=number > 0) for number, line in enumerate(lines)]
    return good[0] if len(lines) == 2 else sum(good) >= 2


def _is_value(line: bytes, *, structured: bool) -> bool:
    try:
        value = decode(line)
    except BadJSON:
        return False
    return isinstance(value, dict | list) or not structured


def _binary(opener: _Open, path: str | None) -> Document | LoadError:
    with opener() as stream:
        data = _read(stream, MAX_VALUE_BYTES + 1)
    if len(data) > MAX_VALUE_BYTES:
        return _fatal(_too_large(), path)
    return Document(path, lambda: iter(()), raw=data)


# JSON lines


def _lines_document(opener: _Open, path: str | None) -> Document:
    sample = take_sample(_line_records(opener, path))
    return Document(path, lambda: _line_records(opener, path), sample=sample, growing=_ends_cut(opener))


def _line_records(opener: _Open, path: str | None) -> Iterator[Record | LoadError]:
    try:
        with opener() as stream:
            yield from _counted(_decoded_lines(_lines(stream), path), path)
    except _READ_ERRORS as error:
        yield LoadError(_why(error), Location(path))


def _decoded_lines(
    lines: Iterator[tuple[int, bytes] | LoadError], path: str | None
) -> Iterator[Record | LoadError]:
    """One record a line. A problem is held back by one line: that of a cut last line is none."""
    problem: LoadError | None = None
    for item in lines:
        if problem:
            yield problem
            problem = None
        if isinstance(item, LoadError):
            yield LoadError(item.reason, Location(path, item.at.line))
            continue
        number, line = item
        try:
            yield Record(decode(line), Location(path, number))
        except BadJSON as error:
            bad = LoadError(f"not JSON: {error.reason} at column {error.column}", Location(path, number))
            if error.cut:
                problem = bad
            else:
                yield bad


def _lines(stream: BinaryIO) -> Iterator[tuple[int, bytes] | LoadError]:
    """The lines that are not blank with their numbers; ends with an error where reading fails."""
    number = 0
    while True:
        number += 1
        try:
            line = stream.readline(MAX_VALUE_BYTES + 1)
        except _READ_ERRORS as error:
            yield LoadError(_why(error), Location(line=number))
            return
        if not line:
            return
        if len(line) > MAX_VALUE_BYTES:
            yield LoadError(_too_large(), Location(line=number))
            return
        if not line.isspace():
            yield number, line


def _ends_cut(opener: _Open) -> bool:
    """Whether the last line is the beginning of a value, or the compressed data ends early."""
    last = b""
    with opener() as stream:
        if not isinstance(stream, io.BufferedReader) or not isinstance(stream.raw, gzip.GzipFile):
            _seek_to_last_line(stream)
        for item in _lines(stream):
            if isinstance(item, LoadError):
                return True
            last = item[1]
    try:
        decode(last)
    except BadJSON as error:
        return error.cut
    return False


def _seek_to_last_line(stream: BinaryIO) -> None:
    """Moves to the start of the last line that is not blank, reading backwards."""
    end = stream.seek(0, io.SEEK_END)
    seen_text = False
    while end > 0:
        start = max(0, end - (1 << 16))
        stream.seek(start)
        block = stream.read(end - start)
        text = block if seen_text else block.rstrip()
        seen_text = seen_text or bool(text)
        newline = text.rfind(b"\n")
        if newline >= 0:
            stream.seek(start + newline + 1)
            return
        end = start
    stream.seek(0)


# One value, or several


def _whole_document(opener: _Open, path: str | None) -> Document | LoadError:
    problem: LoadError | None = None
    with opener() as stream:
        data = b"".join(_blocks(stream))
        try:
            stream.read(1)
        except _READ_ERRORS as error:
            problem = LoadError(_why(error), Location(path))
    if len(data) > MAX_VALUE_BYTES:
        return _fatal(_too_large(), path)
    try:
        items: list[Record | LoadError] = [Record(decode(data), Location(path))]
    except BadJSON as error:
        values = _values(data, error, path)
        if isinstance(values, LoadError):
            return _fatal(f"{problem.reason}; {values.reason}", path) if problem else values
        items, cut = values
        return _held(items, path, problem, growing=cut or problem is not None)
    return _held(items, path, problem, growing=False)


@dataclass(slots=True)
class _Values:
    """Several JSON values, one after another."""

    items: list[Record | LoadError]
    cut: bool = False


def _values(
    data: bytes, problem: BadJSON, path: str | None
) -> tuple[list[Record | LoadError], bool] | LoadError:
    """The values written one after another, and whether the last is cut off.

    After a broken one it goes on at the next line that begins an object. The error is returned
    when nothing could be read.
    """
    text = data.decode("utf-8", "replace")
    found: list[Record | LoadError] = []
    position, line, counted_to = 0, 1, 0
    cut = False
    while True:
        position = _skip_space(text, position)
        if position >= len(text):
            break
        line += text.count("\n", counted_to, position)
        counted_to = position
        try:
            value, position = first_value(text, position)
            found.append(Record(without_surrogates(value), Location(path, line)))
        except BadJSON as error:
            cut = error.cut
            if not cut:
                reason = f"not JSON: {error.reason} at column {error.column}"
                found.append(LoadError(reason, Location(path, error.line)))
            after = _offset(text, position, error.line - line)
            position = -1 if cut else text.find("\n{", after)
            if position < 0:
                break
    if not any(isinstance(item, Record) for item in found):
        return _fatal_json(problem, path)
    return found, cut
