"""What the commands share: the options several of them take, and where reports and messages go."""

from __future__ import annotations

import sys
from enum import StrEnum
from importlib import import_module
from typing import IO, TYPE_CHECKING, NoReturn

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pisama.report import Report


class Format(StrEnum):
    """Output formats."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    JUNIT = "junit"
    GITHUB = "github"
    MARKDOWN = "markdown"


class LevelName(StrEnum):
    """Levels as flags take them; the same words as `pisama.issue.Level`, without its imports."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


def names(values: Sequence[str] | None) -> frozenset[str] | None:
    """The ids in an option that takes several, comma-separated or repeated; None when it was not given."""
    if not values:
        return None
    return frozenset(name.strip() for value in values for name in value.split(",") if name.strip())


def _render(report: Report, output_format: Format, stream: IO[str] | None) -> str:
    """The report as text; `stream` is where it will be shown, None when that is a file."""
    if output_format is Format.TEXT:
        from pisama.output import as_text
        from pisama.output.terminal import terminal_width, wants_color

        color = stream is not None and wants_color(stream)
        return as_text.render(report, color=color, width=terminal_width())
    # One module alone: building the shapes of the JSON takes longer than a small analysis.
    module = import_module(f"pisama.output.as_{output_format.value}")
    return str(module.render(report))


def write(report: Report, output_format: Format, output: Path | None, *, to_error: bool = False) -> None:
    """Writes the report to the file, else to standard output, or to standard error."""
    stream = sys.stderr if to_error else sys.stdout
    text = _render(report, output_format, stream if output is None else None)
    if output is None:
        stream.write(text)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        fail(f"{output}: {error.strerror or error}")


def say(message: str) -> None:
    """A line on standard error."""
    from pisama.output.terminal import printable

    typer.echo(f"pisama: {printable(message)}", err=True)


def fail(message: str) -> NoReturn:
    """Says what is wrong with the usage, and ends."""
    say(message)
    raise typer.Exit(2)
