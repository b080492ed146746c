"""Which spans are one run: those of one trace id, and of further trace ids that belong to it.

A run has more than one trace id where

* a span names a span of another trace as its parent or links to it (W3C trace context);
* traces of one session or conversation are no runs by themselves: no agent, workflow or chain is at
  their top (a command line agent that records every model call as a trace of its own);
* an agent of a session takes over from another one, or goes on with what was said before.

Runs that merely share a session, such as the same task tried twice, stay apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from pisama.loaders import names
from pisama.loaders.span_kinds import kind_of
from pisama.loaders.span_logs import session_of
from pisama.loaders.span_messages import read_conversation
from pisama.loaders.spans import SpanRecord
from pisama.loaders.values import as_string

_RUNS = ("agent", "workflow", "chain", None)
"""Kinds of a top span that stand for a run of their own."""
_ACTS = frozenset(("agent", "llm", "tool"))
_THINKING = frozenset(("agent", "llm"))
_SETTING_UP = "create_agent"


@dataclass(slots=True, eq=False)
class _Group:
    """The spans of one trace id."""

    trace_id: str
    records: list[SpanRecord] = field(default_factory=list)
    joined: _Group | None = None
    """The group that this one was merged into."""

    @property
    def start(self) -> int:
        return min(record.start or 0 for record in self.records)

    def head(self) -> _Group:
        """The group that this one ended up in."""
        group = self
        while group.joined is not None:
            if group.joined.joined is not None:
                group.joined = group.joined.joined
            group = group.joined
        return group


def runs(records: Iterable[SpanRecord]) -> list[list[SpanRecord]]:
    """The spans of each run, earliest run first. Linear in the number of spans."""
    groups: dict[str, _Group] = {}
    for record in without_pending(records):
        groups.setdefault(record.trace_id, _Group(record.trace_id)).records.append(record)
    ordered = sorted(groups.values(), key=lambda group: group.start)
    if len(ordered) > 1:
        _join_linked(groups)
        _join_sessions(ordered)
        _join_setups(ordered)
    merged: dict[_Group, list[SpanRecord]] = {}
    known: dict[_Group, set[str]] = {}
    for group in ordered:
        head = group.head()
        own = {record.id for record in group.records}
        if not own.isdisjoint(known.setdefault(head, set())):
            # Ids that are counted anew in each trace cannot be told apart in one tree.
            head = group
        known.setdefault(head, set()).update(own)
        merged.setdefault(head, []).extend(group.records)
    return list(merged.values())


def without_pending(records: Iterable[SpanRecord]) -> list[SpanRecord]:
    """The records without placeholders of spans that ended later.

    Logfire emits a placeholder when a span starts: a child of the span to come, with its true parent
    in an attribute. Where the span itself never came, the placeholder takes its place.
    """
    spans: list[SpanRecord] = []
    pending: list[SpanRecord] = []
    for record in records:
        is_pending = record.attributes.get(names.SPAN_TYPE) == names.PENDING
        (pending if is_pending else spans).append(record)
    if not pending:
        return spans
    ended = {(record.trace_id, record.id) for record in spans}
    for record in pending:
        place = (record.trace_id, record.parent_id or record.id)
        if place not in ended:
            ended.add(place)
            parent = as_string(record.attributes.get(names.PENDING_PARENT)) or ""
            spans.append(
                replace(record, id=place[1], parent_id=parent if parent.strip("0") else None, end=None)
            )
    return spans


def _join(group: _Group, into: _Group) -> None:
    group, into = group.head(), into.head()
    if group is not into:
        group.joined = into


def _join_linked(groups: dict[str, _Group]) -> None:
    """Joins traces that a parent in another trace or a link holds together."""
    trace_of: dict[str, str | None] = {}
    starts: dict[tuple[str, str], int] = {}
    for group in groups.values():
        for record in group.records:
            # An id that two traces use says nothing about either.
            alone = trace_of.setdefault(record.id, group.trace_id) == group.trace_id
            trace_of[record.id] = group.trace_id if alone else None
            starts[group.trace_id, record.id] = record.start or 0
    for group in groups.values():
        for place, record in enumerate(group.records):
            parent = record.parent_id or ""
            above = trace_of.get(parent)
            if above is not None and (group.trace_id, parent) not in starts:
                _join(group, groups[above])
            group.records[place] = _follow_links(record, group, groups, starts)


def _follow_links(
    record: SpanRecord, group: _Group, groups: dict[str, _Group], starts: dict[tuple[str, str], int]
) -> SpanRecord:
    """Joins the traces that a span links to.

    The link of a top span names what caused it, so it also stands in for the parent.
    """
    for link in record.links:
        target = (link.trace_id, link.span_id)
        if link.trace_id == group.trace_id or target not in starts:
            continue
        if record.parent_id is None and starts[target] <= (record.start or 0):
            record = replace(record, parent_id=link.span_id)
        _join(group, groups[link.trace_id])
    return record


def _join_sessions(ordered: Sequence[_Group]) -> None:
    """Joins the traces of a session that are parts of one run, in order of time."""
    latest: dict[str, tuple[_Group, set[str], bool]] = {}
    for group in ordered:
        session = next(
            filter(None, (session_of(item.attributes, item.resource) for item in group.records)), ""
        )
        if not session:
            continue
        top = _top(group)
        if session not in latest:
            latest[session] = (group, {top.name} if top else set(), top is None)
            continue
        run, tops, fragments = latest[session]
        if top is None or fragments or top.name not in tops or _goes_on(group):
            _join(group, run)
            latest[session] = (run, tops | {top.name} if top else tops, fragments and top is None)
        else:
            latest[session] = (group, {top.name}, False)


def _top(group: _Group) -> SpanRecord | None:
    """The span that makes this trace a run of its own, if one does."""
    kinds = {item.id: kind_of(item.name, item.attributes, item.kind) for item in group.records}
    if not _THINKING.intersection(kinds.values()):
        return None
    for record in group.records:
        if (record.parent_id is None or record.parent_id not in kinds) and kinds[record.id] in _RUNS:
            return record
    return None


def _goes_on(group: _Group) -> bool:
    """Whether the first model call of this trace is given an earlier conversation."""
    calls = [item for item in group.records if kind_of(item.name, item.attributes, item.kind) == "llm"]
    if not calls:
        return False
    earliest = min(calls, key=lambda record: record.start or 0)
    return any(message.role == "assistant" for message in read_conversation(earliest).given)


def _join_setups(ordered: Sequence[_Group]) -> None:
    """Joins traces in which agents were only made to the next trace in which any acts."""
    acting: _Group | None = None
    for group in reversed(ordered):
        kinds = {kind_of(item.name, item.attributes, item.kind) for item in group.records}
        if kinds & _ACTS:
            acting = group
        elif kinds == {_SETTING_UP} and acting is not None:
            _join(group, acting)
