"""OpenInference spans as one nested tree: every span holds its `child_spans`.

The form in which Patronus exports traces and in which the TRAIL data set is published. Attributes
are flat and all text; the end of a span is its timestamp plus an ISO 8601 duration. `logs` are never
read: they belong to whoever ran the agent, not to the run, and hold reference answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import ClassVar

from pisama.loaders.base import Document, Loaded
from pisama.loaders.span_traces import assemble
from pisama.loaders.spans import SpanEvent, SpanRecord, Status
from pisama.loaders.values import NANOSECONDS, as_list, as_mapping, as_nanoseconds, as_string
from pisama.patterns import lazy
from pisama.report import LoadError
from pisama.trace import JSON, Location

_DURATION = lazy(
    r"P(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9}(?:\.\d{1,9})?)S)?)?", re.ASCII
)
_UNITS = (86_400, 3_600, 60, 1)
_STATUS: Mapping[str, Status] = {"ok": "ok", "error": "error"}


class OpenInferenceTreeLoader:
    """Nested OpenInference spans, `{"trace_id", "spans": [{…, "child_spans": […]}]}`."""

    id: ClassVar[str] = "openinference-tree"
    title: ClassVar[str] = "Nested OpenInference spans (TRAIL)"
    recognised_by: ClassVar[str] = "spans that have both `span_attributes` and `child_spans`"

    def sniff(self, document: Document) -> float:
        """Certain of spans that have both `span_attributes` and `child_spans`."""
        for value in document.sample:
            for item in (value if isinstance(value, list) else [value])[:5]:
                span = as_mapping((as_list(as_mapping(item).get("spans")) or [None])[0])
                if "span_attributes" in span and "child_spans" in span:
                    return 1.0
        return 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """One trace for each trace id of each record."""
        for record in document.records():
            if isinstance(record, LoadError):
                yield record
                continue
            items: list[tuple[str, JSON]] = [("", record.value)]
            if isinstance(record.value, list):
                items = [(f"/{number}", item) for number, item in enumerate(record.value)]
            for pointer, item in items:
                at = Location(record.at.path, record.at.line, record.at.pointer + pointer)
                yield from self._load_tree(item, at, growing=document.growing)

    def _load_tree(self, value: JSON, at: Location, *, growing: bool) -> Iterator[Loaded]:
        tree = as_mapping(value)
        if not isinstance(tree.get("spans"), list):
            yield LoadError("not an object with spans", at)
            return
        trace_id = as_string(tree.get("trace_id"))
        spans: list[SpanRecord] = []
        for read in _walk(tree, trace_id, at):
            if isinstance(read, LoadError):
                yield read
            else:
                spans.append(read)
        yield from assemble(spans, format_id=self.id, growing=growing)


def _walk(tree: Mapping[str, JSON], trace_id: str | None, at: Location) -> Iterator[SpanRecord | LoadError]:
    """All spans, parents before children, without recursion."""
    stack: list[tuple[JSON, str | None, str]] = [
        (span, None, f"{at.pointer}/spans/{number}")
        for number, span in reversed(list(enumerate(as_list(tree.get("spans")))))
    ]
    while stack:
        value, above, pointer = stack.pop()
        place = Location(at.path, at.line, pointer)
        span = as_mapping(value)
        span_id = as_string(span.get("span_id"))
        if span_id is None:
            yield LoadError("a span without an id", place)
            span_id = above
        else:
            yield _read_span(span, span_id, above, trace_id, place)
        children = list(enumerate(as_list(span.get("child_spans"))))
        stack += [(child, span_id, f"{pointer}/child_spans/{number}") for number, child in reversed(children)]


def _read_span(
    span: Mapping[str, JSON], span_id: str, above: str | None, trace_id: str | None, at: Location
) -> SpanRecord:
    start = as_nanoseconds(span.get("timestamp"))
    duration = nanoseconds_of(span.get("duration"))
    events = [as_mapping(event) for event in as_list(span.get("events"))]
    return SpanRecord(
        id=span_id,
        parent_id=above or as_string(span.get("parent_span_id")),
        trace_id=trace_id or as_string(span.get("trace_id")) or "",
        name=as_string(span.get("span_name")) or "",
        start=start,
        end=start + duration if start is not None and duration is not None else None,
        status=_STATUS.get((as_string(span.get("status_code")) or "").lower()),
        status_message=as_string(span.get("status_message")),
        attributes=as_mapping(span.get("span_attributes")),
        events=[
            SpanEvent(
                as_string(event.get("Name")) or "",
                as_mapping(event.get("Attributes")),
                as_nanoseconds(event.get("Timestamp")),
            )
            for event in events
        ],
        scope=as_string(span.get("scope_name")),
        resource=as_mapping(span.get("resource_attributes")),
        at=at,
    )


def nanoseconds_of(value: JSON) -> int | None:
    """An ISO 8601 duration of days, hours, minutes and seconds (`PT1M6.5S`) in nanoseconds."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    return sum(
        round(float(part) * unit * NANOSECONDS)
        for part, unit in zip(match.groups(), _UNITS, strict=True)
        if part
    )
