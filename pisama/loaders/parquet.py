"""Parquet files: each row a record. Needs the extra `parquet`."""

from __future__ import annotations

import importlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pisama.limits import Limits
from pisama.loaders.base import Document, Record, take_sample
from pisama.loaders.decompression import Part
from pisama.loaders.python_values import plain_json
from pisama.report import LoadError
from pisama.trace import Location

_ROWS = 64
"""Rows that are held at a time; one may hold a whole run."""


def open_parquet(source: Path | bytes, path: str | None, limits: Limits, part: Part) -> Document | LoadError:
    """The rows of a Parquet file as records; a fatal error when it is corrupt or the extra is missing.

    `part` says how much may come out of it.
    """
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError:
        need = "a Parquet file, which needs an extra: pip install 'pisama[parquet]'"
        return LoadError(need, Location(path), fatal=True)
    pyarrow = importlib.import_module("pyarrow")

    def opened() -> Any:
        return parquet.ParquetFile(source if isinstance(source, Path) else io.BytesIO(source))

    failures = (pyarrow.ArrowException, OSError, ValueError)

    def read() -> Iterator[Record | LoadError]:
        number = given = 0
        try:
            with opened() as file:
                for batch in file.iter_batches(batch_size=_ROWS):
                    # The file says how large it is as encoded; one value may be encoded once and stand in every row.
                    given += batch.nbytes
                    problem = part.allowance.problem(part.name, given)
                    if problem:
                        yield LoadError(
                            f"{problem}; what follows was not read", Location(path, None, f"/{number}")
                        )
                        return
                    for row in _rows(batch, pyarrow):
                        number += 1
                        yield Record(plain_json(row), Location(path, None, f"/{number - 1}"))
        except failures as error:
            yield LoadError(
                f"the Parquet data is corrupt ({_short(error)})", Location(path, None, f"/{number}")
            )

    try:
        with opened() as file:
            problem = _problem(file.metadata, part)
    except failures as error:
        problem = f"a Parquet file that is cut off or corrupt ({_short(error)})"
    if problem:
        return LoadError(problem, Location(path), fatal=True)
    return Document(path, read, sample=take_sample(read()), limits=limits)


def _rows(batch: Any, pyarrow: Any) -> Iterator[dict[str, object]]:
    """The rows of a batch as Python values; times are cut to microseconds, which is what those can hold."""
    columns = {
        name: (
            column.cast(pyarrow.timestamp("us", tz=column.type.tz), safe=False)
            if pyarrow.types.is_timestamp(column.type)
            else column
        ).to_pylist()
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
    }
    for number in range(batch.num_rows):
        yield {name: values[number] for name, values in columns.items()}


def _problem(metadata: Any, part: Part) -> str | None:
    if not metadata.num_rows:
        return "a Parquet file without rows"
    unpacked = sum(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
    return part.allowance.problem(part.name, unpacked)


def _short(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:200]
