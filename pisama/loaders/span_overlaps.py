"""Calls that were recorded twice: by `pisama watch` on the wire, and by an instrumentor in the program.

The wire has the exact words and no tree; the instrumentor has the tree. A call seen on the wire while an
instrumentor's span was open is put below that span, and the tree then counts the two as one, as it does
for any two layers that record the same call.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace

from pisama.loaders import names
from pisama.loaders.span_kinds import kind_of
from pisama.loaders.spans import SpanRecord

MAX_OPEN = 64
"""Spans open at once that are tried as the parent of a call, the latest ones."""


def adopted(records: Iterable[SpanRecord]) -> list[SpanRecord]:
    """The records, those of the wire below the spans that were open around them."""
    spans = list(records)
    wire = [span for span in spans if span.scope == names.WATCH_SCOPE]
    if not wire or len(wire) == len(spans):
        return spans
    known = {(span.trace_id, span.id) for span in spans if span.scope != names.WATCH_SCOPE}
    kinds = {span.id: kind_of(span.name, span.attributes, span.kind) for span in spans}
    calls = [span for span in wire if kinds[span.id] == "llm"]
    parents = _parents(
        sorted(calls, key=_start),
        sorted((span for span in spans if span.scope != names.WATCH_SCOPE and _is_timed(span)), key=_start),
        kinds,
    )
    siblings = {call.trace_id: parents[call.id] for call in calls if call.id in parents}
    moved: list[SpanRecord] = []
    for span in spans:
        parent = parents.get(span.id) if span.scope == names.WATCH_SCOPE else None
        beside = siblings.get(span.trace_id) if span.scope == names.WATCH_SCOPE else None
        if (span.trace_id, span.parent_id) in known and span.scope == names.WATCH_SCOPE:
            moved.append(_without_name(span))
        elif parent is not None:
            moved.append(replace(_without_name(span), trace_id=parent.trace_id, parent_id=parent.id))
        elif beside is not None and kinds[span.id] == "llm":
            # The span around it was not exported, since it had not ended; its conversation tells where it belongs.
            moved.append(replace(_without_name(span), trace_id=beside.trace_id, parent_id=beside.parent_id))
        else:
            moved.append(span)
    below = {(span.trace_id, span.parent_id) for span in moved}
    return [
        span
        for span in moved
        if span.scope != names.WATCH_SCOPE or kinds[span.id] == "llm" or (span.trace_id, span.id) in below
    ]


def _parents(
    calls: Sequence[SpanRecord], others: Sequence[SpanRecord], kinds: dict[str, str | None]
) -> dict[str, SpanRecord]:
    """By call: the innermost model call that was open around it, else the innermost span of an agent or a tool."""
    found: dict[str, SpanRecord] = {}
    open_spans: deque[SpanRecord] = deque(maxlen=MAX_OPEN)
    place = 0
    for call in calls:
        begun = _start(call)
        while place < len(others) and _start(others[place]) <= begun:
            if kinds[others[place].id] is not None:
                open_spans.append(others[place])
            place += 1
        middle = begun + ((call.end or begun) - begun) // 2
        still_open = [span for span in open_spans if (span.end or 0) >= middle]
        open_spans = deque(still_open, maxlen=MAX_OPEN)
        models = [span for span in still_open if kinds[span.id] == "llm"]
        same = [span for span in models if _model(span) == _model(call)]
        best = same or models or still_open
        if best:
            found[call.id] = best[-1]
    return found


def _without_name(span: SpanRecord) -> SpanRecord:
    """The wire names every caller alike; the tree knows better."""
    kept = {name: value for name, value in span.attributes.items() if name not in names.AGENT_NAME}
    return replace(span, attributes=kept)


def _model(span: SpanRecord) -> object:
    return span.attributes.get("gen_ai.request.model") or names.look_up(span.attributes, names.MODEL)


def _is_timed(span: SpanRecord) -> bool:
    return span.start is not None and span.end is not None


def _start(span: SpanRecord) -> int:
    return span.start or 0
