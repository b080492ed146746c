"""The part of the detectors' time that goes into what they share: the features of texts, each computed once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from unittest.mock import patch

import pisama
from benchmarks.speed.measure import calm, run
from pisama.detectors import Detector
from pisama.features import Features


def shared(inputs: Sequence[bytes], detectors: Sequence[Detector]) -> dict[str, float]:
    """Seconds of processor time by feature, each without the features that it is made of; the dearest first."""
    clock = _Clock()
    with calm(), patch.object(Features, "once", clock.timed(Features.once)):
        for content in inputs:
            for trace in pisama.load(content).traces:
                for detector in detectors:
                    run(detector, trace, [])
    return dict(sorted(clock.seconds.items(), key=lambda item: -item[1]))


class _Clock:
    """Seconds by name, those of an inner call taken from the outer one's."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._within = [0.0]

    def timed(self, once: Callable[..., object]) -> Callable[..., object]:
        """The same function, on the clock."""

        def on_the_clock(table: Features, what: str, text: str, compute: Callable[[str], object]) -> object:
            begin = time.process_time()
            self._within.append(0.0)
            try:
                return once(table, what, text, compute)
            finally:
                passed = time.process_time() - begin
                self.seconds[what] = self.seconds.get(what, 0.0) + passed - self._within.pop()
                self._within[-1] += passed

        return on_the_clock
