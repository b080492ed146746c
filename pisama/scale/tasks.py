"""What one process asks of another: to read and examine a piece of the input, or to examine traces that were read."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

from pisama.limits import Limits
from pisama.loaders.base import Group, Piece
from pisama.loaders.pieces import read_piece
from pisama.pipe import Examiner
from pisama.report import LoadError, TraceReport
from pisama.trace import Location, Trace

Result = TypeVar("Result")


class Job(NamedTuple, Generic[Result]):
    """What is done with every trace, in whatever process."""

    examiner: Examiner
    finish: Callable[[TraceReport], Result]
    """Makes of a report what is asked for; a function of a module, so that it can be sent to other processes."""
    input_format: str | None = None

    @property
    def limits(self) -> Limits:
        """How much is read at most."""
        return self.examiner.config.limits


class ReadTask(NamedTuple):
    """Read a piece and examine its traces."""

    piece: Piece
    skip: int = 0
    """Traces and errors at its start that are dealt with already."""

    def items(self, job: Job[Any]) -> Iterator[Trace | LoadError]:
        """What there is to examine, or to hand on."""
        return islice(read_piece(self.piece, job.input_format, job.limits), self.skip, None)

    def without(self, count: int) -> ReadTask:
        """The same without the next `count` traces and errors."""
        return ReadTask(self.piece, self.skip + count)

    @property
    def at(self) -> Location:
        """What it is about."""
        return Location(self.piece.path)


class GroupTask(NamedTuple):
    """Read files that belong together, in the process that found them together, and have their traces examined."""

    group: Group
    skip: int = 0

    @property
    def piece(self) -> Piece:
        """What stands for the files."""
        return self.group.piece

    def items(self, _job: Job[Any]) -> Iterator[Trace | LoadError]:
        """What there is to examine, or to hand on."""
        return islice(self.group.read(), self.skip, None)


class ExamineTask(NamedTuple):
    """Examine traces that were read already."""

    traces: tuple[Trace, ...]

    def items(self, _job: Job[Any]) -> Iterator[Trace | LoadError]:
        """What there is to examine."""
        return iter(self.traces)

    def without(self, count: int) -> ExamineTask:
        """The same without the next `count` traces."""
        return ExamineTask(self.traces[count:])

    @property
    def at(self) -> Location:
        """What it is about."""
        return next((trace.at for trace in self.traces if trace.at is not None), Location())


Task: TypeAlias = ReadTask | ExamineTask


class Found(NamedTuple, Generic[Result]):
    """What came of one trace, or what could not be read."""

    item: Result | LoadError
    piece: Piece | None = None
    """The piece it is of; None for what is no piece."""
    line: int | None = None
    """Line of the piece that it begins in."""
    early: bool = False
    """It was found before its turn, and what is before it is missing, because the work was interrupted."""


class Finished(NamedTuple):
    """All of a piece was found."""

    piece: Piece


@dataclass(slots=True)
class Slot(Generic[Result]):
    """One task and its results; or results alone, where nothing is left to do."""

    task: Task | None = None
    piece: Piece | None = None
    found: deque[Found[Result]] = field(default_factory=deque)
    finishes: bool = False
    """The piece is finished with this."""
    done: bool = False
    died: int = 0
    """How often a process died with it while it examined nothing."""
