"""The attributes of a span without the span: what a test or a log statement writes down of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pisama.loaders.base import Document, Loaded
from pisama.loaders.items import items, sample_items
from pisama.loaders.nested_attributes import flat
from pisama.loaders.span_traces import assemble
from pisama.loaders.spans import SpanRecord
from pisama.loaders.values import as_mapping
from pisama.report import LoadError

_MARKS = ("openinference.span.kind", "gen_ai.operation.name", "ai.operationId", "traceloop.span.kind")


class SpanAttributesLoader:
    """Flat attributes of model calls, tools or agents, one object each, as the parts of one run."""

    id: ClassVar[str] = "span-attributes"
    title: ClassVar[str] = "attributes of spans"
    recognised_by: ClassVar[str] = (
        "flat `openinference.span.kind`, `gen_ai.operation.name` or `ai.operationId`"
    )

    def sniff(self, document: Document) -> float:
        """Fairly sure of an object that has the attribute by which a convention names the kind of a span."""
        known = (as_mapping(value) for value in sample_items(document)[:10])
        return 0.6 if any(name in record for record in known for name in _MARKS) else 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """One run of all of them, in their order."""
        spans: list[SpanRecord] = []
        for number, record in enumerate(items(document)):
            if isinstance(record, LoadError):
                yield record
                continue
            attributes = as_mapping(record.value)
            if not any(name in attributes for name in _MARKS):
                yield LoadError("not the attributes of a span", record.at)
                continue
            spans.append(
                SpanRecord(
                    str(number), None, "1", "", start=number, attributes=flat(attributes), at=record.at
                )
            )
        yield from assemble(spans, format_id=self.id, growing=document.growing)
