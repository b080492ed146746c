"""Transcripts of Cursor's agent, and what `cursor-agent --output-format stream-json` prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from pisama.loaders.base import Document, Loaded
from pisama.loaders.items import items, sample_items
from pisama.loaders.messages import ChatMessage, ToolResult, read_message
from pisama.loaders.turns import Turns, session_trace
from pisama.loaders.values import as_integer, as_mapping, as_nanoseconds, as_string, as_text, to_json
from pisama.report import LoadError
from pisama.trace import JSON, Location, ToolCall, Usage

AGENT = "cursor"
_QUERY = "user_query"
_SUFFIX = "ToolCall"


class CursorLoader:
    """One file is one run. Transcripts hold no results of tools; streams do."""

    id: ClassVar[str] = "cursor"
    title: ClassVar[str] = "Cursor agent transcript"
    recognised_by: ClassVar[str] = (
        "lines with `role` beside a `message` that has none; in a stream `tool_call` with `call_id`"
    )

    def sniff(self, document: Document) -> float:
        """By the place of the role or, in a stream, by its calls."""
        return max((_mark(as_mapping(value)) for value in sample_items(document)), default=0.0)

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each session of a stream; one for a transcript."""
        runs: dict[str | None, _Run] = {}
        for record in items(document):
            if isinstance(record, LoadError):
                yield record
                continue
            line = as_mapping(record.value)
            name = as_string(line.get("session_id"))
            problem = runs.setdefault(name, _Run(record.at)).read(line, record.at)
            if problem is not None:
                yield LoadError(problem, record.at)
        for name, run in runs.items():
            steps = run.turns.steps()
            ended = run.outcome is not None if run.is_stream or run.outcome is not None else None
            yield session_trace(
                document, self.id, name, steps, run.task, run.at, ended=ended, outcome=run.outcome
            )


def _mark(record: Mapping[str, JSON]) -> float:
    message = record.get("message")
    if record.get("role") in ("user", "assistant") and isinstance(message, dict) and "role" not in message:
        return 0.9 if "content" in message and "type" not in record else 0.0
    kind = record.get("type")
    if kind == "tool_call" and "call_id" in record and isinstance(record.get("tool_call"), dict):
        return 0.95
    if kind == "system" and record.get("subtype") == "init" and "tools" not in record:
        return 0.8 if "permissionMode" in record and "session_id" in record else 0.0
    return 0.5 if kind == "turn_ended" and "status" in record else 0.0


@dataclass(slots=True)
class _Run:
    """One run, half read."""

    at: Location
    turns: Turns = field(default_factory=lambda: Turns(AGENT))
    task: str | None = None
    outcome: str | None = None
    is_stream: bool = False
    _thought: list[str] = field(default_factory=list)

    def read(self, line: Mapping[str, JSON], at: Location) -> str | None:
        """Takes one line in; says what is wrong with it, if something is."""
        kind = line.get("type") if "role" not in line else "message"
        self.is_stream = self.is_stream or "session_id" in line
        time = as_nanoseconds(line.get("timestamp_ms"))
        if kind in ("message", "user", "assistant"):
            message = line.get("message")
            if not isinstance(message, dict):
                return "a line without a message"
            self._message({"role": line.get("role") or kind, **message}, at, time)
        elif kind == "tool_call":
            self._tool(line, at, time)
        elif kind == "thinking":
            self._think(line, at, time)
        elif kind == "system":
            self.turns.model = as_string(line.get("model")) or self.turns.model
        elif kind == "result":
            self._end(line, at, time)
        elif kind == "turn_ended":
            self.outcome = as_string(line.get("status"))
        elif not isinstance(kind, str):
            return "neither a message nor an event"
        return None

    def _message(self, record: Mapping[str, JSON], at: Location, time: int | None) -> None:
        message = read_message(record, at)
        if message.role != "assistant":
            text = _query(message.text)
            self.task = self.task or text or None
            self.turns.hear(ChatMessage(message.role, text, at=at))
            return
        if not self.is_stream:
            # Every line of a transcript is a response; what its calls returned is not in it.
            self.turns.close()
        self.turns.think(message.reasoning or "", at, time)
        self.turns.say(message.text, at, time)
        for call in message.calls:
            self.turns.call(call)

    def _think(self, line: Mapping[str, JSON], at: Location, time: int | None) -> None:
        if line.get("subtype") == "completed":
            self.turns.think("".join(self._thought), at, time)
            self._thought.clear()
        else:
            self._thought.append(as_string(line.get("text")) or "")

    def _tool(self, line: Mapping[str, JSON], at: Location, time: int | None) -> None:
        call_id = as_string(line.get("call_id"))
        calls = as_mapping(line.get("tool_call"))
        key = next((name for name in calls if name.endswith(_SUFFIX)), next(iter(calls), ""))
        body = as_mapping(calls.get(key))
        if line.get("subtype") == "started":
            name = as_string(body.get("name")) or key.removesuffix(_SUFFIX)
            arguments = body["args"] if "args" in body else body.get("arguments")
            self.turns.call(ToolCall(name, arguments, call_id, start=time, at=at))
        elif line.get("subtype") == "completed":
            self.turns.answer(_result(as_mapping(body.get("result")), call_id), at, time)

    def _end(self, line: Mapping[str, JSON], at: Location, time: int | None) -> None:
        failed = line.get("is_error") is True
        self.outcome = "error" if failed else as_string(line.get("subtype")) or "success"
        if failed:
            self.turns.fail(as_string(line.get("result")) or "failed", at, time)
        usage = as_mapping(line.get("usage"))
        if usage:
            given, output = as_integer(usage.get("inputTokens")), as_integer(usage.get("outputTokens"))
            self.turns.close()
            self.turns.spend_more(Usage(given, output, as_integer(usage.get("cacheReadTokens"))))


def _query(text: str) -> str:
    """What the user wrote, without the tag around it."""
    start, end = text.find(f"<{_QUERY}>"), text.rfind(f"</{_QUERY}>")
    return text[start + len(_QUERY) + 2 : end].strip() if 0 <= start < end else text


def _result(result: Mapping[str, JSON], call_id: str | None) -> ToolResult:
    for name in ("error", "rejected", "failure"):
        if name in result:
            said = result[name]
            text = as_string(as_mapping(said).get("errorMessage")) or as_text(said) or name
            return ToolResult(text, call_id, error=text)
    success = result.get("success")
    content = as_mapping(success).get("content")
    text = content if isinstance(content, str) else to_json(success if success is not None else {**result})
    return ToolResult(text, call_id)
