"""The columns of `--format jsonl` and `parquet` for docs/rows.md, and their JSON Schema."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import TypeAdapter

from pisama.output.config_reference import DIALECT
from pisama.output.rows import TABLES, ErrorRow, IssueRow, TraceRow

_INTRODUCTION = """\
# Rows

What `pisama analyze --format jsonl` prints, and what `--output DIR` keeps in a folder as JSON lines or as Parquet: a row
for each trace, each issue, and each input that could not be read. On standard output, and in a single file, a trace comes
before its issues, and `kind` tells the rows apart; in a folder each kind is a table of its own.

```text
results/
  progress.jsonl             what wrote it, and which inputs are in which part
  traces/part-00000.jsonl    or .parquet
  issues/part-00000.jsonl
  errors/part-00000.jsonl
```

A part is written whole or not at all. The same command on the same folder goes on where it was stopped. The columns are
the same in every file, and [rows.schema.json](rows.schema.json) is their JSON Schema."""


def rows_schema() -> dict[str, Any]:
    """JSON Schema of one row."""
    rows: TypeAdapter[TraceRow | IssueRow | ErrorRow] = TypeAdapter(TraceRow | IssueRow | ErrorRow)
    return {
        "$schema": DIALECT,
        **rows.json_schema(mode="serialization"),
        "title": "A row of pisama, schema 1",
    }


def rows_page() -> str:
    """Every table and its columns, as a Markdown page."""
    parts = [_INTRODUCTION]
    for table, model in TABLES.items():
        lines = ["| column | type | |", "|---|---|---|"]
        for name, field in model.model_fields.items():
            meaning = " ".join((field.description or "").split()).replace("|", "\\|")
            lines.append(f"| `{name}` | {_type(field.annotation)} | {meaning} |")
        parts += [f"## {table}", " ".join((model.__doc__ or "").split()), "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def _type(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(arguments[0])
    if origin in (Union, UnionType):
        (only,) = (argument for argument in arguments if argument is not NoneType)
        return f"{_type(only)} or null"
    if origin is tuple:
        return f"list of {_type(arguments[0])}"
    if origin is Literal:
        return f'"{arguments[0]}"'
    names = {str: "text", bool: "truth value", int: "integer", float: "number"}
    return names.get(annotation) or f"({', '.join(annotation.model_fields)})"
