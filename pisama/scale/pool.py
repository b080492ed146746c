"""Several processes at work on one list of tasks, with the results in the order of the tasks."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from multiprocessing.connection import wait
from typing import Any, Generic, TypeVar

from pisama.config import ConfigError
from pisama.report import LoadError
from pisama.scale.tasks import Finished, Found, Job, Slot
from pisama.scale.worker import Worker, processes
from pisama.trace import Location

Result = TypeVar("Result")

AHEAD = 4
"""Tasks that may be under way or waiting for their turn, for each process."""
WAITING = 64
"""Results of a task that are taken before it is its turn; then its process waits."""


def work(slots: Iterator[Slot[Result]], count: int, job: Job[Result]) -> Iterator[Found[Result] | Finished]:
    """The results of the slots, in their order, with the work done by `count` processes.

    A trace that kills its process is an error with the exit code; everything else is found all the same. When
    interrupted, gives what was done, in order, and then raises `KeyboardInterrupt`. Raises `ConfigError` when
    processes cannot be started.
    """
    pool = _Pool(slots, count, job)
    try:
        yield from pool.run()
    except KeyboardInterrupt:
        yield from pool.rest()
        raise
    finally:
        pool.stop()


class _Pool(Generic[Result]):
    def __init__(self, slots: Iterator[Slot[Result]], count: int, job: Job[Result]) -> None:
        self._slots = slots
        self._job = job
        self._count = count
        self._context = processes()
        self._busy: dict[Worker, Slot[Result]] = {}
        self._idle: list[Worker] = []
        self._queue: deque[Slot[Result]] = deque()
        """Everything under way or not yet handed on, in order."""
        self._again: deque[Slot[Result]] = deque()
        """What a process left behind that died."""
        self._complete = False

    def run(self) -> Iterator[Found[Result] | Finished]:
        """Until all is done."""
        while True:
            self._assign()
            yield from self._in_order()
            if not self._queue and not self._busy:
                if self._complete:
                    break
                continue
            if self._busy:
                self._listen()
        self._complete = True

    def rest(self) -> Iterator[Found[Result]]:
        """What was found and not yet handed on, what the processes have said and nobody heard among it."""
        for worker in tuple(self._busy):
            while worker in self._busy and worker.connection.poll():
                self._hear(worker)
        for place, slot in enumerate(self._queue):
            yield from (found._replace(early=place > 0) for found in slot.found)

    def stop(self) -> None:
        """Ends the processes: those that work at once."""
        for worker in self._idle:
            worker.ask_to_end()
        for worker in self._busy:
            worker.stop(now=True)
        for worker in self._idle:
            worker.stop(now=False)

    def _assign(self) -> None:
        """Gives work to all who have none, as long as there is some."""
        while len(self._busy) < self._count:
            slot = self._next()
            if slot is None:
                return
            if slot.task is None:
                slot.done = True
                continue
            worker = self._idle.pop() if self._idle else Worker(self._context, self._job)
            self._busy[worker] = slot
            worker.ask(slot.task)

    def _next(self) -> Slot[Result] | None:
        if self._again:
            return self._again.popleft()
        if self._complete or len(self._queue) >= AHEAD * self._count:
            return None
        slot = next(self._slots, None)
        if slot is None:
            self._complete = True
        else:
            self._queue.append(slot)
        return slot

    def _in_order(self) -> Iterator[Found[Result] | Finished]:
        while self._queue:
            slot = self._queue[0]
            while slot.found:
                yield slot.found.popleft()
            if not slot.done:
                return
            self._queue.popleft()
            if slot.finishes and slot.piece is not None:
                yield Finished(slot.piece)

    def _listen(self) -> None:
        first = self._queue[0]
        open_ends: dict[Any, Worker] = {
            worker.connection: worker
            for worker, slot in self._busy.items()
            if slot is first or len(slot.found) < WAITING
        }
        for end in wait(list(open_ends)):
            self._hear(open_ends[end])

    def _hear(self, worker: Worker) -> None:
        slot = self._busy[worker]
        was_ready, examines, begun = worker.ready, worker.examines, worker.begun
        message = worker.hear()
        if message is None:
            del self._busy[worker]
            if not was_ready:
                raise ConfigError(
                    f"a process to examine traces in could not be started: it {worker.how_it_ended()}; --jobs 1 does without"
                )
            self._died(worker, slot, begun if examines else None, examined=examines)
            return
        kind, content = message
        if kind == "result":
            slot.found.append(Found(content, slot.piece, begun.line if begun is not None else None))
            slot.task = slot.task.without(1) if slot.task is not None else None
        elif kind == "done":
            slot.done = True
            del self._busy[worker]
            self._idle.append(worker)

    def _died(self, worker: Worker, slot: Slot[Result], at: Location | None, *, examined: bool) -> None:
        """Keeps what was found, says what is lost, and has the rest done by another process."""
        assert slot.task is not None
        how = worker.how_it_ended()
        worker.connection.close()
        if examined:
            lost = LoadError(f"the process that examined this trace {how}; it is lost", at or slot.task.at)
            slot.task = slot.task.without(1)
        elif slot.died:
            lost = LoadError(f"the process that read this {how}, twice; what follows is lost", slot.task.at)
            slot.done = True
        else:
            slot.died += 1
            self._again.append(slot)
            return
        slot.found.append(Found(lost, slot.piece))
        if not slot.done:
            self._again.append(slot)
