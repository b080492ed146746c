"""Parquet rows are records; without the library one line says what to install."""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.loaders.opened import opened, refused, said_of

pyarrow = pytest.importorskip("pyarrow", reason="the extra parquet is not installed")


def parquet(columns: dict[str, object], **options: object) -> bytes:
    from importlib import import_module

    data = io.BytesIO()
    import_module("pyarrow.parquet").write_table(pyarrow.table(columns), data, **options)
    return data.getvalue()


def test_each_row_is_a_record_with_its_place() -> None:
    data = parquet({"id": ["a", "b"], "spans": [[{"name": "x"}], None]})
    assert said_of(opened(data, "in")) == [
        "in#/0: {'id': 'a', 'spans': [{'name': 'x'}]}",
        "in#/1: {'id': 'b', 'spans': None}",
    ]


def test_times_numbers_and_bytes_become_json() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    data = parquet(
        {
            "nanoseconds": pyarrow.array([1767323045000000123], pyarrow.timestamp("ns", tz="UTC")),
            "time": [moment],
            "took": [timedelta(seconds=1.5)],
            "cost": [Decimal("0.10")],
            "raw": [b"text"],
            "loss": [float("nan")],
        }
    )
    assert opened(data).sample == (
        {
            "nanoseconds": "2026-01-02T03:04:05+00:00",
            "time": "2026-01-02T03:04:05+00:00",
            "took": 1.5,
            "cost": "0.10",
            "raw": "text",
            "loss": None,
        },
    )


def test_a_file_is_read_in_place(tmp_path: Path) -> None:
    file = tmp_path / "rows"
    file.write_bytes(parquet({"a": list(range(200))}))
    assert len(said_of(opened(file))) == 200


def test_bad_files_are_errors() -> None:
    data = parquet({"a": [1]})
    assert refused(data[:-6]).startswith("in: a Parquet file that is cut off or corrupt (")
    assert refused(parquet({"a": pyarrow.array([], "int64")})) == "in: a Parquet file without rows"
    bomb = parquet({"a": [" " * 1000] * 100_000}, use_dictionary=False, compression="zstd")
    assert (
        refused(bomb)
        == "in: it grows more than 200 times when it is decompressed, as no trace does (--limit growth=400 raises it)"
    )


def test_without_the_library_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    assert (
        refused(b"PAR1\x15\x04") == "in: a Parquet file, which needs an extra: pip install 'pisama[parquet]'"
    )
