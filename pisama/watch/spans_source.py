"""The spans of a session as a growing record of runs."""

from __future__ import annotations

from collections.abc import Iterable

from pisama.issue import Issue
from pisama.loaders.otlp import read_request, runs_of
from pisama.loaders.span_kinds import kind_of
from pisama.loaders.span_logs import LogRecord
from pisama.loaders.spans import SpanRecord
from pisama.report import LoadError
from pisama.trace import JSON, Location, Trace

MAX_PER_STEP = 16
"""Spans, or log records, in a window for each of its steps."""


class SpansSource:
    """Takes OTLP/JSON requests; gives the traces in them."""

    def __init__(self) -> None:
        self._spans: list[SpanRecord] = []
        self._logs: list[LogRecord] = []
        self._model_calls: list[int] = []

    @property
    def steps(self) -> int:
        """How many calls of models were recorded, duplicates counted twice."""
        return len(self._model_calls)

    def add(self, request: dict[str, JSON], at: Location) -> list[SpanRecord]:
        """Takes in one request; its spans."""
        new: list[SpanRecord] = []
        for item in read_request(request, at):
            if isinstance(item, LogRecord):
                self._logs.append(item)
            elif not isinstance(item, LoadError):
                if kind_of(item.name, item.attributes, item.kind) == "llm":
                    self._model_calls.append(len(self._spans))
                self._spans.append(item)
                new.append(item)
        return new

    def whole(self) -> Iterable[Trace | LoadError]:
        """The runs so far."""
        return runs_of((*self._spans, *self._logs))

    def window(self, steps: int) -> Iterable[Trace | LoadError]:
        """The runs in the spans since the call of a model so many calls ago."""
        latest = self._model_calls[-steps:]
        bound = steps * MAX_PER_STEP
        spans = self._spans[max(latest[0] if latest else 0, len(self._spans) - bound) :]
        kept = {(span.trace_id, span.id) for span in spans}
        logs = [log for log in self._logs[-bound:] if (log.trace_id, log.span_id) in kept]
        return runs_of((*spans, *logs)) if spans else ()

    def is_old(self, trace: Trace, issue: Issue) -> bool:  # noqa: ARG002 - a session records from its beginning
        """Nothing is."""
        return False
