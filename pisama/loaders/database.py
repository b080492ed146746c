"""SQLite databases, opened so that nothing is written, nothing is waited for and none of their code runs."""

from __future__ import annotations

import base64
import math
import re
import shutil
import sqlite3
import tempfile
import weakref
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TypeAlias
from urllib.parse import quote

from pisama.limits import Limits
from pisama.loaders.base import Document, Table
from pisama.patterns import lazy
from pisama.report import LoadError
from pisama.trace import JSON, Location

MAX_TABLES = 1000
"""Tables of one database that are offered to loaders."""

Opened: TypeAlias = Callable[[], sqlite3.Connection]

_WRITE_AHEAD = 2
"""Byte 18 of a database whose latest rows are kept in a second file until they are moved over."""
_TABLES = "SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY name"
_VIRTUAL = lazy(r"\s{0,9}CREATE\s{1,9}VIRTUAL\b", re.IGNORECASE)
_ALLOWED = frozenset((sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_PRAGMA))
_LEAST, _MOST = 1 << 16, 2**31 - 1
"""Bytes of a cell that SQLite needs to be allowed for its own work, and may be; how it was built may allow less."""
_WAIT = 1.0
"""Seconds to wait for a program that has locked the database."""


def open_database(source: Path | bytes, path: str | None, limits: Limits) -> Document | LoadError:
    """The tables of a database; a fatal error when it is locked, corrupt, or has none.

    Views, virtual tables and computed columns are left out: reading them would run code of the file.
    """
    live = isinstance(source, Path) and _beside(source, "-wal")
    lost: list[LoadError] = []

    def lose(reason: str) -> None:
        error = LoadError(reason, Location(path))
        if error not in lost:
            lost.append(error)

    try:
        opened = _opener(source, limits)
        with closing(opened()) as connection:
            found = connection.execute(_TABLES).fetchmany(MAX_TABLES)
            names = [str(name) for name, definition in found if not _VIRTUAL.match(str(definition))]
            tables = {
                name: Table(_columns(connection, name), _reader(opened, name, lose, limits)) for name in names
            }
    except sqlite3.Error as error:
        return LoadError(_why(error), Location(path), fatal=True)
    if not tables:
        rest = _missing_rows(source)
        return LoadError(f"an SQLite database without tables{rest}", Location(path), fatal=True)
    shown = ", ".join(list(tables)[:8])
    unknown = f"an SQLite database of no known format (tables: {shown}){_missing_rows(source)}"
    problem = LoadError(unknown, Location(path), fatal=True)
    return Document(
        path, lambda: iter(()), tables=tables, problem=problem, growing=live, limits=limits, lost=lost
    )


def _opener(source: Path | bytes, limits: Limits) -> Opened:
    if isinstance(source, Path):
        return _opener_of_file(source, limits)
    data = source
    if data[18:19] == bytes((_WRITE_AHEAD,)):
        # In memory there is no second file; byte 18 and 19 say that there need be none.
        data = data[:18] + b"\1\1" + data[20:]

    def in_memory() -> sqlite3.Connection:
        connection = sqlite3.connect(":memory:")
        connection.deserialize(data)
        return _guarded(connection, limits)

    return in_memory


def _opener_of_file(source: Path, limits: Limits) -> Opened:
    """Opens a file without making others beside it, which SQLite does when it reads the log of writes."""
    folder: Path | None = None
    mode = "mode=ro"
    if _is_write_ahead(source):
        if not _beside(source, "-wal"):
            mode = "mode=ro&immutable=1"
        elif not _beside(source, "-shm"):
            folder = Path(tempfile.mkdtemp(prefix="pisama-"))
            shutil.copyfile(source, folder / "copy.db")
            shutil.copyfile(f"{source}-wal", folder / "copy.db-wal")
            source = folder / "copy.db"
    address = f"file:{quote(str(source.resolve()))}?{mode}"

    def opened() -> sqlite3.Connection:
        return _guarded(sqlite3.connect(address, uri=True, timeout=_WAIT), limits)

    if folder is not None:
        # The copy goes when nothing can open it any more.
        weakref.finalize(opened, shutil.rmtree, folder, ignore_errors=True)
    return opened


def _guarded(connection: sqlite3.Connection, limits: Limits) -> sqlite3.Connection:
    connection.text_factory = lambda data: data.decode("utf-8", "replace")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, min(max(limits.record, _LEAST), _MOST))
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA query_only = ON")
    connection.set_authorizer(_authorize)
    return connection


def _authorize(action: int, *_: str | None) -> int:
    return sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY


def _columns(connection: sqlite3.Connection, table: str) -> tuple[str, ...]:
    """The columns that are stored. Computed ones are not among what this pragma lists."""
    rows = connection.execute(f"PRAGMA table_info({_quoted(table)})")
    return tuple(str(row[1]) for row in rows)


def _reader(
    opened: Opened, table: str, lose: Callable[[str], None], limits: Limits
) -> Callable[[], Iterator[dict[str, JSON]]]:
    def rows() -> Iterator[dict[str, JSON]]:
        number = 0
        with closing(opened()) as connection:
            try:
                columns = _columns(connection, table)
                listed = ", ".join(map(_quoted, columns))
                # In the order of the table itself, without evaluating expressions of an index.
                select = f"SELECT {listed} FROM {_quoted(table)} NOT INDEXED"  # noqa: S608 - quoted names
                for row in connection.execute(select):
                    yield dict(zip(columns, map(_plain, row), strict=True))
                    number += 1
            except sqlite3.DataError:
                most = limits.beyond("record")
                lose(f"table {table}: {number:,} rows were read; then comes a cell of more than {most}")
            except sqlite3.Error as error:
                lose(f"table {table}: {number:,} rows could be read, no more ({error})")

    return rows


def _plain(value: object) -> JSON:
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return base64.b64encode(value).decode("ascii")
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float) else None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _beside(path: Path, suffix: str) -> bool:
    other = Path(f"{path}{suffix}")
    return other.exists() and other.stat().st_size > 0


def _is_write_ahead(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(20)[18:19] == bytes((_WRITE_AHEAD,))


def _missing_rows(source: Path | bytes) -> str:
    """What to add when rows may be in a file that was not copied along."""
    if isinstance(source, bytes):
        return "; rows written last may be in its -wal file" if source[18:19] == b"\2" else ""
    if _is_write_ahead(source) and not _beside(source, "-wal"):
        return f"; rows written last may be in {source.name}-wal, which is not beside it"
    return ""


def _why(error: sqlite3.Error) -> str:
    text = str(error)
    if "locked" in text or "busy" in text:
        return "an SQLite database that another program has locked; try again, or copy it"
    if "malformed" in text or "not a database" in text:
        return f"an SQLite database that is corrupt ({text})"
    return f"an SQLite database that cannot be opened: {text}"
