"""Where the reports of the commands go."""

from __future__ import annotations

import sys
from typing import IO, TYPE_CHECKING

from pisama.flags import Format, fail

if TYPE_CHECKING:
    from pathlib import Path

    from pisama.report import Report


def _render(report: Report, output_format: Format, stream: IO[str] | None) -> str:
    """The report as text; `stream` is where it will be shown, None when that is a file."""
    if output_format is Format.TEXT:
        from pisama.output import as_text
        from pisama.output.terminal import terminal_width, wants_color

        color = stream is not None and wants_color(stream)
        return as_text.render(report, color=color, width=terminal_width())
    if output_format is Format.PARQUET:
        fail("--format parquet is for `pisama analyze`, which writes a folder of it")
    from pisama.output.rendering import rendered

    return rendered(report, output_format.value)


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
