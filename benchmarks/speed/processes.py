"""Whole processes: processor time and peak memory of a command, as the kernel counts them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_KILOBYTE = 1024 if sys.platform != "darwin" else 1
"""Bytes in the unit in which the kernel gives memory."""


_ASK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss)
"""


@dataclass(frozen=True, slots=True)
class Process:
    """What one command took for one file."""

    megabytes: float
    """Of the file."""
    seconds: float
    """Of processor time, in the program and in the kernel."""
    peak: float
    """Most memory at a time, in megabytes."""


def analysed(file: Path) -> Process:
    """`pisama analyze` with all detectors."""
    command = [sys.executable, "-m", "pisama", "analyze", "--isolated", "--exit-zero", str(file)]
    return _on_file(command, file)


def linted(tracelint: Path, file: Path) -> Process:
    """`tracelint check` with all its rules, on a file of OpenTelemetry spans."""
    return _on_file([str(tracelint), "check", "--format", "otel", str(file)], file)


def used(command: Sequence[str], environment: Mapping[str, str] | None = None) -> tuple[float, float]:
    """Seconds of processor time, in the program and in the kernel, and the most memory at a time in megabytes.

    A small program starts the command and asks: to the kernel the memory of whoever starts a program is its own at first.
    """
    done = subprocess.run(  # noqa: S603 - this interpreter, and the program that was named
        [sys.executable, "-c", _ASK, *command], check=True, capture_output=True, env=environment, text=True
    )
    seconds, peak = map(float, done.stdout.split())
    return seconds, peak * _KILOBYTE / 1e6


def _on_file(command: Sequence[str], file: Path) -> Process:
    seconds, peak = used(command)
    return Process(file.stat().st_size / 1e6, seconds, peak)
