"""Opening an input: compression, encoding, and how many JSON values it holds, judged by content.

A file of JSON lines or of CSV is read row by row each time it is asked for, so its size does not
matter; so are the rows of databases and Parquet files, and the members of folders and archives. A file
that holds one JSON value, or several written one after another over many lines, is held whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from pisama.limits import DEFAULT, Limits
from pisama.loaders.base import Document, Members, Record, take_sample
from pisama.loaders.csv_rows import csv_records, delimiter_of
from pisama.loaders.decompression import Allowance, Part
from pisama.loaders.folders import files_in
from pisama.loaders.frames import framed, unframed
from pisama.loaders.json_lines import are_lines, ends_cut, line_records
from pisama.loaders.json_text import BadEncoding, BadJSON, DeepJSON, decode
from pisama.loaders.json_values import read_values
from pisama.loaders.python_values import plain_json
from pisama.loaders.remote import Remote, content_of, opened_remote, remote_files
from pisama.loaders.streams import Opener, opener_of, read_all, shown, unpacked, why
from pisama.report import LoadError
from pisama.trace import Location

Source: TypeAlias = Path | Remote | bytes | str | Sequence[object] | Mapping[str, object]

CONTAINERS = (
    ("JSON", "one value, JSON lines, or values one after another; a cut last line is normal"),
    ("gzip, zstd", "around any of the others"),
    ("zip", "one run, as Inspect's `.eval`, or a bundle whose files are read one by one"),
    ("folder", "one run, as OpenHands keeps it, or a bundle whose files are read one by one"),
    (
        "address",
        "`s3://`, `gs://`, `https://` and others, with the extra `remote`: a file, a folder or a pattern",
    ),
    ("SQLite", "read-only, with its `-wal` file when that lies beside it"),
    ("Parquet", "with the extra `parquet`"),
    ("CSV", "with the names of the columns in its first line"),
    ("protobuf", "one message, or messages with their lengths before them"),
    ("text", "where a format is not JSON at all; objects that Node.js printed are read"),
)
"""What inputs may be wrapped in, and a word about each."""

MAX_ARCHIVES = 2
"""Archives within archives that are opened."""

_FOREIGN = (
    (b"\xfd7zXZ\0", "compressed with xz, which is not supported; decompress it first"),
    (b"BZh", "compressed with bzip2, which is not supported; decompress it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive, which is not supported; unpack it first"),
)
_SQLITE = b"SQLite format 3\0"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_PARQUET = b"PAR1"
_TAR = b"ustar"
_PICKLE = re.compile(rb"\x80[\x02-\x05][\x28-\x98]")
_UTF16 = re.compile(rb"\xff\xfe|\xfe\xff|\0\0\xfe\xff|[\t-~]\0[\t-~]\0|\0[\t-~]\0[\t-~]")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def open_document(source: Source, path: str | None = None, limits: Limits = DEFAULT) -> Document | LoadError:
    """The document in a file, a folder, in bytes, in JSON text, or in a value that is already decoded.

    `path` is what locations call it; a file is called by its own path. Whatever is wrong with the
    input as a whole comes back as a fatal `LoadError`; nothing is raised for bad input.
    """
    if isinstance(source, str):
        source = source.encode("utf-8", "replace")
    if isinstance(source, Path | Remote):
        path = shown(path or str(source))
    elif not isinstance(source, bytes):
        return _from_value(source, path, limits)
    try:
        if isinstance(source, Remote):
            return _remote(source, path or source.url, limits)
        if isinstance(source, Path) and source.is_dir():
            return _folder(source, path, limits)
        # A pipe has been read when it is opened, and cannot be opened again.
        again = source if isinstance(source, bytes) or source.is_file() else None
        return _open(opener_of(source, limits), path, again)
    except OSError as error:
        return _fatal(why(error), path)
    except ValueError as error:
        # A file name with a NUL byte in it.
        return _fatal(str(error), path)


def _folder(folder: Path, path: str | None, limits: Limits) -> Document | LoadError:
    members = {
        name: _opening(folder / name, shown(f"{path}/{name}" if path != "." else name), limits)
        for name in files_in(folder)
    }
    if not members:
        return _fatal("no file in this folder that could be a trace", path)
    return Document(path, lambda: iter(()), members=members, limits=limits)


def _remote(remote: Remote, path: str, limits: Limits) -> Document | LoadError:
    files = remote_files(remote)
    if [name for name, _ in files] == [""]:
        return open_remote(files[0][1], path, limits)
    members: Members = {name: _opening_remote(file, str(file), limits) for name, file in files}
    return Document(path, lambda: iter(()), members=members, limits=limits)


def open_remote(remote: Remote, path: str, limits: Limits = DEFAULT) -> Document | LoadError:
    """The document in one object of a store."""
    try:
        held = content_of(remote)
        if held is not None:
            return _open(opener_of(held, limits), path, held)
    except OSError as error:
        return _fatal(why(error), path)
    return _open_member(Opener(lambda: opened_remote(remote), limits), path, 0)


def _opening_remote(remote: Remote, path: str, limits: Limits) -> Callable[[], Document | LoadError]:
    return lambda: open_remote(remote, path, limits)


def _opening(file: Path, path: str, limits: Limits) -> Callable[[], Document | LoadError]:
    return lambda: open_document(file, path, limits)


def _open(
    opener: Opener, path: str | None, source: Path | bytes | None, nesting: int = 0
) -> Document | LoadError:
    with opener() as stream:
        head = stream.read1(4096)
    foreign = _foreign(head)
    if foreign:
        return _fatal(foreign, path)
    if head.startswith((_SQLITE, _PARQUET, *_ZIP)):
        return _open_seekable(opener, path, source, head, nesting)
    if _CONTROL.search(head[:256]):
        return _binary(opener, path)
    if are_lines(opener):
        return _lines_document(opener, path)
    delimiter = delimiter_of(opener)
    if delimiter is not None:
        return _csv_document(opener, path, delimiter)
    return _whole_document(opener, path)


def _open_seekable(
    opener: Opener, path: str | None, source: Path | bytes | None, head: bytes, nesting: int
) -> Document | LoadError:
    """What is not read from its beginning to its end: a file as it is, anything else from memory."""
    whole: Path | bytes
    if source is not None and _begins_with(source, head):
        whole = source
    else:
        whole, problem = read_all(opener)
        if problem:
            return _fatal(problem, path)
    limits = opener.limits
    if head.startswith(_SQLITE):
        from pisama.loaders.database import open_database

        return open_database(whole, path, limits)
    part = opener.part or Part("", Allowance(_size(source if source is not None else whole), limits))
    if head.startswith(_PARQUET):
        from pisama.loaders.parquet import open_parquet

        return open_parquet(whole, path, limits, part)
    if nesting == MAX_ARCHIVES:
        return _fatal("an archive within archives within an archive; unpack it first", path)
    from pisama.loaders.archive import open_archive

    def open_member(inner: Opener, name: str) -> Document | LoadError:
        return _open_member(inner, name, nesting + 1)

    return open_archive(whole, path, open_member, limits, part)


def _size(source: Path | bytes) -> int:
    return source.stat().st_size if isinstance(source, Path) else len(source)


def _begins_with(source: Path | bytes, head: bytes) -> bool:
    """Whether these are the first bytes of the source itself, not of what is compressed in it."""
    if isinstance(source, bytes):
        return source.startswith(head[:16])
    with source.open("rb") as stream:
        return stream.read(16) == head[:16]


def _open_member(opener: Opener, path: str, nesting: int) -> Document | LoadError:
    try:
        return _open(unpacked(opener), path, None, nesting)
    except OSError as error:
        return _fatal(why(error), path)


def _foreign(head: bytes) -> str | None:
    """What these first bytes are, when they are those of something that cannot be read."""
    for magic, what in _FOREIGN:
        if head.startswith(magic):
            return what
    if head[257:262] == _TAR:
        return "a tar archive, which is not supported; unpack it and give the folder"
    if _PICKLE.match(head):
        return "a Python pickle, which is never opened: loading it could run code"
    if _UTF16.match(head):
        return "UTF-16 or UTF-32 text; save it as UTF-8"
    return None


def _binary(opener: Opener, path: str | None) -> Document | LoadError:
    data, problem = read_all(opener)
    if problem:
        return _fatal(problem, path)
    messages = unframed(data, opener.limits)
    if messages is None:
        return Document(path, lambda: iter(()), raw=data, limits=opener.limits)
    if not messages[0].startswith((b"{", b"[")):
        return Document(path, lambda: iter(()), raw=framed(messages), limits=opener.limits)
    return _lines_document(opener_of(b"\n".join(messages), opener.limits), path)


def _csv_document(opener: Opener, path: str | None, delimiter: str) -> Document:
    def read() -> Iterator[Record | LoadError]:
        return csv_records(opener, path, delimiter)

    return Document(path, read, sample=take_sample(read()), limits=opener.limits)


def _lines_document(opener: Opener, path: str | None) -> Document:
    def read() -> Iterator[Record | LoadError]:
        return line_records(opener, path)

    return Document(path, read, sample=take_sample(read()), growing=ends_cut(opener), limits=opener.limits)


def _whole_document(opener: Opener, path: str | None) -> Document | LoadError:
    data, problem = read_all(opener)
    if not data or data.isspace():
        return _fatal(problem or ("nothing but white space in it" if data else "the file is empty"), path)
    items: list[Record | LoadError] = []
    cut = False
    try:
        items.append(Record(decode(data, opener.limits), Location(path)))
    except BadEncoding as error:
        return _fatal(f"{error.reason}, at column {error.column}; save it as UTF-8", path, error.line)
    except BadJSON as error:
        if problem and not data.lstrip().startswith((b"{", b"[")):
            return _fatal(problem, path)
        items, cut = read_values(data, path, opener.limits)
        if not items or _is_prose(items):
            if isinstance(error, DeepJSON):
                # A reader of text would find the objects in it, and has a measure of its own.
                return _fatal(f"{error.reason} at column {error.column}", path, error.line)
            not_json = problem or f"not JSON: {error.reason} at column {error.column}"
            return _text_document(
                data, _fatal(not_json, path, None if problem else error.line), path, opener.limits
            )
    if problem:
        items.append(LoadError(problem, Location(path)))
    return Document(
        path, lambda: iter(items), sample=take_sample(iter(items)), growing=cut, limits=opener.limits
    )


def _is_prose(items: Sequence[Record | LoadError]) -> bool:
    """Whether what was read as JSON is only what a text quotes: it begins as text and breaks off again."""
    first, *others = items
    broken = any(isinstance(item, LoadError) for item in others)
    if isinstance(first, Record):
        # A log whose lines begin with a date is no number.
        return broken and not isinstance(first.value, dict | list)
    return broken and len(items) > 2


def _text_document(data: bytes, problem: LoadError, path: str | None, limits: Limits) -> Document:
    """Text, with the objects that a program printed in it: a log of spans, or code that a text quotes."""
    from pisama.loaders.javascript_text import printed_objects

    text = data.decode("utf-8", "replace")
    printed = printed_objects(text, path)
    sample = take_sample(iter(printed))
    return Document(path, lambda: iter(printed), text=text, sample=sample, problem=problem, limits=limits)


def _from_value(value: object, path: str | None, limits: Limits) -> Document | LoadError:
    try:
        plain = plain_json(value)
    except (TypeError, ValueError) as error:
        return _fatal(f"not a JSON value: {error}", path)
    record = Record(plain, Location(path))
    return Document(path, lambda: iter((record,)), sample=(plain,), limits=limits)


def _fatal(reason: str, path: str | None, line: int | None = None) -> LoadError:
    return LoadError(reason, Location(path, line), fatal=True)
