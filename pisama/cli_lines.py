"""Results of many traces as they come: lines on standard output or in a file, or a folder of files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING

from pisama.cli_input import INTERRUPTED, Input, examine
from pisama.cli_output import write_to_nobody
from pisama.flags import Format, fail, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from pisama.issue import Level
    from pisama.scale.folder import ResultsFolder
    from pisama.scale.lines import Lines, Tally
    from pisama.scale.tasks import Found, Job


def writes_folder(output_format: Format, output: Path | None) -> bool:
    """Whether `--output` means a folder: always for Parquet, and for lines where it is one or has no extension."""
    if output_format is Format.PARQUET:
        if output is None:
            fail("--format parquet writes a folder: say which with --output DIR")
        return True
    return output is not None and (output.is_dir() or not output.suffix)


def write_lines(given: Input, output: Path | None, fail_on: Level | None) -> int:
    """Lines on standard output, or in a file that is there when it is whole; the exit code."""
    from pisama.file_writing import replacing

    try:
        if output is None:
            return _stream(given, sys.stdout.buffer, fail_on, to_terminal=sys.stdout.isatty())
        with replacing(output) as stream:
            return _stream(given, stream, fail_on)
    except OSError as error:
        fail(f"{output or 'standard output'}: {error.strerror or error}")


def each_line(given: Input, take: Callable[[bytes], None]) -> bool:
    """Hands over the rows of each trace, and of each error, as lines of JSON; says whether Ctrl-C ended it early."""

    def take_all(found: Found[Lines]) -> None:
        lines = _lines(found)
        for line in (lines.trace, *lines.issues, lines.error):
            if line:
                take(line)

    return examine(given, _job(given), take_all)


def write_folder(given: Input, output_format: Format, output: Path, fail_on: Level | None) -> int:
    """Files in a folder, and a record of what is done, from which the same command goes on; the exit code."""
    from pisama.config import ConfigError
    from pisama.scale.folder import ResultsFolder, settings_mark

    if "-" in given.paths:
        fail("--output DIR goes on where it was stopped, which standard input cannot: give a file")
    try:
        mark = settings_mark(given.config, given.input_format)
        folder = ResultsFolder(output, "parquet" if output_format is Format.PARQUET else "jsonl", mark)
    except ConfigError as error:
        fail(str(error))
    before = folder.tally.traces
    try:
        interrupted = _fill(given, folder)
    except OSError as error:
        fail(f"{output}: {error.strerror or error}")
    tally = folder.tally
    more = f", {tally.traces - before:,} of them new" if folder.resumed else ""
    say(f"{tally.traces:,} traces{more}, {tally.issues:,} issues, {tally.errors:,} errors in {output}")
    if interrupted:
        _say_interrupted("the same command goes on from here")
    return INTERRUPTED if interrupted else int(tally.exit_code(fail_on))


def _fill(given: Input, folder: ResultsFolder) -> bool:
    def take(found: Found[Lines]) -> None:
        # What was found before its turn would leave a gap: it is examined again.
        if not found.early:
            folder.add(_lines(found), found.piece)

    complete = False
    try:
        interrupted = examine(
            given, _job(given), take, finish=lambda done: folder.finish(done.piece), already=folder.already
        )
        complete = not interrupted
    finally:
        folder.write(complete=complete)
    return interrupted


def _stream(given: Input, stream: IO[bytes], fail_on: Level | None, *, to_terminal: bool = False) -> int:
    from pisama.scale.lines import Tally

    tally = Tally()

    def take(found: Found[Lines]) -> None:
        lines = _lines(found)
        tally.add(lines)
        stream.write(bytes(lines))
        stream.flush()

    try:
        interrupted = examine(given, _job(given), take, quiet=to_terminal)
    except BrokenPipeError:
        # The reader has enough, as `| head` does. The exit code is that of what was found so far.
        write_to_nobody()
        interrupted = False
    if interrupted:
        _say_interrupted(f"{_counted(tally)} done, the rest was not examined")
        return INTERRUPTED
    return int(tally.exit_code(fail_on))


def _counted(tally: Tally) -> str:
    return f"{tally.traces:,} {'trace is' if tally.traces == 1 else 'traces are'}"


def _say_interrupted(rest: str) -> None:
    say(f"interrupted; {rest}")


def _job(given: Input) -> Job[Lines]:
    from pisama.config import ConfigError
    from pisama.pipe import Examiner
    from pisama.scale.lines import lines_of
    from pisama.scale.tasks import Job

    try:
        return Job(Examiner.of(given.config), lines_of, given.input_format)
    except ConfigError as error:
        fail(str(error))


def _lines(found: Found[Lines]) -> Lines:
    from pisama.report import LoadError
    from pisama.scale.lines import lines_of_error

    if not isinstance(found.item, LoadError):
        return found.item
    say(str(found.item))
    return lines_of_error(found.item)
