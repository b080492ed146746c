"""Dify: workflow runs, the executions of their nodes, streams of events, and the messages of a chat."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import ClassVar

from pisama.loaders.base import Document, Loaded, Record
from pisama.loaders.dify_events import EVENTS, Found, read_events, text_events
from pisama.loaders.dify_nodes import hear_question, read_node, read_thoughts
from pisama.loaders.items import items, sample_items
from pisama.loaders.runs import RunBuilder, inside, run_name
from pisama.loaders.values import as_integer, as_list, as_mapping, as_string, as_text, first
from pisama.report import LoadError
from pisama.trace import JSON, Location, Trace

_LISTS = ("node_executions", "tracing", "data")
_OUTCOMES: Mapping[str, str] = {"failed": "error", "exception": "error", "stopped": "aborted"}
_RUNNING = frozenset(("running", "paused", "scheduled"))
_BEGINNING = 20_000
"""Characters of a text of events in which its first events are."""


class DifyLoader:
    """A run with its answer, a page of node executions, the events of a run, or messages of an agent app."""

    id: ClassVar[str] = "dify"
    title: ClassVar[str] = "Dify run"
    recognised_by: ClassVar[str] = (
        "`node_type` with `node_id`, `total_steps` with `elapsed_time`, events with a `task_id`, or `agent_thoughts`"
    )

    def sniff(self, document: Document) -> float:
        """By the fields of its nodes, runs, events and messages."""
        if document.text is not None:
            return (
                1.0 if any(_is_event(value) for _, value in text_events(document.text[:_BEGINNING])) else 0.0
            )
        for value in sample_items(document)[:5]:
            record = as_mapping(value)
            listed = [as_mapping(part) for part in _listed(record)[1][:1]]
            if _is_event(value) or _is_run(record) or any(map(_is_part, (record, *listed))):
                return 1.0
        return 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each run, and for each conversation of messages."""
        events: list[Record] = []
        nodes: list[Record] = []
        messages: list[Record] = []
        runs: list[Found] = []
        for record in _records(document):
            if isinstance(record, LoadError):
                yield record
                continue
            value = as_mapping(record.value)
            if _is_event(value):
                events.append(record)
            elif _is_node(value):
                nodes.append(record)
            elif _is_message(value):
                messages.append(record)
            else:
                yield from _read_page(record, runs, messages)
        runs += read_events(events)
        if nodes:
            runs.append(Found(nodes[0].at, nodes=nodes))
        for number, found in enumerate(runs):
            yield _trace(found, run_name(document, number), growing=document.growing)
        yield from _conversations(messages, document)


def _records(document: Document) -> Iterator[Record | LoadError]:
    if document.text is None:
        yield from items(document)
        return
    for number, value in text_events(document.text):
        yield Record(value, Location(document.path, number))


def _listed(record: Mapping[str, JSON]) -> tuple[str, list[JSON]]:
    """The list of a page, and its field."""
    return next(((name, as_list(record[name])) for name in _LISTS if as_list(record.get(name))), ("", []))


def _is_node(record: Mapping[str, JSON]) -> bool:
    return "node_type" in record and "node_id" in record and ("inputs" in record or "outputs" in record)


def _is_message(record: Mapping[str, JSON]) -> bool:
    return "agent_thoughts" in record and "query" in record


def _is_part(record: Mapping[str, JSON]) -> bool:
    return _is_node(record) or _is_message(record)


def _is_run(record: Mapping[str, JSON]) -> bool:
    return "total_steps" in record and "elapsed_time" in record and ("graph" in record or "outputs" in record)


def _is_event(value: JSON) -> bool:
    record = as_mapping(value)
    name = record.get("event")
    return isinstance(name, str) and name in EVENTS and ("task_id" in record or "workflow_run_id" in record)


def _read_page(record: Record, runs: list[Found], messages: list[Record]) -> Iterator[LoadError]:
    """A run, or a page of nodes or messages."""
    value = as_mapping(record.value)
    name, parts = _listed(value)
    found = Found(record.at, record=value if _is_run(value) else {})
    pages = len(messages)
    for number, part in enumerate(parts):
        inner = Record(part, inside(record.at, name, number))
        if _is_message(as_mapping(part)):
            messages.append(inner)
        elif _is_node(as_mapping(part)):
            found.nodes.append(inner)
        else:
            yield LoadError("neither a node execution nor a message", inner.at)
    if found.nodes or found.record:
        runs.append(found)
    elif not parts and pages == len(messages):
        yield LoadError("neither a run, a node, an event nor a message", record.at)


def _trace(found: Found, name: str, *, growing: bool) -> Trace:
    """A run out of its own record and its parts; either may be missing."""
    run = RunBuilder(found.at)
    record = found.record
    hear_question(run, as_mapping(record.get("inputs")), found.at)
    for part in sorted(found.nodes, key=_order):
        read_node(run, as_mapping(part.value), part.at)
    if not found.nodes:
        read_thoughts(run, found.thoughts, found.answer, found.at)
    status = as_string(record.get("status")) or ""
    run.outcome = _OUTCOMES.get(status)
    if run.answer is None:
        run.answer = as_text(first(as_mapping(record.get("outputs")), "answer", "text", "result", "output"))
    error = as_text(record.get("error"))
    trace = run.trace(
        as_string(record.get("id")) or found.name or name,
        DifyLoader.id,
        complete=not growing and status not in _RUNNING,
        metadata={"error": error} if error else None,
    )
    # A run alone says only what it was asked and what it answered.
    return trace if trace.steps else replace(trace, metadata={**trace.metadata, "content_recorded": False})


def _order(record: Record) -> int:
    return as_integer(as_mapping(record.value).get("index")) or 0


def _conversations(messages: list[Record], document: Document) -> Iterator[Trace]:
    runs: dict[str, RunBuilder] = {}
    for record in sorted(messages, key=_created):
        message = as_mapping(record.value)
        name = as_string(message.get("conversation_id")) or run_name(document)
        run = runs.setdefault(name, RunBuilder(record.at))
        hear_question(run, {"query": message.get("query")}, record.at)
        thoughts = [
            Record(thought, inside(record.at, "agent_thoughts", number))
            for number, thought in enumerate(as_list(message.get("agent_thoughts")))
        ]
        read_thoughts(run, thoughts, as_text(message.get("answer")) or "", record.at)
    for name, run in runs.items():
        yield run.trace(name, DifyLoader.id, complete=not document.growing, metadata={"session": name})


def _created(record: Record) -> int:
    return as_integer(as_mapping(record.value).get("created_at")) or 0
