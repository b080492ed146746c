"""Analysing a run while it grows, at a cost per step that does not grow with it.

Detectors look at whole traces. As long as a run is short, all of it is analysed at every step. After that
each step is judged within the latest `WINDOW` steps, by those detectors whose issues such a window proves;
and the whole run is analysed again whenever it has grown by the factor `GROWTH`, by all that judge what
has been done and not how it ended. The work on whole runs is then a geometric series: per step, constant.
No step waits for it: whoever drives the engine does it beside the steps, in a thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias

from pisama.analysis import examine
from pisama.api import analyze_all
from pisama.config import Config
from pisama.detectors import Detector
from pisama.features import features
from pisama.issue import Issue, Level
from pisama.report import LoadError, Report, Suppressed, TraceReport
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

    def is_old(self, trace: Trace, issue: Issue) -> bool:
        """Whether an issue is older than the watch, which is asked only for what comes."""
        ...


Told: TypeAlias = tuple[Issue, bool]
"""An issue, and whether it was known and has become worse."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What was found in a run, or in the latest part of it."""

    failed_calls: frozenset[tuple[str | int, int]]
    issues: tuple[Issue, ...]


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
        self.failed_calls: set[tuple[str | int, int]] = set()
        """Calls of tools that failed, by their step and their place in it."""
        self.latest: tuple[Trace, ...] = ()
        """The runs, or their latest parts, as they were last looked at."""

    def look(self) -> Iterator[Told]:
        """What was not found before, or is worse now, when anything is new."""
        steps = self._source.steps
        if steps == self._seen:
            return
        self._seen = steps
        if steps <= SHORT:
            yield from self.take(self.whole())
            return
        latest = self._source.window(WINDOW)
        traces = [self._in_context(item) for item in latest if isinstance(item, Trace)]
        self.latest = tuple(traces)
        yield from self.take([self._judged(trace, self._windowed) for trace in traces])

    @property
    def is_whole_due(self) -> bool:
        """Whether the run has grown so much that all of it is to be analysed again."""
        return self._seen > SHORT and self._seen >= self._next_whole

    def whole(self) -> list[Judged]:
        """Analyses all of the run as far as it goes now; `take` is to have the result. Safe in another thread."""
        self._next_whole = max(SHORT, self._source.steps * GROWTH)
        traces = [item for item in self._source.whole() if isinstance(item, Trace)]
        self._contexts = {trace.id: trace for trace in traces}
        self.latest = tuple(traces)
        return [self._judged(trace, self._live) for trace in traces]

    def take(self, judged: Iterable[Judged]) -> Iterator[Told]:
        """What of this was not found before, or is worse now."""
        for trace in judged:
            self.failed_calls |= trace.failed_calls
            for issue in trace.issues:
                key = (issue.type, issue.signal, issue.fingerprint)
                before = self._known.get(key)
                if before is None or issue.level.floor > before.floor:
                    self._known[key] = issue.level
                    yield issue, before is not None

    def report(self, *, whole: bool) -> Report:
        """The report on all of it; `whole` says that the run has ended by itself."""
        loaded = list(self._source.whole())
        traces = [
            item if whole else replace(item, complete=False) for item in loaded if isinstance(item, Trace)
        ]
        report = analyze_all(traces, config=self._config, detectors=self._detectors)
        return replace(
            report,
            traces=tuple(map(self._without_old, report.traces)),
            errors=tuple(item for item in loaded if isinstance(item, LoadError)),
        )

    def _without_old(self, report: TraceReport) -> TraceReport:
        old = [issue for issue in report.issues if self._source.is_old(report.trace, issue)]
        if not old:
            return report
        kept = tuple(issue for issue in report.issues if issue not in old)
        suppressed = (Suppressed(issue, "baseline", "older than the watch") for issue in old)
        return replace(
            report,
            issues=kept,
            suppressed=(*report.suppressed, *suppressed),
            attribution=report.attribution if kept else None,
        )

    def _in_context(self, trace: Trace) -> Trace:
        """The part of a run, with what only its beginning tells."""
        known = self._contexts.get(trace.id)
        return replace(trace, task=known.task, tools=known.tools) if known is not None else trace

    def _judged(self, trace: Trace, detectors: tuple[Detector, ...]) -> Judged:
        trace = replace(trace, complete=False, final_answer=None)
        failed = {
            (call.step.span_id or call.step.index, call.number) for call in features(trace).failed_calls
        }
        issues = self._left_out.apply(examine(trace, detectors, self._config)).issues
        new = (issue for issue in issues if not self._source.is_old(trace, issue))
        return Judged(frozenset(failed), tuple(new))
