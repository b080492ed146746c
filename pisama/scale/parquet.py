"""Rows as Parquet. Needs the extra `parquet`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from types import NoneType, UnionType
from typing import IO, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from pisama.config import ConfigError
from pisama.output.rows import TABLES


def arrow() -> Any:
    """The library. Raises `ConfigError` when it is not installed."""
    try:
        return import_module("pyarrow")
    except ImportError:
        raise ConfigError("Parquet needs an extra: pip install 'pisama[parquet]'") from None


def schema_of(table: str) -> Any:
    """The columns of `traces`, `issues` or `errors` as an Arrow schema: the same in every file, whatever is in it."""
    return _fields(TABLES[table], arrow())


def table_of(table: str, lines: Sequence[bytes]) -> Any:
    """Rows that are lines of JSON as an Arrow table."""
    schema = schema_of(table)
    if not lines:
        return schema.empty_table()
    reader = import_module("pyarrow.json")
    return reader.read_json(
        arrow().BufferReader(b"".join(lines)),
        # A line has to fit into a block.
        reader.ReadOptions(block_size=max(1 << 20, *map(len, lines)) + 1),
        reader.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error"),
    )


def write_parquet(file: IO[bytes], table: str, lines: Sequence[bytes]) -> None:
    """Writes the rows to a file. The same rows give the same bytes."""
    import_module("pyarrow.parquet").write_table(table_of(table, lines), file, compression="zstd")


def read_parquet(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a file. Raises `ConfigError` when the library is not installed, and `OSError` when it is no such file."""
    arrow()
    for batch in import_module("pyarrow.parquet").ParquetFile(path).iter_batches():
        yield from batch.to_pylist()


def _fields(model: type[BaseModel], pyarrow: Any) -> Any:
    return pyarrow.schema(
        [(name, _type(field.annotation, pyarrow)) for name, field in model.model_fields.items()]
    )


def _type(annotation: Any, pyarrow: Any) -> Any:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(arguments[0], pyarrow)
    if origin in (Union, UnionType):
        (only,) = (argument for argument in arguments if argument is not NoneType)
        return _type(only, pyarrow)
    if origin is tuple:
        return pyarrow.list_(_type(arguments[0], pyarrow))
    if origin is Literal:
        return pyarrow.string()
    if issubclass(annotation, BaseModel):
        return pyarrow.struct(list(_fields(annotation, pyarrow)))
    return {str: pyarrow.string(), bool: pyarrow.bool_(), int: pyarrow.int64(), float: pyarrow.float64()}[
        annotation
    ]
