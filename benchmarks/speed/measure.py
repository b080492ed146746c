"""Processor time and memory of loading and of each detector."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

import orjson

import pisama
from pisama.analysis import totals
from pisama.detectors import Detector
from pisama.trace import Trace

COLLECTOR = (100_000, 50, 50)
"""Thresholds of Python's garbage collector, as the command `pisama` sets them."""
MINIMUM = 0.05
"""Seconds under which a time is too short for its growth to mean anything."""


@dataclass(slots=True)
class Timing:
    """Seconds of processor time for one set of inputs, the least of the repetitions."""

    parse: float = 0.0
    """`orjson.loads` of the same bytes, of those that are one JSON value."""
    load: float = 0.0
    """`pisama.load`, parsing included."""
    detectors: dict[str, float] = field(default_factory=dict)
    """By detector, in the order they run; what detectors share is charged to the first that asks."""
    shared: dict[str, float] = field(default_factory=dict)
    """By feature of texts: the part of the detectors' time that goes into what they share. Empty where not asked for."""
    crashed: list[str] = field(default_factory=list)

    def reduce(self, again: Timing) -> None:
        """Takes each time of another repetition where it is less."""
        self.parse, self.load = min(self.parse, again.parse), min(self.load, again.load)
        for name, seconds in again.detectors.items():
            self.detectors[name] = min(self.detectors[name], seconds)

    @property
    def analysis(self) -> float:
        """All detectors together."""
        return sum(self.detectors.values())

    @property
    def whole(self) -> float:
        """Loading and all detectors."""
        return self.load + self.analysis


def timed(inputs: Sequence[bytes], detectors: Sequence[Detector], repeat: int) -> Timing:
    """How long these inputs take."""
    return timed_by_turns((inputs,), detectors, repeat)[0]


def timed_by_turns(
    several: Sequence[Sequence[bytes]], detectors: Sequence[Detector], repeat: int
) -> list[Timing]:
    """How long each of several sets of inputs takes, one after the other in each repetition: when the machine is
    slower for a while, it is so for all of them."""
    with calm():
        best, *others = ([_once(inputs, detectors) for inputs in several] for _ in range(repeat))
    for again in others:
        for least, found in zip(best, again, strict=True):
            least.reduce(found)
    return best


@contextmanager
def calm() -> Iterator[None]:
    """With the garbage collector as the command sets it: how often it goes through the whole trace, by chance more
    often in one run than in the other, would pass for growth."""
    before = gc.get_threshold()
    gc.set_threshold(*COLLECTOR)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _once(inputs: Sequence[bytes], detectors: Sequence[Detector]) -> Timing:
    found = Timing(detectors={detector.id: 0.0 for detector in detectors})
    for content in inputs:
        gc.collect()
        with suppress(orjson.JSONDecodeError):
            found.parse += _seconds(partial(orjson.loads, content))
        traces: list[Trace] = []
        found.load += _seconds(partial(_load, content, traces))
        for trace in traces:
            for detector in detectors:
                found.detectors[detector.id] += _seconds(partial(run, detector, trace, found.crashed))
    return found


def _load(content: bytes, traces: list[Trace]) -> None:
    traces.extend(pisama.load(content).traces)


def run(detector: Detector, trace: Trace, crashed: list[str]) -> None:
    """Runs a detector; what it raises is added to the list, to be told beside the times."""
    try:
        if all(need.recorded(trace) for need in detector.needs):
            for _ in detector.check(trace):
                pass
    except Exception as error:  # noqa: BLE001
        crashed.append(f"{detector.id}: {type(error).__name__}: {error}")


def _seconds(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def peak(content: bytes, detectors: Sequence[Detector]) -> int:
    """Most bytes allocated at a time while an input is loaded and examined."""
    gc.collect()
    tracemalloc.start()
    try:
        for trace in pisama.load(content).traces:
            totals(trace)
            for detector in detectors:
                run(detector, trace, [])
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
