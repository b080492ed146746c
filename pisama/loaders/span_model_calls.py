"""Which spans are model calls: one for each call, however many instrumentors recorded it."""

from __future__ import annotations

from collections.abc import Iterator

from pisama.loaders import names
from pisama.loaders.span_messages import read_conversation
from pisama.loaders.spans import Node, SpanTree
from pisama.loaders.values import as_string


def model_calls(tree: SpanTree) -> list[Node]:
    """The spans that are one model call each.

    Where a client and the library under it both record the call, the inner span is taken, unless
    only the outer one has the messages. Side by side, the one that has no messages is left out.
    """
    within: dict[Node, list[Node]] = {}
    for node in tree.nodes:
        if node.kind == "llm" and node.model is not None:
            within.setdefault(node.model, []).append(node)
    dropped: set[Node] = set()
    for outer, inner in within.items():
        if (
            any(read_conversation(node.record).said for node in inner)
            or not read_conversation(outer.record).said
        ):
            dropped.add(outer)
        else:
            dropped.update(inner)
    calls = [node for node in tree.nodes if node.kind == "llm" and node not in dropped]
    repeated = set(_repeated(calls))
    return [node for node in calls if node not in repeated]


def _repeated(calls: list[Node]) -> Iterator[Node]:
    """The spans, without messages, of calls that a span beside them records too.

    Clients such as Anthropic's Python SDK 2 emit spans of their own, which an instrumentor's do not enclose
    while the answer is streamed.
    """
    latest: dict[Node | None, Node] = {}
    for node in calls:
        before = latest.get(node.parent)
        latest[node.parent] = node
        if before is None or not _may_be_one_call(before, node):
            continue
        silent = [each for each in (before, node) if not _has_messages(each)]
        if len(silent) == 1:
            yield silent[0]
            latest[node.parent] = before if silent[0] is node else node


def _may_be_one_call(before: Node, node: Node) -> bool:
    """Whether two spans of other names, of which the later began during the earlier, are of one model."""
    end = before.record.end
    if before.record.name == node.record.name or end is None or node.start > end:
        return False
    models = {as_string(names.look_up(each.record.attributes, names.MODEL)) for each in (before, node)}
    return len(models - {None}) <= 1


def _has_messages(node: Node) -> bool:
    conversation = read_conversation(node.record)
    return bool(conversation.given or conversation.said)
