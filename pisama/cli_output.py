"""Where the reports of the commands go."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pisama.flags import Format, fail

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pisama.report import Report


@dataclass(frozen=True, slots=True)
class Target:
    """A format, and the file it is written to; None is standard output, or standard error."""

    format: Format
    file: Path | None = None
    to_error: bool = False

    @property
    def color(self) -> bool:
        """Whether it is shown in colour."""
        from pisama.output.terminal import wants_color

        return self.file is None and wants_color(sys.stderr if self.to_error else sys.stdout)

    def put(self, text: str) -> None:
        """Writes what is rendered there."""
        put(text, self.file, to_error=self.to_error)


def put(text: str, file: Path | None = None, *, to_error: bool = False) -> None:
    """Writes to a file, whole or not at all; to standard output, or standard error, where it is None.

    What cannot be written ends the program.
    """
    stream = sys.stderr if to_error else sys.stdout
    try:
        if file is None:
            stream.write(text)
            stream.flush()
        else:
            from pisama.file_writing import replace_file

            replace_file(file, text.encode("utf-8"))
    except BrokenPipeError:
        # The reader has gone, as `| head` does. The exit code is still that of what was found.
        write_to_nobody()
    except OSError as error:
        fail(f"{file or 'standard output'}: {error.strerror or error}")


def targets(
    output_format: Format, output: Path | None, also: Iterable[str] | None, *, to_error: bool = False
) -> list[Target]:
    """Where a report goes: what --format and --output say, and each --also. Ends the program for what it cannot be."""
    others: list[Target] = []
    for text in also or ():
        name, equals, file = text.partition("=")
        if not equals or not file or name not in set(Format) - {Format.PARQUET}:
            known = ", ".join(name for name in Format if name is not Format.PARQUET)
            fail(f"--also {text}: say it as FORMAT=FILE, with a format of {known}")
        others.append(Target(Format(name), Path(file)))
    return [Target(output_format, output, to_error), *others]


def keep_apart(read: Iterable[Path], written: Iterable[Path | None]) -> None:
    """Ends the program where a report would take the place of a file that is read, or of another report."""
    # What is no regular file, a terminal or a pipe, takes the place of nothing.
    files = [file for file in written if file is not None and (file.is_file() or not file.exists())]
    if not files:
        return
    from pisama.file_writing import real_path

    taken = {real_path(path): "is read" for path in read}
    for file in files:
        place = real_path(file)
        if place in taken:
            fail(f"{file}: it {taken[place]} too, and would be lost; write to another file")
        taken[place] = "is written"


def write(report: Report, target: Target) -> None:
    """Writes the report there."""
    from pisama.output.rendering import rendered
    from pisama.output.terminal import terminal_width

    target.put(rendered(report, target.format.value, color=target.color, width=terminal_width()))


def write_to_nobody() -> None:
    """Lets what is still to be written to standard output go nowhere, also when the program ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
