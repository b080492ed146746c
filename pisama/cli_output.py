"""Where the reports of the commands go."""

from __future__ import annotations

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
        """Writes what is rendered. A file that cannot be written ends the program."""
        if self.file is None:
            (sys.stderr if self.to_error else sys.stdout).write(text)
            return
        try:
            self.file.write_text(text, encoding="utf-8")
        except OSError as error:
            fail(f"{self.file}: {error.strerror or error}")


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


def write(report: Report, target: Target) -> None:
    """Writes the report there."""
    from pisama.output.rendering import rendered
    from pisama.output.terminal import terminal_width

    target.put(rendered(report, target.format.value, color=target.color, width=terminal_width()))
