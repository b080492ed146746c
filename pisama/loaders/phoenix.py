"""Arize Phoenix: spans from its REST API, from its dataframes (saved as JSON, CSV or Parquet), and from its database.

Dataframes have a column for each attribute; in CSV, lists and objects are written as Python prints them. The
database is the `phoenix.db` of a server that runs without PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import ClassVar

from pisama.loaders.base import Document, Loaded, Record
from pisama.loaders.items import items, sample_items
from pisama.loaders.nested_attributes import flat
from pisama.loaders.otlp_json import STATUS, Read, read_id, read_span
from pisama.loaders.python_text import open_python
from pisama.loaders.span_traces import assemble
from pisama.loaders.spans import SpanEvent, SpanRecord
from pisama.loaders.values import as_list, as_mapping, as_nanoseconds, as_string, first, open_json
from pisama.report import LoadError
from pisama.trace import JSON, Location

_PREFIX = "attributes."
_SPANS, _TRACES = "spans", "traces"
_COLUMNS = frozenset(("trace_rowid", "span_id", "attributes"))
_MISSING = frozenset(("", "None", "nan", "NaN", "NaT"))
_NO_TEXT = (
    *("llm.input_messages", "llm.output_messages", "llm.tools", "llm.prompts"),
    "tool.parameters",
    "metadata",
)
"""Columns that hold lists or objects; the text of others is text even where it begins with a bracket."""


class PhoenixLoader:
    """Phoenix spans: answers of `/spans` and `/spans/otlpv1`, dataframes as JSON, CSV or Parquet, and `phoenix.db`."""

    id: ClassVar[str] = "phoenix"
    title: ClassVar[str] = "Phoenix spans"
    recognised_by: ClassVar[str] = (
        "`context.span_id` columns, spans under `data` with `span_kind` or `span_id`, or a database with `spans`"
    )

    def sniff(self, document: Document) -> float:
        """Certain of the columns of a dataframe or of the database; nearly so of a list of spans under `data`."""
        if _SPANS in document.tables and set(document.tables[_SPANS].columns) >= _COLUMNS:
            return 1.0
        for value in sample_items(document)[:5]:
            record = as_mapping(value)
            if {"context.span_id", "context.trace_id"} <= record.keys():
                return 1.0
            span = as_mapping((as_list(record.get("data")) or [record])[0])
            context = as_mapping(span.get("context"))
            if "span_kind" in span and {"trace_id", "span_id"} <= context.keys():
                return 0.95
            if "data" in record and {"span_id", "start_time_unix_nano"} <= span.keys():
                return 0.95
        return 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """The runs whose spans are in it."""
        spans: list[SpanRecord] = []
        for record in _rows(document) if document.tables else items(document):
            for read in _read(record):
                if isinstance(read, SpanRecord):
                    spans.append(read)
                elif isinstance(read, LoadError):
                    yield read
        yield from assemble(spans, format_id=self.id, growing=document.growing)


def _rows(document: Document) -> Iterator[Record]:
    """The rows of the database's spans, in the form of the REST API."""
    if _SPANS not in document.tables:
        return
    traces = document.tables[_TRACES].rows() if _TRACES in document.tables else iter(())
    ids = {as_string(row.get("id")): row.get("trace_id") for row in traces}
    for number, row in enumerate(document.tables[_SPANS].rows()):
        trace_id = ids.get(as_string(row.get("trace_rowid"))) or row.get("trace_rowid")
        span: dict[str, JSON] = {
            **row,
            "context": {"span_id": row.get("span_id"), "trace_id": trace_id},
            "attributes": open_json(row.get("attributes")),
        }
        yield Record(span, Location(document.path, pointer=f"/{_SPANS}/{number}"))


def _read(record: Record | LoadError) -> Iterator[Read]:
    if isinstance(record, LoadError):
        yield record
        return
    listed = as_mapping(record.value).get("data")
    if not isinstance(listed, list):
        yield _span(record)
        return
    for place, value in enumerate(listed):
        yield _span(Record(value, replace(record.at, pointer=f"{record.at.pointer}/data/{place}")))


def _span(record: Record) -> Read:
    span = as_mapping(record.value)
    if "start_time_unix_nano" in span:
        return read_span(span, None, {}, record.at)
    context = as_mapping(span.get("context"))
    span_id = read_id(first(span, "context.span_id") or context.get("span_id"))
    if span_id is None:
        return LoadError("a span without an id", record.at)
    parent = span.get("parent_id")
    return SpanRecord(
        id=span_id,
        parent_id=None if _is_missing(parent) else read_id(parent),
        trace_id=read_id(first(span, "context.trace_id") or context.get("trace_id")) or "",
        name=as_string(span.get("name")) or "",
        start=as_nanoseconds(span.get("start_time")),
        end=as_nanoseconds(span.get("end_time")),
        kind=as_string(span.get("span_kind")),
        status=STATUS.get(as_string(span.get("status_code")) or ""),
        status_message=as_string(span.get("status_message")),
        attributes=flat(_attributes(span)),
        events=[_event(as_mapping(event)) for event in as_list(_opened(span.get("events")))],
        at=record.at,
    )


def _attributes(span: Mapping[str, JSON]) -> dict[str, JSON]:
    """The attributes of the REST form, or the columns that are attributes."""
    found = dict(as_mapping(span.get("attributes")))
    for column, value in span.items():
        if column.startswith(_PREFIX) and not _is_missing(value):
            name = column[len(_PREFIX) :]
            structured = name in _NO_TEXT or "." not in name
            found[name] = _opened(value) if structured else value
    return found


def _opened(value: JSON) -> JSON:
    """A list or an object, also where a CSV file has it as Python prints it."""
    opened = open_json(value)
    return open_python(opened) if isinstance(opened, str) else opened


def _is_missing(value: JSON) -> bool:
    return value is None or (isinstance(value, str) and value in _MISSING)


def _event(event: Mapping[str, JSON]) -> SpanEvent:
    attributes = event.get("attributes")
    time = as_nanoseconds(event.get("timestamp"))
    return SpanEvent(as_string(event.get("name")) or "", as_mapping(attributes), time)
