"""Sessions of Pi and OpenClaw: `~/.pi/agent/sessions/**/*.jsonl`, versions 1 to 3."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from pisama.loaders.base import Document, Loaded, Record
from pisama.loaders.items import items, sample_items
from pisama.loaders.message_parts import content_text
from pisama.loaders.messages import ChatMessage, ToolResult
from pisama.loaders.turns import Turns, session_trace, shell_result
from pisama.loaders.values import (
    as_integer,
    as_list,
    as_mapping,
    as_nanoseconds,
    as_number,
    as_string,
    as_text,
    first,
)
from pisama.report import LoadError
from pisama.trace import JSON, Location, ToolCall, Usage

AGENT = "pi"
_SUMMARIES = ("compaction", "branch_summary", "custom_message")


class PiLoader:
    """One file is one session. Its entries form a tree; the branch that was written last is the run."""

    id: ClassVar[str] = "pi-session"
    title: ClassVar[str] = "Pi session"
    recognised_by: ClassVar[str] = "a line of type `session` with `version` and `cwd`"

    def sniff(self, document: Document) -> float:
        """By the header, else by entries with `id`, `parentId` and a message."""
        return max((_mark(as_mapping(value)) for value in sample_items(document)), default=0.0)

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each header."""
        sessions: list[_Session] = []
        for record in items(document):
            if isinstance(record, LoadError):
                yield record
                continue
            entry = as_mapping(record.value)
            if not isinstance(entry.get("type"), str):
                yield LoadError("an entry without a type", record.at)
                continue
            if not sessions or entry["type"] == "session":
                sessions.append(_Session(record.at))
            if entry["type"] == "session":
                sessions[-1].header = entry
            else:
                sessions[-1].entries.append(record)
        for session in sessions:
            yield from session.load(document)


def _mark(record: Mapping[str, JSON]) -> float:
    kind = record.get("type")
    if kind == "session" and "cwd" in record and "id" in record:
        return 0.97 if "version" in record else 0.8
    message = as_mapping(record.get("message"))
    return 0.8 if kind == "message" and "role" in message and "parentId" in record else 0.0


@dataclass(slots=True)
class _Session:
    """One session, half read."""

    at: Location
    header: Mapping[str, JSON] = field(default_factory=dict)
    entries: list[Record] = field(default_factory=list)
    task: str | None = None
    outcome: str | None = None

    def load(self, document: Document) -> Iterator[Loaded]:
        """The trace, and an error for each entry that could not be read."""
        turns = Turns(AGENT)
        for record in _last_branch(self.entries):
            entry = as_mapping(record.value)
            kind = entry["type"]
            if kind == "message":
                message = entry.get("message")
                if not isinstance(message, dict):
                    yield LoadError("an entry of type message without a message", record.at)
                    continue
                self._read(turns, message, record.at, as_nanoseconds(entry.get("timestamp")))
            elif kind == "model_change":
                turns.model = as_string(entry.get("modelId"))
            elif kind in _SUMMARIES:
                text = content_text(first(entry, "summary", "content")) or ""
                turns.hear(ChatMessage("system", text, at=record.at))
        name = as_string(self.header.get("id"))
        yield session_trace(
            document, PiLoader.id, name, turns.steps(), self.task, self.at, outcome=self.outcome
        )

    def _read(self, turns: Turns, message: Mapping[str, JSON], at: Location, time: int | None) -> None:
        role = message.get("role")
        if role == "assistant":
            self._act(turns, message, at, time)
            return
        text = content_text(message.get("content")) or ""
        if role == "toolResult":
            error = (text or "failed") if message.get("isError") is True else None
            name = as_string(message.get("toolName"))
            turns.answer(ToolResult(text, as_string(message.get("toolCallId")), name, error), at, time)
        elif role == "bashExecution":
            # A command that the user ran, whose output the agent is shown.
            output = shell_result(as_text(message.get("output")) or "", as_integer(message.get("exitCode")))
            turns.hear(ChatMessage("user", f"{as_text(message.get('command')) or ''}\n{output}", at=at))
        else:
            self.task = self.task or text or None
            turns.hear(ChatMessage("user" if role == "user" else "system", text, at=at))

    def _act(self, turns: Turns, message: Mapping[str, JSON], at: Location, time: int | None) -> None:
        turns.close()
        turns.model = as_string(message.get("model")) or turns.model
        content = message.get("content")
        start = as_nanoseconds(message.get("timestamp"))
        for place, value in enumerate(as_list(content) if not isinstance(content, str) else []):
            part = as_mapping(value)
            kind = part.get("type")
            where = Location(at.path, at.line, f"{at.pointer}/message/content/{place}")
            if kind == "text":
                turns.say(as_text(part.get("text")) or "", at, start)
            elif kind == "thinking":
                turns.think(as_text(part.get("thinking")) or "", at, start)
            elif kind == "toolCall":
                name = as_string(part.get("name")) or ""
                turns.call(
                    ToolCall(name, part.get("arguments"), as_string(part.get("id")), start=time, at=where)
                )
        if isinstance(content, str):
            turns.say(content, at, start)
        reason = as_string(message.get("stopReason"))
        self.outcome = {"error": "error", "aborted": "aborted"}.get(reason or "")
        turns.finish(reason, time)
        if reason == "error":
            turns.fail(as_string(message.get("errorMessage")) or "error", at, start)
        usage = _usage(as_mapping(message.get("usage")))
        if usage is not None:
            turns.spend(usage)
        turns.close()


def _last_branch(entries: list[Record]) -> list[Record]:
    """The entries from the first to the last one; all of them where they do not name their parents."""
    places: dict[str, int] = {}
    for place, record in enumerate(entries):
        name = as_string(as_mapping(record.value).get("id"))
        if name is not None:
            places[name] = place
    if not places:
        return entries
    kept: set[int] = set()
    place = len(entries) - 1
    while place >= 0 and place not in kept:
        kept.add(place)
        entry = as_mapping(entries[place].value)
        parent = as_string(entry.get("parentId"))
        if parent is None and "parentId" in entry:
            break
        # The entry before stands for a parent that is missing.
        place = places.get(parent or "", place - 1)
    return [record for place, record in enumerate(entries) if place in kept]


def _usage(usage: Mapping[str, JSON]) -> Usage | None:
    given, output = as_integer(usage.get("input")), as_integer(usage.get("output"))
    if given is None and output is None:
        return None
    read = as_integer(usage.get("cacheRead"))
    cost = as_number(as_mapping(usage.get("cost")).get("total"))
    return Usage((given or 0) + (read or 0) + (as_integer(usage.get("cacheWrite")) or 0), output, read, cost)
