"""`pisama stats`: the tables for a terminal, for programs, for spreadsheets, and for a page."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import IO

import orjson
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from pisama.output.as_markdown import plain
from pisama.output.terminal import terminal_width, told, wants_color
from pisama.patterns import lazy
from pisama.statistics import Cell, Statistics, Table
from pisama.unseen import visible_json

SHOWN = 20
"""Rows of each table that a person is shown; programs get all."""
SCHEMA = 1
_FORMULA = lazy(r"(?:\A|(?<=;))(?=\s{0,20}[=+\-@\uff1d\uff0b\uff0d\uff20])")
"""Where a spreadsheet takes what follows for a formula (OWASP, CSV injection): where a cell begins, also where another
country's spreadsheet takes a semicolon for the end of one."""
_SHARES = frozenset(("share", "share_failed"))


def as_text(found: Statistics, stream: IO[str] | None) -> str:
    """Tables for a terminal; `stream` is where they will be shown, None when that is a file."""
    color = stream is not None and wants_color(stream)
    written = io.StringIO()
    console = Console(
        file=written,
        width=terminal_width(),
        force_terminal=color,
        no_color=not color,
        highlight=False,
        legacy_windows=False,
    )
    console.print(Text(_headline(found)))
    for table in found.tables():
        if not table.rows:
            continue
        shown, note = _first(table)
        made = RichTable(
            title=table.title, title_justify="left", caption=note or None, caption_justify="left"
        )
        for position, column in enumerate(table.columns):
            made.add_column(_heading(column), justify="left" if position == 0 else "right", overflow="fold")
        for row in shown:
            made.add_row(*(Text(told(text)) for text in _texts(table, row)))
        console.print()
        console.print(made)
    return "\n".join(line.rstrip() for line in written.getvalue().splitlines()) + "\n"


def as_markdown(found: Statistics) -> str:
    """Tables in GitHub's Markdown."""
    parts = [_headline(found)]
    for table in found.tables():
        if not table.rows:
            continue
        shown, note = _first(table)
        lines = [
            f"## {table.title}",
            "",
            _markdown_row(map(_heading, table.columns)),
            _markdown_row(":--" if place == 0 else "--:" for place in range(len(table.columns))),
            *(_markdown_row(map(plain, _texts(table, row))) for row in shown),
        ]
        parts.append("\n".join([*lines, "", note] if note else lines))
    return "\n\n".join(parts) + "\n"


def as_json(found: Statistics) -> str:
    """Every table with all its rows, each an object; shares are 0-1."""
    value = {
        "schema": SCHEMA,
        "traces": found.traces,
        "issues": found.issues,
        "errors": found.errors,
        **{
            table.name: [dict(zip(table.columns, row, strict=True)) for row in table.rows]
            for table in found.tables()
        },
    }
    return visible_json(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()) + "\n"


def as_csv(found: Statistics) -> str:
    """All tables as one: which table, the name, and a column for each figure that any of them has.

    Text that a spreadsheet would take for a formula gets an apostrophe before it.
    """
    tables = found.tables()
    figures = list(dict.fromkeys(column for table in tables for column in table.columns[1:]))
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(["table", "name", *figures])
    for table in tables:
        for row in table.rows:
            cells = dict(zip(table.columns[1:], row[1:], strict=True))
            writer.writerow([table.name, _cell(row[0]), *(_cell(cells.get(figure)) for figure in figures)])
    return written.getvalue()


def _cell(value: Cell) -> Cell:
    return _FORMULA.sub("'", told(value)) if isinstance(value, str) else value


def _headline(found: Statistics) -> str:
    parts = (
        _counted(found.traces, "trace"),
        _counted(found.issues, "issue"),
        _counted(found.errors, "error"),
    )
    return ", ".join(parts)


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _first(table: Table) -> tuple[Sequence[tuple[Cell, ...]], str]:
    """The rows that are shown, and what is said of the rest: of days the latest, of all else the first."""
    more = len(table.rows) - SHOWN
    if more <= 0:
        return table.rows, ""
    if table.name == "days":
        return table.rows[-SHOWN:], f"{more:,} earlier days are in --format json and csv"
    return table.rows[:SHOWN], f"{more:,} more are in --format json and csv"


def _texts(table: Table, row: Sequence[Cell]) -> list[str]:
    return [_text(column, value) for column, value in zip(table.columns, row, strict=True)]


def _text(column: str, value: Cell) -> str:
    if value is None:
        return ""
    if column in _SHARES:
        return f"{float(value):.1%}"
    if isinstance(value, float):
        return f"{value:.2f}"
    return f"{value:,}" if isinstance(value, int) else value


def _heading(column: str) -> str:
    return column.replace("_", " ")


def _markdown_row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
