"""Where the reports of the commands go."""

from __future__ import annotations

import os
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
    try:
        if output is None:
            stream.write(text)
            stream.flush()
        else:
            from pisama.files import replace_file

            replace_file(output, text.encode("utf-8"))
    except BrokenPipeError:
        # The reader has gone, as `| head` does. The exit code is still that of what was found.
        write_to_nobody()
    except OSError as error:
        fail(f"{output or 'standard output'}: {error.strerror or error}")


def write_to_nobody() -> None:
    """Lets what is still to be written to standard output go nowhere, also when the program ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
