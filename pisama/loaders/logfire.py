"""Logfire: rows of its `records` table, as its query API, its interface and its command line export them.

The columns are those of the query somebody wrote, so each of them may be missing but the ids.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import ClassVar

from pisama.loaders.base import Document, Loaded, Record
from pisama.loaders.items import items, read_each, sample_items
from pisama.loaders.names import PENDING, PENDING_PARENT, SPAN_TYPE
from pisama.loaders.otlp_json import STATUS, read_id
from pisama.loaders.span_traces import assemble_read
from pisama.loaders.spans import SpanEvent, SpanRecord
from pisama.loaders.values import (
    NANOSECONDS,
    as_list,
    as_mapping,
    as_nanoseconds,
    as_number,
    as_string,
    first,
    open_json,
)
from pisama.report import LoadError
from pisama.trace import JSON

_IDS = {"trace_id", "span_id"}
_OWN = frozenset(("start_timestamp", "otel_scope_name", "span_name", "otel_status_code", "is_exception"))


class LogfireLoader:
    """Logfire query results: `{"columns", "rows"}`, columns with their values, or rows alone."""

    id: ClassVar[str] = "logfire"
    title: ClassVar[str] = "Logfire query results"
    recognised_by: ClassVar[str] = (
        "rows or columns named `trace_id`, `span_id` and `start_timestamp` or `span_name`"
    )

    def sniff(self, document: Document) -> float:
        """Nearly certain of rows that have ids of spans and a column that only Logfire has."""
        for value in sample_items(document)[:3]:
            record = as_mapping(value)
            listed = as_list(record.get("rows")) or [record]
            columns = {as_string(as_mapping(column).get("name")) for column in as_list(record.get("columns"))}
            names = as_mapping(listed[0]).keys() | columns
            if names >= _IDS and names & _OWN:
                return 0.95
        return 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """The runs whose spans are among the rows."""
        yield from assemble_read(
            read_each(items(document), _read), format_id=self.id, growing=document.growing
        )


def _read(record: Record) -> Iterator[SpanRecord | LoadError]:
    for row in _rows(record):
        yield _read_span(as_mapping(row.value), row) or LoadError("a row without a span id", row.at)


def _rows(record: Record) -> Iterator[Record]:
    """The row, or the rows of a result written by rows or by columns."""
    value = as_mapping(record.value)
    if isinstance(value.get("rows"), list):
        for place, row in enumerate(as_list(value["rows"])):
            yield Record(row, replace(record.at, pointer=f"{record.at.pointer}/rows/{place}"))
        return
    columns = [as_mapping(column) for column in as_list(value.get("columns"))]
    if not columns:
        yield record
        return
    names = [as_string(column.get("name")) or "" for column in columns]
    lists = [as_list(column.get("values")) for column in columns]
    for place in range(max(map(len, lists))):
        row = {name: values[place] for name, values in zip(names, lists, strict=True) if place < len(values)}
        yield Record(row, replace(record.at, pointer=f"{record.at.pointer}/columns"))


def _read_span(row: Mapping[str, JSON], record: Record) -> SpanRecord | None:
    span_id = read_id(row.get("span_id"))
    if span_id is None:
        return None
    start = as_nanoseconds(row.get("start_timestamp"))
    end = as_nanoseconds(row.get("end_timestamp"))
    duration = as_number(row.get("duration"))
    if end is None and start is not None and duration is not None:
        end = start + round(duration * NANOSECONDS)
    attributes = dict(as_mapping(open_json(row.get("attributes"))))
    if row.get("kind") == PENDING:
        attributes.setdefault(SPAN_TYPE, PENDING)
        attributes.setdefault(PENDING_PARENT, row.get("pending_parent_id"))
    failed = row.get("is_exception") in (True, "true", "True")
    resource = as_mapping(open_json(row.get("otel_resource_attributes")))
    return SpanRecord(
        id=span_id,
        parent_id=read_id(row.get("parent_span_id")),
        trace_id=read_id(row.get("trace_id")) or "",
        name=as_string(first(row, "span_name", "message")) or "",
        start=start,
        end=end,
        status="error" if failed else STATUS.get(as_string(row.get("otel_status_code")) or ""),
        status_message=as_string(row.get("otel_status_message")),
        attributes=attributes,
        events=_events(row),
        scope=as_string(row.get("otel_scope_name")),
        resource={"service.name": row.get("service_name"), **resource},
        at=record.at,
    )


def _events(row: Mapping[str, JSON]) -> list[SpanEvent]:
    """The events of the row; an exception also has columns of its own."""
    events = [
        SpanEvent(
            as_string(first(event, "event_name", "name")) or "",
            as_mapping(event.get("attributes")),
            as_nanoseconds(first(event, "event_timestamp", "timestamp")),
        )
        for event in map(as_mapping, as_list(open_json(row.get("otel_events"))))
    ]
    message, kind = row.get("exception_message"), row.get("exception_type")
    if (message or kind) and not any(event.name == "exception" for event in events):
        events.append(SpanEvent("exception", {"exception.message": message, "exception.type": kind}))
    return events
