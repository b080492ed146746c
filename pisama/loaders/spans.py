"""Span records of any dialect, their tree, and the trace they make.

Every span format is read into `SpanRecord`s and handed to `assemble`; what a record means (agent,
model call, tool call) and how steps come out of the tree is decided here and in `span_steps`, once
for all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from pisama.loaders import names
from pisama.loaders.span_kinds import kind_of
from pisama.loaders.values import as_string
from pisama.trace import JSON, Location, Span

Status: TypeAlias = Literal["ok", "error"]

MAX_ATTRIBUTE_CHARACTERS = 200
"""Longest attribute text that is kept on a `Span`; messages and payloads are in the steps."""

_LEFT_OUT_OF_SPANS = (
    *names.INPUT_PREFIXES,
    *names.OUTPUT_PREFIXES,
    *names.TOOL_DEFINITION_PREFIXES,
    *names.INPUT_VALUE,
    *names.OUTPUT_VALUE,
    "logfire.",
    "openinference.span.kind",
    "input.mime_type",
    "output.mime_type",
)


@dataclass(frozen=True, slots=True)
class SpanEvent:
    """Something that happened within a span: an exception, a message."""

    name: str
    attributes: Mapping[str, JSON] = field(default_factory=dict)
    time: int | None = None


@dataclass(frozen=True, slots=True)
class SpanLink:
    """A span of another trace that a span says it belongs with (W3C trace context)."""

    trace_id: str
    span_id: str


@dataclass(frozen=True, slots=True)
class SpanRecord:
    """One span as it was recorded, whatever the file format."""

    id: str
    parent_id: str | None
    trace_id: str
    name: str
    start: int | None = None
    end: int | None = None
    kind: str | None = None
    """What the format itself says the span is, where it has a field for that; not the OTLP kind."""
    status: Status | None = None
    status_message: str | None = None
    attributes: Mapping[str, JSON] = field(default_factory=dict)
    events: Sequence[SpanEvent] = ()
    links: Sequence[SpanLink] = ()
    scope: str | None = None
    """Name of the instrumentor that emitted it."""
    resource: Mapping[str, JSON] = field(default_factory=dict)
    at: Location | None = None


@dataclass(slots=True, eq=False)
class Node:
    """A span in its tree."""

    record: SpanRecord
    kind: str | None
    parent: Node | None = None
    children: list[Node] = field(default_factory=list)
    position: int = 0
    """Place in the order of start times, parents before children."""
    start: int = 0
    """Start time, or that of the parent when it was not recorded or lies before it."""
    agent: Node | None = None
    """Nearest enclosing agent span; the span itself when it is one."""
    owner: Node | None = None
    """Nearest enclosing agent or tool span, the span itself left out."""
    model: Node | None = None
    """Nearest enclosing model call with no agent or tool between."""
    root: Node | None = None
    """The top of its tree; None for a top span itself."""

    @property
    def failure(self) -> str | None:
        """Why the span failed, when its emitter marked it as failed."""
        record = self.record
        exceptions = [event.attributes for event in record.events if event.name == "exception"]
        type_name = as_string(record.attributes.get(names.ERROR_TYPE))
        flagged = record.status == "error" or type_name or names.says_failed(record.attributes)
        if not flagged and not exceptions:
            return None
        for exception in exceptions:
            message = as_string(exception.get("exception.message"))
            if message:
                return message
        for exception in exceptions:
            type_name = as_string(exception.get("exception.type")) or type_name
        told = as_string(names.look_up(record.attributes, names.STATUS_MESSAGE))
        return record.status_message or told or type_name or "failed"


@dataclass(slots=True)
class SpanTree:
    """The spans of one trace as a forest, in order of time."""

    nodes: list[Node]
    roots: list[Node]
    duplicates: int = 0
    """Spans left out because another one had their id."""

    def __post_init__(self) -> None:
        for position, node in enumerate(self.nodes):
            node.position = position

    @property
    def complete(self) -> bool:
        """Whether the run had ended: an enclosing span is exported when it ends, after its children.

        A parent that is not in the file may also belong to another service; an agent or workflow
        span at the top shows that the run itself is whole.
        """
        known = {node.record.id for node in self.nodes}
        for root in self.roots:
            parent_id = root.record.parent_id
            if parent_id is None or parent_id in known or root.kind in ("agent", "workflow"):
                return True
        return False


def build_tree(records: Iterable[SpanRecord]) -> SpanTree:
    """The tree of one trace. A cycle is cut at its earliest span.

    A span whose parent is missing is a root, unless one agent or workflow alone is at the top while it ran.
    """
    nodes: dict[str, Node] = {}
    duplicates = 0
    for record in records:
        if record.id in nodes:
            duplicates += 1
        else:
            nodes[record.id] = Node(record, kind_of(record.name, record.attributes, record.kind))
    for node in nodes.values():
        parent = nodes.get(node.record.parent_id) if node.record.parent_id else None
        if parent is not None and parent is not node:
            node.parent = parent
            parent.children.append(node)
    roots = _adopted([node for node in nodes.values() if node.parent is None])
    reached = {id(node) for node in _settle(roots)}
    for node in sorted(nodes.values(), key=_recorded_start):
        if id(node) in reached:
            continue
        if node.parent is not None:
            node.parent.children.remove(node)
            node.parent = None
        roots.append(node)
        reached.update(id(below) for below in _settle([node]))
    order = {id(node): number for number, node in enumerate(_settle(roots))}
    ordered = sorted(nodes.values(), key=lambda node: (node.start, order[id(node)]))
    return SpanTree(ordered, sorted(roots, key=lambda node: node.start), duplicates)


def _adopted(roots: list[Node]) -> list[Node]:
    """The roots, without those that lost their parent (it was dropped, or never ended) within the only run."""
    tops = [node for node in roots if node.record.parent_id is None]
    if len(tops) != 1 or tops[0].kind not in ("agent", "workflow"):
        return roots
    top = tops[0]
    left = [top]
    for node in roots:
        start, end = node.record.start, top.record.end
        if node is top:
            continue
        if start is None or start < (top.record.start or 0) or (end is not None and start > end):
            left.append(node)
        else:
            node.parent = top
            top.children.append(node)
    return left


def _recorded_start(node: Node) -> int:
    return node.record.start or 0


def _settle(roots: Iterable[Node]) -> Iterator[Node]:
    """All nodes below the roots, parents first, with what they inherit from their parents filled in."""
    stack = list(reversed(list(roots)))
    while stack:
        node = stack.pop()
        parent = node.parent
        above = parent.start if parent is not None else 0
        # Clocks of two machines differ; a child still comes after its parent.
        node.start = max(node.record.start, above) if node.record.start is not None else above
        node.agent = node if node.kind == "agent" else (parent.agent if parent is not None else None)
        if parent is not None:
            node.owner = parent if parent.kind in ("agent", "tool") else parent.owner
            node.model = (
                parent if parent.kind == "llm" else parent.model if parent is not node.owner else None
            )
            node.root = parent.root or parent
        yield node
        stack.extend(sorted(node.children, key=_recorded_start, reverse=True))


def as_span(node: Node, agent: str | None) -> Span:
    """The span as the trace keeps it: what is small and says something, without the messages."""
    record = node.record
    kept: dict[str, JSON] = {}
    for name, value in record.attributes.items():
        if name.startswith(_LEFT_OUT_OF_SPANS):
            continue
        if value is None or isinstance(value, dict | list):
            continue
        if not isinstance(value, str) or len(value) <= MAX_ATTRIBUTE_CHARACTERS:
            kept[name] = value
    if record.status_message:
        kept["status_message"] = record.status_message[:MAX_ATTRIBUTE_CHARACTERS]
    return Span(
        id=record.id,
        parent_id=record.parent_id,
        name=record.name,
        kind=node.kind,
        agent=agent,
        start=record.start,
        end=record.end,
        status=record.status,
        attributes=kept,
    )
