"""The processes that examine traces: what one does, and how it looks from the process that started it.

Each has a pipe of its own and sends every result as soon as it has it, before that a word about which trace it
begins. So when it dies it is known which trace killed it, what was finished is kept, and no other process is
touched. `concurrent.futures` and loky give up the whole pool when one process dies and cannot tell which task it
had; hence `multiprocessing` itself.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import Any, Literal, TypeAlias

from pisama.report import LoadError
from pisama.scale.tasks import Job, Task
from pisama.trace import Location

Message: TypeAlias = tuple[Literal["ready", "begins", "result", "done"], Any]
"""`begins` comes with the place of the trace, `result` with what came of it."""

PATIENCE = 5.0
"""Seconds that a process is given to end when it is told to."""


def processes() -> BaseContext:
    """How processes are started: from a server that has the imports done, where there is one; never by forking this one,
    which may have threads."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def serve(connection: Connection, job: Job[Any]) -> None:
    """Does one task after another until there is none."""
    # Ctrl-C reaches every process of the terminal; the first one decides what is kept.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    send: Callable[[Message], None] = connection.send
    try:
        send(("ready", None))
        while (task := connection.recv()) is not None:
            for item in task.items(job):
                if isinstance(item, LoadError):
                    send(("result", item))
                else:
                    send(("begins", item.at))
                    send(("result", job.finish(job.examiner(item))))
            send(("done", None))
    except (EOFError, BrokenPipeError):
        return  # whoever asked is gone


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """What is started within is not reached by Ctrl-C, not even before it can say so; this process is, right after."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Worker:
    """A process that does tasks."""

    def __init__(self, context: BaseContext, job: Job[Any]) -> None:
        """Starts it."""
        self.connection, theirs = context.Pipe()
        self._process: BaseProcess = context.Process(  # type: ignore[attr-defined]
            target=serve, args=(theirs, job), name="pisama", daemon=True
        )
        with _uninterrupted():
            self._process.start()
        theirs.close()
        self.ready = False
        """Whether it has said that it is there."""
        self.begun: Location | None = None
        """Where the trace stands that it examines; None between traces."""
        self.examines = False

    def ask(self, task: Task) -> None:
        """Hands it a task; it must have none. A process that died is noticed when it is listened to."""
        try:
            self.connection.send(task)
        except (BrokenPipeError, ConnectionResetError):
            return

    def hear(self) -> Message | None:
        """The next thing it says; None when it died."""
        try:
            message: Message = self.connection.recv()
        except (EOFError, ConnectionResetError, OSError):
            return None
        kind, content = message
        self.ready = True
        self.examines = kind == "begins"
        self.begun = content if kind == "begins" else None
        return message

    def how_it_ended(self) -> str:
        """In words, after it died."""
        self._process.join(PATIENCE)
        code = self._process.exitcode
        if code is None or code >= 0:
            return f"ended with exit code {code}"
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = "a signal"
        reason = ", as happens when memory runs out" if name == "SIGKILL" else ""
        return f"was ended by {name} (exit code {code}){reason}"

    def stop(self, *, now: bool) -> None:
        """Ends it: when its task is done, or at once."""
        if now:
            self._process.kill()
        else:
            self.ask_to_end()
        self._process.join(PATIENCE)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self.connection.close()

    def ask_to_end(self) -> None:
        """Lets it end when it has nothing more to do."""
        try:
            self.connection.send(None)
        except (BrokenPipeError, ConnectionResetError):
            return
