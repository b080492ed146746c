"""Conversations with Cursor's agent in the editor: the database `state.vscdb`.

Its table `cursorDiskKV` holds JSON under keys: `composerData:<id>` is a conversation, and
`bubbleId:<conversation>:<id>` one thing said or done in it. Older ones have the bubbles inside.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from pisama.loaders.base import Document, Loaded
from pisama.loaders.messages import ChatMessage, ToolResult
from pisama.loaders.turns import Turns, session_trace
from pisama.loaders.values import (
    as_integer,
    as_list,
    as_mapping,
    as_nanoseconds,
    as_string,
    as_text,
    first,
    open_json,
)
from pisama.report import LoadError
from pisama.trace import JSON, Location, ToolCall, Trace, Usage

AGENT = "cursor"
_TABLE = "cursorDiskKV"
_CONVERSATION, _BUBBLE = "composerData", "bubbleId"
_USER = 1
"""Type of the bubbles that the user wrote."""


class CursorDatabaseLoader:
    """Every conversation with anything in it is a run."""

    id: ClassVar[str] = "cursor-database"
    title: ClassVar[str] = "Cursor database (state.vscdb)"
    recognised_by: ClassVar[str] = "a database with a table `cursorDiskKV`"

    def sniff(self, document: Document) -> float:
        """By the table."""
        table = document.tables.get(_TABLE)
        return 0.97 if table is not None and {"key", "value"} <= set(table.columns) else 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each conversation."""
        table = document.tables.get(_TABLE)
        conversations: dict[str, _Conversation] = {}
        for place, row in enumerate(table.rows() if table is not None else ()):
            kind, _, name = (as_string(row.get("key")) or "").partition(":")
            if kind not in (_CONVERSATION, _BUBBLE):
                continue
            at = Location(document.path, pointer=f"/{_TABLE}/{place}/value")
            value = open_json(row.get("value"))
            if not isinstance(value, dict):
                yield LoadError(f"the value of {kind} is not an object", at)
                continue
            owner, _, bubble = name.partition(":")
            conversation = conversations.setdefault(owner, _Conversation(owner, at))
            if kind == _CONVERSATION:
                conversation.data, conversation.at = value, at
            else:
                conversation.bubbles[bubble] = (value, at)
        for conversation in conversations.values():
            trace = conversation.trace(document)
            if trace.steps or trace.task is not None:
                yield trace


@dataclass(slots=True)
class _Conversation:
    """One conversation, half read."""

    name: str
    at: Location
    data: Mapping[str, JSON] = field(default_factory=dict)
    bubbles: dict[str, tuple[Mapping[str, JSON], Location]] = field(default_factory=dict)

    def trace(self, document: Document) -> Trace:
        """The run as recorded."""
        turns = Turns(AGENT)
        task: str | None = None
        for bubble, at in self._ordered():
            text = as_string(bubble.get("text")) or ""
            if as_integer(bubble.get("type")) == _USER:
                task = task or text or None
                turns.hear(ChatMessage("user", text, at=at))
            else:
                _act(turns, bubble, text, at)
        status = as_string(self.data.get("status"))
        outcome = {"completed": "success", "aborted": "aborted"}.get(status or "")
        return session_trace(
            document, CursorDatabaseLoader.id, self.name, turns.steps(), task, self.at, outcome=outcome
        )

    def _ordered(self) -> Iterator[tuple[Mapping[str, JSON], Location]]:
        """The bubbles in the order of the conversation; those that it does not name come last."""
        left = dict(self.bubbles)
        inside = as_list(self.data.get("conversation"))
        for place, value in enumerate(inside):
            where = Location(self.at.path, pointer=f"{self.at.pointer}/conversation/{place}")
            yield as_mapping(value), where
        for header in as_list(self.data.get("fullConversationHeadersOnly")):
            found = left.pop(as_string(as_mapping(header).get("bubbleId")) or "", None)
            if found is not None:
                yield found
        if not inside:
            yield from sorted(left.values(), key=lambda item: as_nanoseconds(item[0].get("createdAt")) or 0)


def _act(turns: Turns, bubble: Mapping[str, JSON], text: str, at: Location) -> None:
    """What the agent thought, said or called; a call ends the response that it belongs to."""
    time = as_nanoseconds(bubble.get("createdAt"))
    turns.model = as_string(as_mapping(bubble.get("modelInfo")).get("modelName")) or turns.model
    turns.think(as_string(as_mapping(bubble.get("thinking")).get("text")) or "", at, time)
    turns.say(text, at, time)
    tool = as_mapping(bubble.get("toolFormerData"))
    if tool:
        call_id = as_string(tool.get("toolCallId")) or at.pointer
        arguments = open_json(first(tool, "rawArgs", "params"))
        turns.call(ToolCall(as_string(tool.get("name")) or "", arguments, call_id, start=time, at=at))
        result = _result(tool, call_id)
        if result is not None:
            turns.answer_later(result, at)
    counted = as_mapping(bubble.get("tokenCount"))
    usage = Usage(as_integer(counted.get("inputTokens")), as_integer(counted.get("outputTokens")))
    if usage.tokens:
        turns.spend(usage)
    if tool:
        turns.close()


def _result(tool: Mapping[str, JSON], call_id: str) -> ToolResult | None:
    status = tool.get("status")
    text = as_text(tool.get("result"))
    error = tool.get("error")
    if status in ("error", "cancelled") or error is not None:
        said = as_mapping(open_json(error))
        words = as_string(first(said, "clientVisibleErrorMessage", "modelVisibleErrorMessage", "message"))
        problem = words or as_text(error) or text or str(status)
        return ToolResult(text or problem, call_id, error=problem)
    return None if text is None and status != "completed" else ToolResult(text or "", call_id)
