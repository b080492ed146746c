"""Langfuse: a trace downloaded from its pages or its API, and exports of observations.

Observations that came in over OpenTelemetry keep the attributes of their span in `metadata`, without
those that Langfuse took for its own fields; so both are read, the attributes first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from pisama.loaders import names
from pisama.loaders.base import Document, Loaded, Record
from pisama.loaders.beeai_events import join_events
from pisama.loaders.items import items, sample_items
from pisama.loaders.langfuse_fields import (
    cost_of,
    messages_of,
    offered_in,
    tool_input,
    tool_output,
    tool_spans,
    usage_of,
)
from pisama.loaders.runs import inside
from pisama.loaders.span_kinds import kind_of
from pisama.loaders.span_traces import assemble
from pisama.loaders.spans import SpanRecord
from pisama.loaders.values import as_list, as_mapping, as_nanoseconds, as_string, first, open_json
from pisama.report import LoadError
from pisama.trace import JSON, Location

_KINDS: Mapping[str, str | None] = {
    "GENERATION": "LLM",
    "AGENT": "AGENT",
    "TOOL": "TOOL",
    "CHAIN": "CHAIN",
    "RETRIEVER": "RETRIEVER",
    "EMBEDDING": "EMBEDDING",
    "EVALUATOR": "EVALUATOR",
    "GUARDRAIL": "GUARDRAIL",
    "SPAN": None,
    "EVENT": None,
}
"""Types of observations; a plain span says nothing, so its attributes decide."""
_ENVELOPE = frozenset(("attributes", "resourceAttributes", "scope"))


class LangfuseLoader:
    """A trace with its observations, as object or lines, or observations alone, as list, lines or CSV."""

    id: ClassVar[str] = "langfuse"
    title: ClassVar[str] = "Langfuse trace"
    recognised_by: ClassVar[str] = (
        "`observations` of a known `type`, or records with such a type and a `traceId`"
    )

    def sniff(self, document: Document) -> float:
        """Certain of observations, alone or in a trace."""
        for value in sample_items(document)[:5]:
            record = as_mapping(value)
            for candidate in (*_observations(record)[:3], value):
                if _is_observation(as_mapping(candidate)):
                    return 1.0
        return 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each trace id."""
        spans: list[SpanRecord] = []
        for record in items(document):
            for part in [record] if isinstance(record, LoadError) else _spans(record):
                if isinstance(part, LoadError):
                    yield part
                else:
                    spans.append(part)
        yield from assemble(tool_spans(join_events(spans)), format_id=self.id, growing=document.growing)


@dataclass(frozen=True, slots=True)
class _Run:
    """What a trace says of all its observations."""

    trace_id: str | None
    session: JSON
    given: JSON
    answered: JSON
    known: frozenset[str | None]
    """The ids of all observations; empty where the trace may go on in other records."""
    roots: int


def _is_observation(record: Mapping[str, JSON]) -> bool:
    if as_string(record.get("type")) not in _KINDS or "id" not in record:
        return False
    return any(
        name in record for name in ("traceId", "trace_id", "parentObservationId", "parent_observation_id")
    )


def _observations(record: Mapping[str, JSON]) -> list[JSON]:
    """The observations of a trace, or of a page of the API."""
    for holder in (record, as_mapping(record.get("trace"))):
        found = as_list(open_json(holder.get("observations")))
        if found:
            return found
    return as_list(record.get("data"))


def _spans(record: Record) -> Iterator[SpanRecord | LoadError]:
    value = as_mapping(record.value)
    found = _observations(value)
    if not found:
        yield _span(value, _run({}, []), record.at)
        return
    trace = as_mapping(value.get("trace")) or ({} if "data" in value else value)
    run = _run(trace, found)
    field = "data" if "data" in value else "observations"
    for number, observation in enumerate(found):
        yield _span(as_mapping(observation), run, inside(record.at, field, number))


def _run(trace: Mapping[str, JSON], found: list[JSON]) -> _Run:
    known = frozenset(as_string(as_mapping(observation).get("id")) for observation in found)
    roots = sum(_parent(as_mapping(observation)) not in known for observation in found)
    return _Run(
        as_string(trace.get("id")),
        first(trace, "sessionId", "session_id"),
        trace.get("input"),
        trace.get("output"),
        known if trace else frozenset(),
        roots,
    )


def _parent(record: Mapping[str, JSON]) -> str | None:
    return as_string(first(record, "parentObservationId", "parent_observation_id"))


def _span(record: Mapping[str, JSON], run: _Run, at: Location) -> SpanRecord | LoadError:
    span_id = as_string(record.get("id"))
    if span_id is None or as_string(record.get("type")) not in _KINDS:
        return LoadError("not an observation: no id or no known type", at)
    metadata = as_mapping(open_json(record.get("metadata")))
    scope = as_mapping(open_json(metadata.get("scope")))
    message = as_string(first(record, "statusMessage", "status_message"))
    name = as_string(record.get("name")) or ""
    attributes = as_mapping(open_json(metadata.get("attributes")))
    kind = _KINDS[str(record.get("type"))]
    parent_id = _parent(record)
    if run.known and parent_id not in run.known:
        # The caller's span, which is in another system; the trace here is whole.
        parent_id = None
    known = kind_of(name, attributes, kind)
    return SpanRecord(
        id=span_id,
        parent_id=parent_id,
        trace_id=as_string(first(record, "traceId", "trace_id")) or run.trace_id or "",
        name=name,
        start=as_nanoseconds(first(record, "startTime", "start_time")),
        end=as_nanoseconds(first(record, "endTime", "end_time")),
        kind=kind,
        status="error" if record.get("level") == "ERROR" else "ok",
        status_message=message,
        attributes=_attributes(record, attributes, metadata, known, run, parent_id),
        scope=as_string(scope.get("name")),
        resource=as_mapping(open_json(metadata.get("resourceAttributes"))),
        at=at,
    )


def _attributes(
    record: Mapping[str, JSON],
    attributes: Mapping[str, JSON],
    metadata: Mapping[str, JSON],
    kind: str | None,
    run: _Run,
    parent_id: str | None,
) -> dict[str, JSON]:
    """The attributes of the span, and what they lack out of the observation's own fields."""
    given, answered = record.get("input"), record.get("output")
    if run.roots == 1 and parent_id is None and kind != "llm":
        given = run.given if given is None else given
        answered = run.answered if answered is None else answered
    found = dict(attributes)
    rest: dict[str, JSON] = {key: value for key, value in metadata.items() if key not in _ENVELOPE}
    _fill(found, ("metadata",), rest or None)
    _fill(found, names.SESSION, run.session or first(record, "sessionId", "session_id"))
    if kind == "llm":
        _fill(found, names.MODEL, first(record, "model", "providedModelName", "provided_model_name"))
        usage = usage_of(record)
        _fill(found, names.INPUT_TOKENS, usage.input_tokens)
        _fill(found, names.OUTPUT_TOKENS, usage.output_tokens)
        _fill(found, names.CACHED_TOKENS, usage.cached_tokens)
        _fill(found, names.COST, cost_of(record))
        _fill(found, names.TOOL_DEFINITIONS, _definitions(record, rest) or offered_in(given) or None)
        _fill(found, (names.INPUT_MESSAGES,), messages_of(given, "user"))
        _fill(found, (names.OUTPUT_MESSAGES,), messages_of(answered, "assistant"))
    elif kind == "tool":
        _fill(found, names.TOOL_ARGUMENTS, tool_input(given))
        _fill(found, names.TOOL_RESULT, tool_output(answered))
        return found
    _fill(found, ("input.value",), given)
    _fill(found, ("output.value",), answered)
    return found


def _fill(attributes: dict[str, JSON], known: names.Names, value: JSON) -> None:
    """Sets the first of these names unless one of them is there already."""
    if value is not None and names.look_up(attributes, known) is None:
        attributes[known[0]] = value


def _definitions(record: Mapping[str, JSON], metadata: Mapping[str, JSON]) -> JSON:
    """The tools a model call was offered."""
    defined = as_mapping(open_json(first(record, "toolDefinitions", "tool_definitions")))
    tools: list[JSON] = [
        {"name": name, **as_mapping(open_json(definition))} for name, definition in defined.items()
    ]
    return tools or open_json(metadata.get("tools"))
