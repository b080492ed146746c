"""Flowise: executions of agent flows, and the export of a workspace with executions and chats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pisama.loaders.base import Document, Loaded, Record
from pisama.loaders.flowise_nodes import read_chat_message, read_node
from pisama.loaders.items import items, sample_items
from pisama.loaders.runs import RunBuilder, inside, run_name
from pisama.loaders.values import as_list, as_mapping, as_nanoseconds, as_string, open_json
from pisama.report import LoadError
from pisama.trace import JSON, Location, Trace

_DATA = "executionData"
_OUTCOMES: Mapping[str, str] = {
    "ERROR": "error",
    "TERMINATED": "aborted",
    "STOPPED": "aborted",
    "TIMEOUT": "timeout",
}
_RUNNING = frozenset(("INPROGRESS", "WAITING"))


class FlowiseLoader:
    """An execution, with its nodes as JSON text, or an export that has executions and chat messages."""

    id: ClassVar[str] = "flowise"
    title: ClassVar[str] = "Flowise execution"
    recognised_by: ClassVar[str] = "`executionData`, or `Execution` beside `ChatMessage` (an export)"

    def sniff(self, document: Document) -> float:
        """Certain of an execution row, or of an export with its many kinds of rows."""
        for value in sample_items(document)[:3]:
            record = as_mapping(value)
            if _is_export(record) or isinstance(record.get(_DATA), str | list):
                return 1.0
        return 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each execution, and one for each chat that no execution records."""
        for number, record in enumerate(items(document)):
            if isinstance(record, LoadError):
                yield record
            elif _is_export(as_mapping(record.value)):
                yield from _export(record, document)
            else:
                yield _execution(as_mapping(record.value), record.at, run_name(document, number))


def _is_export(record: Mapping[str, JSON]) -> bool:
    return isinstance(record.get("Execution"), list) and "ChatMessage" in record


def _export(record: Record, document: Document) -> Iterator[Loaded]:
    value = as_mapping(record.value)
    for number, row in enumerate(as_list(value.get("Execution"))):
        yield _execution(as_mapping(row), inside(record.at, "Execution", number), run_name(document, number))
    yield from _chats(as_list(value.get("ChatMessage")), record.at)


def _execution(row: Mapping[str, JSON], at: Location, name: str) -> Loaded:
    nodes = open_json(row.get(_DATA))
    if not isinstance(nodes, list):
        return LoadError("an execution without readable data", at)
    run = RunBuilder(at)
    for number, node in enumerate(nodes):
        # The nodes lie in a text, so a place in it is that of the element.
        read_node(run, as_mapping(node), inside(at, _DATA, number))
    state = as_string(row.get("state")) or ""
    run.outcome = _OUTCOMES.get(state)
    session = as_string(row.get("sessionId"))
    return run.trace(
        as_string(row.get("id")) or name,
        FlowiseLoader.id,
        complete=state not in _RUNNING,
        metadata={"session": session} if session else None,
    )


def _chats(rows: list[JSON], at: Location) -> Iterator[Trace]:
    """The chats of an export. Messages that belong to an execution are in that."""
    chats: dict[str, list[tuple[int, int, Mapping[str, JSON]]]] = {}
    for number, value in enumerate(rows):
        row = as_mapping(value)
        chat = as_string(row.get("chatId")) or as_string(row.get("sessionId"))
        if chat is not None and not row.get("executionId"):
            time = as_nanoseconds(row.get("createdDate")) or 0
            chats.setdefault(chat, []).append((time, number, row))
    for chat, messages in chats.items():
        run = RunBuilder(inside(at, "ChatMessage", messages[0][1]))
        for _, place, message in sorted(messages, key=lambda message: message[:2]):
            read_chat_message(run, message, inside(at, "ChatMessage", place))
        yield run.trace(chat, FlowiseLoader.id, metadata={"session": chat})
