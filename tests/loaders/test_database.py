"""SQLite databases are read without writing, waiting or running anything of theirs."""

from __future__ import annotations

import gzip
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from pisama.loaders import load
from pisama.loaders.base import Document
from tests.loaders.opened import opened, refused


@contextmanager
def database(file: Path, *statements: str) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)
        yield connection


def made(file: Path, *statements: str) -> Path:
    with database(file, *statements):
        return file


def rows(document: Document) -> dict[str, list[dict[str, object]]]:
    return {name: [{**row} for row in table.rows()] for name, table in document.tables.items()}


RUNS = (
    "CREATE TABLE runs (id INTEGER PRIMARY KEY, said TEXT, packed BLOB)",
    "INSERT INTO runs VALUES (2, 'é', x'ff00'), (1, NULL, x'7b7d')",
)
ROWS = {"runs": [{"id": 1, "said": None, "packed": "{}"}, {"id": 2, "said": "é", "packed": "/wA="}]}


def test_tables_are_given_by_name_with_blobs_as_text_or_base64(tmp_path: Path) -> None:
    document = opened(made(tmp_path / "a.db", *RUNS))
    assert document.tables["runs"].columns == ("id", "said", "packed")
    assert rows(document) == rows(document) == ROWS
    assert [path.name for path in tmp_path.iterdir()] == ["a.db"]


def test_a_compressed_database_is_read_from_memory(tmp_path: Path) -> None:
    file = made(tmp_path / "a.db", "PRAGMA journal_mode = WAL", *RUNS)
    packed = tmp_path / "a.db.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    assert rows(opened(packed)) == ROWS


def test_rows_that_are_still_in_the_log_of_writes_are_read(tmp_path: Path) -> None:
    with database(tmp_path / "a.db", "PRAGMA journal_mode = WAL", *RUNS):
        document = opened(tmp_path / "a.db")
        assert (rows(document), document.growing) == (ROWS, True)


def test_a_copy_with_its_log_of_writes_is_read_without_a_new_file_beside_it(tmp_path: Path) -> None:
    copies = tmp_path / "copies"
    copies.mkdir()
    with database(tmp_path / "a.db", "PRAGMA journal_mode = WAL", *RUNS):
        for name in ("a.db", "a.db-wal"):
            shutil.copy(tmp_path / name, copies / name)
    assert rows(opened(copies / "a.db")) == ROWS
    assert sorted(path.name for path in copies.iterdir()) == ["a.db", "a.db-wal"]


def test_a_copy_without_its_log_of_writes_says_where_its_rows_may_be(tmp_path: Path) -> None:
    copies = tmp_path / "copies"
    copies.mkdir()
    with database(tmp_path / "a.db", "PRAGMA journal_mode = WAL", *RUNS):
        shutil.copy(tmp_path / "a.db", copies / "a.db")
    assert refused(copies / "a.db") == (
        "in: an SQLite database without tables; rows written last may be in a.db-wal, which is not beside it"
    )
    assert [path.name for path in copies.iterdir()] == ["a.db"]


def test_a_database_that_was_closed_cleanly_is_read_and_left_alone(tmp_path: Path) -> None:
    file = made(tmp_path / "a.db", "PRAGMA journal_mode = WAL", *RUNS)
    assert rows(opened(file)) == ROWS
    assert [path.name for path in tmp_path.iterdir()] == ["a.db"]


def test_a_locked_database_is_an_error(tmp_path: Path) -> None:
    with database(tmp_path / "a.db", *RUNS, "BEGIN EXCLUSIVE"):
        said = refused(tmp_path / "a.db")
    assert said == "in: an SQLite database that another program has locked; try again, or copy it"


def test_a_corrupt_database_is_an_error_and_a_damaged_table_ends_early(tmp_path: Path) -> None:
    file = made(tmp_path / "a.db", *RUNS, *["INSERT INTO runs(said) VALUES (hex(zeroblob(1500)))"] * 20)
    data = bytearray(file.read_bytes())
    data[-4096:] = b"\xff" * 4096
    file.write_bytes(data)
    assert 2 <= len(rows(opened(file))["runs"]) < 22
    data[100:200] = b"\xff" * 100
    assert refused(bytes(data)).startswith("in: an SQLite database that is corrupt (")


def test_views_virtual_tables_and_computed_columns_are_not_read(tmp_path: Path) -> None:
    file = made(
        tmp_path / "a.db",
        "CREATE TABLE runs (id INTEGER, shout TEXT AS (upper('run' || id)))",
        "INSERT INTO runs VALUES (7)",
        "CREATE INDEX shouted ON runs (lower(id))",
        "CREATE VIEW trap AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n",
        "CREATE VIRTUAL TABLE words USING fts5(word)",
    )
    document = opened(file)
    assert rows(document)["runs"] == [{"id": 7}]
    assert {"trap", "words"}.isdisjoint(document.tables)


def test_text_that_is_not_utf_8_is_read_as_well_as_it_can(tmp_path: Path) -> None:
    file = made(
        tmp_path / "a.db", "CREATE TABLE t (a)", "INSERT INTO t VALUES (CAST(x'41ff' AS TEXT)), (1e999)"
    )
    assert rows(opened(file)) == {"t": [{"a": "A\ufffd"}, {"a": None}]}


@pytest.mark.parametrize("name", ['odd "name', "select", "a;b"])
def test_a_table_of_any_name_is_read(tmp_path: Path, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    file = made(tmp_path / "a.db", f"CREATE TABLE {quoted} (a)", f"INSERT INTO {quoted} VALUES (1)")  # noqa: S608
    assert rows(opened(file)) == {name: [{"a": 1}]}


def test_a_database_that_no_loader_knows_is_an_error_with_its_tables(tmp_path: Path) -> None:
    file = made(tmp_path / "a.db", "CREATE TABLE cats (a)", "CREATE TABLE dogs (a)")
    (error,) = load(file)
    assert str(error) == f"{file}: an SQLite database of no known format (tables: cats, dogs)"
