"""What the commands read: the traces at paths, or on standard input, and the report on them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pisama.flags import fail

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pisama.config import Config
    from pisama.report import Report


def given(paths: Sequence[str] | None) -> Sequence[str]:
    """The paths, of which there must be some."""
    if not paths:
        fail("say which traces to analyse: files, folders, or - for standard input")
    return paths


def analysed(
    paths: Sequence[str], config: Config, input_format: str | None, judge: str | None = None
) -> Report:
    """The report on what is at these paths; wrong settings end the program."""
    from pisama.api import analyze_all
    from pisama.config import ConfigError
    from pisama.output.progress import progress
    from pisama.report import InterruptedAnalysisError

    try:
        with progress() as advance:
            return analyze_all(
                _sources(paths), config=config, input_format=input_format, advance=advance, judge=judge
            )
    except ConfigError as error:
        fail(str(error))
    except InterruptedAnalysisError as interrupted:
        return interrupted.report


def _sources(paths: Sequence[str]) -> Iterator[Path | bytes]:
    for path in paths:
        yield sys.stdin.buffer.read() if path == "-" else Path(path)
