"""A guard against what would not end: patterns that backtrack, work that grows with the square of its input."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

CPU_SECONDS = 60
"""Far more than honest work on the largest input of a test takes on any machine; how busy it is does not count."""


@contextmanager
def no_hang() -> Iterator[None]:
    """Raises `TimeoutError` within the block once it has used `CPU_SECONDS` of processor time."""

    def give_up(_signal: int, _frame: object) -> None:
        raise TimeoutError(f"still at it after {CPU_SECONDS} seconds of processor time")

    before = signal.signal(signal.SIGVTALRM, give_up)
    signal.setitimer(signal.ITIMER_VIRTUAL, CPU_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
