"""Examining many sources: in this process when they are small, else in several, with the same results in the same order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import Generic, Literal, TypeAlias, TypeVar

from pisama.loaders.base import Group, Piece
from pisama.loaders.pieces import may_hold_many, pieces
from pisama.loaders.remote import Remote
from pisama.pipe import Source, place_of, read
from pisama.report import LoadError
from pisama.scale.tasks import ExamineTask, Finished, Found, GroupTask, Job, ReadTask, Slot
from pisama.trace import Trace

Result = TypeVar("Result")
Jobs: TypeAlias = int | Literal["auto"]
Already: TypeAlias = Callable[[Piece], int | None]
"""How many traces and errors of a piece are dealt with already, from its start; None when all are."""

WORTH_IT = 4_000_000
"""Bytes of input from which processes are worth their start, which costs about as much as examining 1 MB."""
MANY = 1_000_000
"""Bytes from which a file is looked at for how many traces it may hold."""
STEPS = 200
"""Steps of traces that are examined as one task."""
STEP_BYTES = 1_000
"""What a step counts for where a trace is given and not a file."""


def count_of(jobs: Jobs) -> int:
    """How many processes are meant; `auto` is one for each core this process may use."""
    if jobs != "auto":
        return max(1, jobs)
    usable = getattr(os, "sched_getaffinity", None)
    return len(usable(0)) if usable is not None else os.cpu_count() or 1


def examined(
    sources: Iterable[Source | LoadError], job: Job[Result], jobs: Jobs = 1, already: Already = lambda _: 0
) -> Iterator[Found[Result] | Finished]:
    """What came of each trace of the sources, in their order, whatever `jobs` is.

    When interrupted, gives what was done and then raises `KeyboardInterrupt`.
    """
    planned = _planned(sources, job, already)
    count = count_of(jobs)
    if count > 1:
        first, enough = _enough(planned)
        planned = chain(first, planned)
        if enough:
            # Only here, because what starts processes takes long to import.
            from pisama.scale.pool import work

            yield from work(_slots(planned, count, job), count, job)
            return
    yield from _here(planned, job)


_Planned: TypeAlias = Trace | LoadError | ReadTask | GroupTask


def _planned(sources: Iterable[Source | LoadError], job: Job[Result], already: Already) -> Iterator[_Planned]:
    for source in sources:
        place = None if isinstance(source, Trace | LoadError) else place_of(source)
        if place is None:
            yield from read(source, input_format=job.input_format, limits=job.limits)
            continue
        for item in pieces(place, job.input_format, job.limits):
            if isinstance(item, Trace | LoadError):
                yield item
                continue
            skip = already(item.piece if isinstance(item, Group) else item)
            if skip is not None:
                yield GroupTask(item, skip) if isinstance(item, Group) else ReadTask(item, skip)


def _here(planned: Iterator[_Planned], job: Job[Result]) -> Iterator[Found[Result] | Finished]:
    for each in planned:
        if isinstance(each, Trace):
            yield Found(job.finish(job.examiner(each)))
        elif isinstance(each, LoadError):
            yield Found(each)
        else:
            for item in _items(each, job):
                done = item if isinstance(item, LoadError) else job.finish(job.examiner(item))
                yield Found(done, each.piece, item.at.line if item.at is not None else None)
            yield Finished(each.piece)


def _items(task: ReadTask | GroupTask, job: Job[Result]) -> Iterator[Trace | LoadError]:
    items = task.items(job)
    file = task.piece.file
    if isinstance(file, Remote) or task.piece.size < MANY or may_hold_many(task.piece):
        return items
    return _one_later(items)


def _one_later(items: Iterator[Trace | LoadError]) -> Iterator[Trace | LoadError]:
    """The same items, each when the one after it was looked for: with the last, what the file held is let go of."""
    held = next(items, None)
    while held is not None:
        following = next(items, None)
        yield held
        held = following


def _enough(planned: Iterator[_Planned]) -> tuple[list[_Planned], bool]:
    """The first of what is planned, and whether it is so much that processes are worth it."""
    first: list[_Planned] = []
    size = 0
    for each in planned:
        first.append(each)
        if isinstance(each, Trace):
            size += STEP_BYTES * len(each.steps)
        elif not isinstance(each, LoadError):
            size += each.piece.size
        if size < WORTH_IT:
            continue
        if len(first) > 1 or not isinstance(each, ReadTask) or may_hold_many(each.piece):
            return first, True
    return first, False


def _slots(planned: Iterator[_Planned], count: int, job: Job[Result]) -> Iterator[Slot[Result]]:
    """What is planned as tasks. The last few files are read here, so that their traces are shared among all."""
    ahead: deque[_Planned] = deque()
    batch = _Batch[Result]()
    while True:
        ahead.extend(islice(planned, count - len(ahead)))
        if not ahead:
            break
        each = ahead.popleft()
        if isinstance(each, Trace):
            yield from batch.add(each)
            continue
        yield from batch.slots()
        if isinstance(each, LoadError):
            yield Slot(found=deque([Found(each)]))
        elif isinstance(each, GroupTask) or (len(ahead) + 1 < count and _is_large(each.piece)):
            yield from _read_here(each, job)
        else:
            yield Slot(each, each.piece, finishes=True)
    yield from batch.slots()


def _is_large(piece: Piece) -> bool:
    return piece.size >= MANY and may_hold_many(piece)


def _read_here(task: ReadTask | GroupTask, job: Job[Result]) -> Iterator[Slot[Result]]:
    batch = _Batch[Result](task.piece)
    for item in task.items(job):
        if isinstance(item, Trace):
            yield from batch.add(item)
        else:
            yield from batch.slots()
            yield Slot(piece=task.piece, found=deque([Found(item, task.piece)]))
    yield from batch.slots()
    yield Slot(piece=task.piece, finishes=True)


class _Batch(Generic[Result]):
    """Traces that are examined as one task."""

    def __init__(self, piece: Piece | None = None) -> None:
        self._piece = piece
        self._traces: list[Trace] = []
        self._steps = 0

    def add(self, trace: Trace) -> Iterator[Slot[Result]]:
        """The task, when it is full with this trace."""
        self._traces.append(trace)
        self._steps += len(trace.steps)
        if self._steps >= STEPS:
            yield from self.slots()

    def slots(self) -> Iterator[Slot[Result]]:
        """The task with what there is so far, if there is anything."""
        if self._traces:
            yield Slot(ExamineTask(tuple(self._traces)), self._piece)
        self._traces, self._steps = [], 0
