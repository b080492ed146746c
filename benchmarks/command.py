"""What every benchmark command does alike: progress, tables, files, and one clear error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from benchmarks.data import DataMissingError

Item = TypeVar("Item")


def application(command: Callable[..., None]) -> typer.Typer:
    """A program of one command."""
    app = typer.Typer(
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.command()(command)
    return app


@contextmanager
def clear_errors() -> Iterator[None]:
    """Turn missing data into one line on standard error and exit code 2."""
    try:
        yield
    except DataMissingError as error:
        sys.stderr.write(f"error: {error}\n")
        raise typer.Exit(2) from None


def tracked(items: Sequence[Item], what: str) -> Iterator[Item]:
    """The items, with a progress bar on standard error when that is a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield from items
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        yield from progress.track(items, description=what)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], note: str = "") -> Table:
    """A table whose first column is text and whose others are figures."""
    made = Table(title=title, title_justify="left", caption=note or None, caption_justify="left")
    for position, column in enumerate(columns):
        made.add_column(column, justify="left" if position == 0 else "right", no_wrap=position == 0)
    for row in rows:
        made.add_row(*row)
    return made


def show(*tables: Table) -> None:
    """Print tables to standard output, wide enough for them where that is no terminal."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=140)
    for each in tables:
        console.print(each)
        console.print()


def write_json(path: Path, value: object) -> None:
    """Write a value as sorted, indented JSON, making the folder where needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    path.write_bytes(orjson.dumps(rounded(value), option=options))


def rounded(value: object) -> object:
    """The value with every number cut to four decimals, which is more than any of these sets can tell apart."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {str(key): rounded(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(each) for each in value]
    return value
