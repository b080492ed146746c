"""What is aimed at, and how far a measurement is from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from benchmarks.speed.growth import Growth
from benchmarks.speed.measure import Timing
from benchmarks.speed.processes import Process

OF_PARSING = 10.0
"""Times `orjson.loads` of the same bytes that loading and all detectors may take."""
OF_TRACELINT = 1.0
"""Times the processor seconds of tracelint on the same file."""
CHAT_SECONDS = 10.0
"""For the file of chat messages, at which tracelint's time grows with the square of its length."""
OF_FILE = 4.0
"""Peak memory of a process, as a multiple of the file it reads."""
TIME_GROWTH, MEMORY_GROWTH = 11.0, 10.0
"""For ten times the steps."""
OF_BARE_PROGRAM = 1.5
"""`pisama --help`, as a multiple of the least program of its kind."""
SMALL_SECONDS = 0.35
"""Processor time of `pisama analyze` for a small trace: its wall time where nothing else runs."""


@dataclass(frozen=True, slots=True)
class Target:
    """One figure beside its limit; both in the same unit."""

    name: str
    figure: float
    limit: float
    unit: str
    """`×` for a ratio, `s` for seconds."""

    @property
    def met(self) -> bool:
        """Whether the figure is within the limit."""
        return self.figure <= self.limit


@dataclass(slots=True)
class Measured:
    """Everything that one run of the benchmark found."""

    times: Timing
    files: Mapping[str, Process]
    """By the name of the made file: `pisama analyze` on it."""
    beside: Mapping[str, Process]
    """The same files and tracelint; empty where it was not given."""
    shapes: Mapping[str, Growth]
    loaders: Mapping[str, Growth]
    """By id: loading alone."""
    startup: Mapping[str, float]
    """Seconds of processor time: the bare program, `--help`, a small trace."""
    targets: list[Target] = field(default_factory=list)


def targets(found: Measured) -> list[Target]:
    """Every target that could be measured, in a fixed order."""
    listed = [
        Target(
            "loading and all detectors, of orjson.loads",
            found.times.whole / found.times.parse,
            OF_PARSING,
            "×",
        )
    ]
    listed += _of_files(found)
    listed += of_growth(found.shapes, found.loaders)
    bare, helped, small = found.startup.values()
    listed.append(Target("`pisama --help`, of a bare program's", helped / bare, OF_BARE_PROGRAM, "×"))
    listed.append(Target("`pisama analyze` of 50 kB, processor time", small, SMALL_SECONDS, "s"))
    return listed


def _of_files(found: Measured) -> Iterable[Target]:
    for name, process in found.files.items():
        if name == "chat messages":
            yield Target(
                f"{name}, {process.megabytes:.0f} MB, processor time", process.seconds, CHAT_SECONDS, "s"
            )
        elif name in found.beside:
            ratio = process.seconds / found.beside[name].seconds
            yield Target(
                f"{name}, {process.megabytes:.0f} MB, of tracelint's processor time", ratio, OF_TRACELINT, "×"
            )
        yield Target(f"{name}, peak memory, of the file", process.peak / process.megabytes, OF_FILE, "×")


def of_growth(shapes: Mapping[str, Growth], loaders: Mapping[str, Growth]) -> Iterable[Target]:
    """The targets for ten times the length."""
    what = "10 times as long"
    for runs, found in (("made runs", shapes.values()), ("recordings of each format", loaders.values())):
        if found:
            slowest = max(each.load for each in found)
            yield Target(f"{runs}, {what}: slowest growth of loading", slowest, TIME_GROWTH, "×")
        if any(each.each for each in found):
            worst = max(each.worst[1] for each in found)
            yield Target(f"{runs}, {what}: slowest growth of a detector", worst, TIME_GROWTH, "×")
        if found:
            most = max(each.memory for each in found)
            yield Target(f"{runs}, {what}: growth of memory", most, MEMORY_GROWTH, "×")
