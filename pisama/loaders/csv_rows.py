"""CSV and TSV: each row a record with the names in the first line as keys."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import islice

from pisama.limits import DEFAULT, Limits
from pisama.loaders.base import Record
from pisama.loaders.streams import Opener, why
from pisama.patterns import lazy
from pisama.report import LoadError
from pisama.trace import JSON, Location

_DELIMITERS = (",", "\t")
_LOOK_AT = 5
"""Rows that must be as wide as the first line for a text to be a table."""
_NAME = lazy(r"[A-Za-z_][\w .:/()\[\]\-]{0,119}\Z")


class _BadRow(Exception):  # noqa: N818
    def __init__(self, reason: str, line: int, *, too_large: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        """1-based, the first of the row."""
        self.too_large = too_large


def delimiter_of(opener: Opener) -> str | None:
    """What stands between the fields when the text is a table with a line of names, else None."""
    with opener() as stream:
        head = stream.readline(1 << 16).decode("utf-8", "replace")
    return next((delimiter for delimiter in _DELIMITERS if _fits(opener, head, delimiter)), None)


def csv_records(opener: Opener, path: str | None, delimiter: str) -> Iterator[Record | LoadError]:
    """The rows as objects of strings, with their lines. An empty field is null: CSV has no other way to say so.

    A first column without a name, as data frames write their index, is left out; of columns of the same
    name, which Phoenix writes, the first that holds something counts.
    """
    line = 1
    try:
        with opener() as stream:
            rows = _numbered(stream, delimiter, opener.limits)
            _, names = next(rows, (1, []))
            for line, row in rows:
                if len(row) > len(names):
                    yield LoadError(f"{len(row)} fields under {len(names)} names", Location(path, line))
                elif row:
                    yield Record(_record(names, row), Location(path, line))
    except _BadRow as error:
        yield LoadError(error.reason, Location(path, error.line))
    except OSError as error:
        yield LoadError(why(error), Location(path, line))


def _record(names: list[str], row: list[str]) -> dict[str, JSON]:
    record: dict[str, JSON] = {}
    for name, field in zip(names, row, strict=False):
        if name and not record.get(name):
            record[name] = field or None
    return record


def _fits(opener: Opener, head: str, delimiter: str) -> bool:
    names = head.rstrip("\r\n").split(delimiter)
    if len(names) < 2 or not all(_NAME.match(name.strip('"')) for name in names[1:]):
        return False
    if names[0] and not _NAME.match(names[0].strip('"')):
        return False
    if len(set(names)) < 2:
        return False
    rows: list[list[str]] = []
    too_large = False
    try:
        with opener() as stream:
            rows.extend(row for _, row in islice(_numbered(stream, delimiter, opener.limits), _LOOK_AT))
    except _BadRow as error:
        too_large = error.too_large
        if not too_large:
            return False
    except OSError:
        return False
    return len(rows) + too_large > 1 and all(len(row) == len(names) for row in rows if row)


def _numbered(stream: io.BufferedReader, delimiter: str, limits: Limits) -> Iterator[tuple[int, list[str]]]:
    """The rows with the lines they begin on. Raises `_BadRow` for one that is no CSV, or too large."""
    # The module's own limit is the whole process's, and its default of 128 KB is less than one prompt. Rows are measured here.
    csv.field_size_limit(max(csv.field_size_limit(), limits.record, DEFAULT.record))
    line, row_bytes = 1, 0

    def text() -> Iterator[str]:
        nonlocal row_bytes
        while data := stream.readline(limits.record + 1 - row_bytes):
            row_bytes += len(data)
            if row_bytes > limits.record:
                told = f"a row of more than {limits.beyond('record')}; what follows was not read"
                raise _BadRow(told, line, too_large=True)
            for each in data.splitlines(keepends=True):
                yield each.decode("utf-8", "replace")

    reader = csv.reader(text(), delimiter=delimiter)
    try:
        for row in reader:
            yield line, row
            line, row_bytes = reader.line_num + 1, 0
    except csv.Error as error:
        raise _BadRow(f"not CSV: {error}", line) from None
