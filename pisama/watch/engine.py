"""Analysing a run while it grows, at a cost per step that does not grow with it.

Detectors look at whole traces. As long as a run is short, all of it is analysed at every step. After that
each step is judged within the latest `WINDOW` steps, by those detectors whose issues such a window proves;
and the whole run is analysed again whenever it has grown by the factor `GROWTH`, by all that judge what
has been done and not how it ended. The work on whole runs is then a geometric series: per step, constant.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Protocol

from pisama.analysis import examine
from pisama.api import analyze_all
from pisama.config import Config
from pisama.detectors import Detector
from pisama.features import features
from pisama.issue import Issue, Level
from pisama.report import LoadError, Report
from pisama.suppression import Filter
from pisama.trace import Trace

WINDOW = 24
"""Steps that are looked at again with every new one."""
SHORT = 48
"""Up to so many steps a run is analysed whole at every step."""
GROWTH = 1.5
"""After that, whole again each time it has become so many times as long."""

UNSETTLED = frozenset({"derailment", "tool_error"})
"""Detectors of which a later step may take back what they said: a way back to the task, an error that is dealt
with after all. They are heard in the report. `python -m benchmarks.live` measures this for all of them."""
IN_WINDOW = frozenset({"loop", "malformed_output"})
"""Detectors whose issues hold for a run when they hold for a part of it, whatever came before."""


class Source(Protocol):
    """A growing record of runs."""

    @property
    def steps(self) -> int:
        """How many steps it has, about."""
        ...

    def whole(self) -> Iterable[Trace | LoadError]:
        """The runs so far."""
        ...

    def window(self, steps: int) -> Iterable[Trace | LoadError]:
        """The runs as far as their latest steps tell, so many of them at most."""
        ...


class Engine:
    """Finds the issues of a source, each once, and again when it has become worse."""

    def __init__(self, source: Source, detectors: tuple[Detector, ...], config: Config) -> None:
        self._source = source
        self._config = config
        self._left_out = Filter.of(config)
        self._detectors = detectors
        self._live = tuple(each for each in detectors if each.id not in UNSETTLED)
        self._windowed = tuple(each for each in detectors if each.id in IN_WINDOW)
        self._known: dict[tuple[str, str, str], Level] = {}
        self._contexts: dict[str, Trace] = {}
        self._seen = 0
        self._next_whole = 0.0
        self.failed_calls: set[tuple[str | None, int]] = set()
        """Calls of tools that failed, by the span of their step and their place in it."""

    def look(self) -> Iterator[tuple[Issue, bool]]:
        """Issues that were not found before, or are worse now (True), when anything is new."""
        steps = self._source.steps
        if steps == self._seen:
            return
        self._seen = steps
        if steps <= SHORT or steps >= self._next_whole:
            self._next_whole = max(SHORT, steps * GROWTH)
            traces = [item for item in self._source.whole() if isinstance(item, Trace)]
            self._contexts = {trace.id: trace for trace in traces}
            detectors = self._live
        else:
            latest = self._source.window(WINDOW)
            traces = [self._in_context(item) for item in latest if isinstance(item, Trace)]
            detectors = self._windowed
        for trace in traces:
            yield from self._judge(trace, detectors)

    def report(self, *, whole: bool) -> Report:
        """The report on all of it; `whole` says that the run has ended by itself."""
        loaded = list(self._source.whole())
        traces = [
            item if whole else replace(item, complete=False) for item in loaded if isinstance(item, Trace)
        ]
        report = analyze_all(traces, config=self._config, detectors=self._detectors)
        return replace(report, errors=tuple(item for item in loaded if isinstance(item, LoadError)))

    def _in_context(self, trace: Trace) -> Trace:
        """The part of a run, with what only its beginning tells."""
        known = self._contexts.get(trace.id)
        return replace(trace, task=known.task, tools=known.tools) if known is not None else trace

    def _judge(self, trace: Trace, detectors: tuple[Detector, ...]) -> Iterator[tuple[Issue, bool]]:
        trace = replace(trace, complete=False, final_answer=None)
        for call in features(trace).failed_calls:
            self.failed_calls.add((call.step.span_id, call.number))
        for issue in self._left_out.apply(examine(trace, detectors, self._config)).issues:
            key = (issue.type, issue.signal, issue.fingerprint)
            before = self._known.get(key)
            if before is None or issue.level.floor > before.floor:
                self._known[key] = issue.level
                yield issue, before is not None
