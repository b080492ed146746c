"""Messages that an instrumentor wrote as log records, put back into the spans they belong to."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TypeAlias

from pisama.loaders import names
from pisama.loaders.span_kinds import kind_of
from pisama.loaders.spans import SpanEvent, SpanRecord
from pisama.loaders.values import as_string
from pisama.report import LoadError
from pisama.trace import JSON, Location

_MODEL_CALL = "llm"


@dataclass(frozen=True, slots=True)
class LogRecord:
    """A log record that is an event with a name."""

    trace_id: str
    span_id: str | None
    """None when it was written outside of every span."""
    name: str
    fields: Mapping[str, JSON] = field(default_factory=dict)
    """The fields of its body, and its attributes."""
    time: int | None = None
    scope: str | None = None
    resource: Mapping[str, JSON] = field(default_factory=dict)
    at: Location | None = None


Read: TypeAlias = SpanRecord | LogRecord | LoadError
"""One thing read from an export of spans, or why it could not be read."""


def with_logs(spans: Sequence[SpanRecord], logs: Iterable[LogRecord]) -> list[SpanRecord]:
    """The spans with the GenAI events of these logs among their own events.

    Logs without their spans make one model call for each span id they name. Logs outside of every
    span belong to the model call of the same session that began last before them.
    """
    told = [log for log in logs if log.name in names.MESSAGE_EVENT_NAMES]
    if not told:
        return list(spans)
    by_span: dict[tuple[str, str], list[LogRecord]] = {}
    loose: list[LogRecord] = []
    for log in told:
        if log.span_id is None:
            loose.append(log)
        else:
            by_span.setdefault((log.trace_id, log.span_id), []).append(log)
    _place(loose, spans, by_span)
    joined = [_with_events(span, by_span.pop((span.trace_id, span.id), ())) for span in spans]
    return joined + list(_model_calls(by_span))


def _place(
    loose: Iterable[LogRecord],
    spans: Iterable[SpanRecord],
    by_span: dict[tuple[str, str], list[LogRecord]],
) -> None:
    calls: dict[str, list[tuple[int, tuple[str, str]]]] = {}
    for span in spans:
        if span.start is not None and kind_of(span.name, span.attributes, span.kind) == _MODEL_CALL:
            session = session_of(span.attributes, span.resource)
            calls.setdefault(session, []).append((span.start, (span.trace_id, span.id)))
    for same in calls.values():
        same.sort()
    for log in loose:
        same = calls.get(session_of(log.fields, log.resource), [])
        place = bisect_right(same, log.time or 0, key=lambda call: call[0]) - 1
        if place >= 0:
            by_span.setdefault(same[place][1], []).append(log)


def session_of(attributes: Mapping[str, JSON], resource: Mapping[str, JSON]) -> str:
    """The session or conversation that a record belongs to; empty when it names none."""
    return as_string(names.look_up(attributes, names.SESSION) or names.look_up(resource, names.SESSION)) or ""


def _with_events(span: SpanRecord, logs: Sequence[LogRecord]) -> SpanRecord:
    if not logs:
        return span
    # The event repeats the attributes of the span, or has those that the span lacks.
    told = {name: value for log in logs for name, value in _call_attributes(log).items()}
    return replace(span, attributes={**told, **span.attributes}, events=[*span.events, *map(_event, logs)])


def _event(log: LogRecord) -> SpanEvent:
    return SpanEvent(log.name, log.fields, log.time)


def _model_calls(by_span: Mapping[tuple[str, str], list[LogRecord]]) -> Iterator[SpanRecord]:
    """A span for each that is only known from its logs."""
    for (trace_id, span_id), logs in by_span.items():
        times = [log.time for log in logs if log.time is not None]
        attributes: dict[str, JSON] = {"gen_ai.operation.name": "chat"}
        for log in logs:
            attributes.update(_call_attributes(log))
        first = logs[0]
        yield SpanRecord(
            id=span_id,
            parent_id=None,
            trace_id=trace_id,
            name="chat",
            start=min(times, default=None),
            end=max(times, default=None),
            kind=_MODEL_CALL,
            attributes=attributes,
            events=[_event(log) for log in _in_order(logs)],
            scope=first.scope,
            resource=first.resource,
            at=first.at,
        )


def _in_order(logs: list[LogRecord]) -> list[LogRecord]:
    times = [log.time or 0 for log in logs]
    if all(earlier <= later for earlier, later in pairwise(times)):
        return logs
    return sorted(logs, key=lambda log: log.time or 0)


def _call_attributes(log: LogRecord) -> dict[str, JSON]:
    """What an event of a whole model call tells about it beside its messages."""
    if log.name != names.INFERENCE_DETAILS:
        return {}
    messages = (names.INPUT_MESSAGES, names.OUTPUT_MESSAGES, names.SYSTEM_INSTRUCTIONS)
    return {
        name: value
        for name, value in log.fields.items()
        if name.startswith(("gen_ai.", "error.")) and name not in messages
    }
