"""What `analyze`, `baseline` and `stats` are given, and the traces of it examined, with what was done kept on Ctrl-C."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pisama.flags import Engine, fail, say

if TYPE_CHECKING:
    from pisama.config import Config
    from pisama.loaders.base import Piece
    from pisama.report import LoadError, Report, TraceReport
    from pisama.scale.jobs import Already, Jobs
    from pisama.scale.tasks import Finished, Found, Job

Result = TypeVar("Result")

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it: 128 and the number of the signal."""
_WILD = "*?["
_SAMPLE = 1_000_000


@dataclass(frozen=True, slots=True)
class Input:
    """What is to be examined, and how."""

    paths: Sequence[str]
    config: Config
    input_format: str | None = None
    jobs: Jobs = "auto"
    engine: Engine = Engine.LOCAL
    address: str | None = None

    def sources(self) -> Iterator[Path | str | bytes | LoadError]:
        """Each path, the files of each pattern, and standard input when it is its turn."""
        from pisama.loaders.remote import is_remote

        for path in self.paths:
            if path == "-":
                yield self._standard_input()
            elif is_remote(path):
                yield path
            elif any(mark in path for mark in _WILD) and not Path(path).exists():
                yield from _matching(path)
            else:
                yield Path(path)

    def _standard_input(self) -> bytes | LoadError:
        from pisama.loaders.streams import read_pipe, why
        from pisama.report import LoadError
        from pisama.trace import Location

        try:
            return read_pipe(sys.stdin.buffer, self.config.limits)
        except OSError as error:
            return LoadError(why(error), Location(), fatal=True)

    def size(self) -> int:
        """Bytes of the files that lie here; 0 when there is anything else, of which nobody knows."""
        from pisama.loaders import find_files

        if not all(map(_lies_here, self.paths)):
            return 0
        files = (file for path in self.named() for file in find_files(path))
        return sum(file.stat().st_size for file in files if file.is_file())

    def named(self) -> Iterator[Path]:
        """The files and folders that lie here and are named, or that a pattern names."""
        for path in filter(_lies_here, self.paths):
            yield from [Path(path)] if Path(path).exists() else _matching(path)


def report_on(given: Input) -> tuple[Report, bool]:
    """The report, and whether Ctrl-C ended it early."""
    from pisama.api import Collected, as_it_is
    from pisama.config import ConfigError
    from pisama.pipe import Examiner
    from pisama.report import LoadError
    from pisama.scale.tasks import Job
    from pisama.trace import Location

    try:
        collected = Collected(Examiner.of(given.config))
    except ConfigError as error:
        fail(str(error))
    last = Location(given.paths[0])

    def take(found: Found[TraceReport]) -> None:
        nonlocal last
        item = found.item
        last = item.at if isinstance(item, LoadError) else item.trace.at or last
        collected.add(item)

    interrupted = examine(given, Job(collected.examiner, as_it_is, given.input_format), take)
    if interrupted:
        collected.add(LoadError("interrupted; the rest was not examined", Location(last.path)))
    report = collected.report()
    for problem in report.errors:
        say(str(problem))
    return report, interrupted


def examine(
    given: Input,
    job: Job[Result],
    take: Callable[[Found[Result]], None],
    finish: Callable[[Finished], None] = lambda _: None,
    already: Already = lambda _: 0,
    *,
    quiet: bool = False,
) -> bool:
    """Hands over what came of each trace, in order; says whether Ctrl-C ended it early.

    `quiet` shows no progress: the terminal has the results.
    """
    from contextlib import nullcontext

    from pisama.config import ConfigError
    from pisama.output.progress import progress
    from pisama.scale.tasks import Found

    with nullcontext() if quiet else progress(given.size) as advance:
        pace = _Pace()
        try:
            for found in _found(given, job, already):
                if isinstance(found, Found):
                    take(found)
                else:
                    finish(found)
                if advance is not None:
                    pace.note(found)
                    advance(pace.traces, pace.size)
        except ConfigError as error:
            fail(str(error))
        except KeyboardInterrupt:
            return True
    return False


def _found(given: Input, job: Job[Result], already: Already) -> Iterator[Found[Result] | Finished]:
    if given.engine is Engine.RAY:
        from pisama.scale.ray import examined_on_ray

        return examined_on_ray(given.sources(), job, given.address, already)
    from pisama.scale.jobs import examined

    return examined(given.sources(), job, given.jobs, already)


def _lies_here(path: str) -> bool:
    return path != "-" and "://" not in path


def _matching(pattern: str) -> Iterator[Path]:
    """The files that a pattern names, sorted; the pattern itself when it names none, so that its absence is told."""
    from glob import glob

    found = sorted(glob(pattern, recursive=True))  # noqa: PTH207 - a pattern may be absolute
    yield from map(Path, found or [pattern])


class _Pace:
    """How far the work is."""

    def __init__(self) -> None:
        self.traces = 0
        self.size = 0.0
        self._finished = 0
        self._piece: Piece | None = None
        self._lines = 0

    def note(self, found: Found[Result] | Finished) -> None:
        """The next thing that was found."""
        from pisama.report import LoadError
        from pisama.scale.tasks import Found

        if not isinstance(found, Found):
            self._finished += found.piece.size
            self.size = self._finished
            return
        self.traces += not isinstance(found.item, LoadError)
        if found.piece is not None and found.line is not None:
            if found.piece is not self._piece:
                self._piece, self._lines = found.piece, _lines_in(found.piece)
            part = min(1.0, found.line / self._lines)
            self.size = self._finished + part * found.piece.size


def _lines_in(piece: Piece) -> int:
    """About how many lines a file has, as its beginning suggests."""
    if not isinstance(piece.file, Path):
        return sys.maxsize
    try:
        with piece.file.open("rb") as stream:
            head = stream.read(_SAMPLE)
    except OSError:
        return sys.maxsize
    return max(1, round(head.count(b"\n") * piece.size / max(1, len(head))))
