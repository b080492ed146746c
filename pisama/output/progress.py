"""Progress of a long run, on standard error, only when that is a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

PATIENCE = 1.0
"""Seconds before anything is shown: short runs need no progress."""

Advance = Callable[[int, float], None]
"""Told how many traces are done, and how many bytes of the input."""


@contextmanager
def progress(total: Callable[[], int]) -> Iterator[Advance | None]:
    """A function to be told how far the work is, None off a terminal; what it shows is gone at the end.

    `total` says how many bytes there are, 0 when that is not known; it is asked once something is shown.
    """
    if not sys.stderr.isatty():
        yield None
        return
    shown = _Shown(total)
    try:
        yield shown.advance
    finally:
        shown.stop()


class _Shown:
    def __init__(self, total: Callable[[], int]) -> None:
        self._total = total
        self._started = time.monotonic()
        self._progress: Progress | None = None

    def advance(self, traces: int, size: float) -> None:
        elapsed = time.monotonic() - self._started
        if elapsed < PATIENCE:
            return
        if self._progress is None:
            self._progress = self._start()
        (task,) = self._progress.task_ids
        self._progress.update(task, completed=size, traces=traces, rate=traces / elapsed)

    def _start(self) -> Progress:
        # Imported when it is needed: most runs are over before.
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        told = TextColumn("{task.fields[traces]:,} traces, {task.fields[rate]:,.1f} a second")
        columns = (told, BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        shown = Progress(*columns, console=Console(stderr=True), transient=True, speed_estimate_period=60)
        shown.add_task("", total=self._total() or None, traces=0, rate=0.0)
        shown.start()
        return shown

    def stop(self) -> None:
        if self._progress is not None:
            self._progress.stop()
