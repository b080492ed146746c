"""Processor time and memory of loading and of each detector."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import orjson

import pisama
from pisama.analysis import totals
from pisama.detectors import Detector
from pisama.trace import Trace

MINIMUM = 0.02
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
    crashed: list[str] = field(default_factory=list)

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
    best = _once(inputs, detectors)
    for _ in range(repeat - 1):
        again = _once(inputs, detectors)
        best.parse, best.load = min(best.parse, again.parse), min(best.load, again.load)
        for name, seconds in again.detectors.items():
            best.detectors[name] = min(best.detectors[name], seconds)
    return best


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
                found.detectors[detector.id] += _seconds(partial(_run, detector, trace, found))
    return found


def _load(content: bytes, traces: list[Trace]) -> None:
    traces.extend(pisama.load(content).traces)


def _run(detector: Detector, trace: Trace, found: Timing) -> None:
    try:
        if all(need.recorded(trace) for need in detector.needs):
            for _ in detector.check(trace):
                pass
    except Exception as error:  # noqa: BLE001 - what crashes is reported beside the times
        found.crashed.append(f"{detector.id}: {type(error).__name__}: {error}")


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
                _run(detector, trace, Timing())
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
