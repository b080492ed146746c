"""A limit to the processor time that a detector may use on one trace.

In the main thread of a process a timer interrupts whatever runs, a pattern that is being searched for too. In other
threads, and on Windows, the clock is looked at wherever the shared features of a trace are asked for and between two
issues. A call into compiled code that does not return is not interrupted by either.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class OverBudgetError(BaseException):
    """The time is over. Not an `Exception`, so that nothing on the way takes it for a failure of its own."""


_now = threading.local()
"""`until`: the processor time of this thread at which its budget ends."""


@contextmanager
def budget(seconds: float) -> Iterator[None]:
    """Raises `OverBudgetError` within the block once it has used so many seconds of processor time."""
    _now.until = time.thread_time() + seconds
    timed = _starts_timer(seconds)
    try:
        yield
    finally:
        _now.until = None
        if timed:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.signal(signal.SIGPROF, signal.SIG_DFL)


def check_budget() -> None:
    """Raises `OverBudgetError` when the time of the block around this is over."""
    until = getattr(_now, "until", None)
    if until is not None and time.thread_time() > until:
        raise OverBudgetError


def _starts_timer(seconds: float) -> bool:
    """Whether a timer was started: only the main thread gets signals, and a profiler may have taken this one."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        return False
    if signal.getsignal(signal.SIGPROF) is not signal.SIG_DFL or signal.getitimer(signal.ITIMER_PROF) != (
        0.0,
        0.0,
    ):
        return False
    signal.signal(signal.SIGPROF, _give_up)
    # It rings again, in case the first ring comes where nothing can be raised, as in a destructor.
    signal.setitimer(signal.ITIMER_PROF, seconds, 1.0)
    return True


def _give_up(_signal: int, _frame: object) -> None:
    if getattr(_now, "until", None) is not None:
        raise OverBudgetError
