"""Progress of a long run, on standard error, only when that is a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE = 1.0
"""Seconds before anything is shown: short runs need no progress."""


@contextmanager
def progress(done_with: str = "analysed") -> Iterator[Callable[[int], None]]:
    """A function to be told how many traces are done; what it shows is gone at the end."""
    if not sys.stderr.isatty():
        yield lambda _done: None
        return
    started = shown = time.monotonic()

    def advance(done: int) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - started > PATIENCE and now - shown > 0.1:
            shown = now
            rate = done / (now - started)
            sys.stderr.write(f"\r\x1b[K{done:,} traces {done_with}, {rate:,.0f} per second")
            sys.stderr.flush()

    try:
        yield advance
    finally:
        if shown != started:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
