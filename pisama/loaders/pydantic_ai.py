"""Messages of pydantic-ai, versions 1 and 2: what `all_messages_json()` writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pisama.loaders.base import Document, Loaded
from pisama.loaders.items import Batch, batches, sample_batches
from pisama.loaders.messages import ChatMessage, ToolResult, content_text
from pisama.loaders.runs import Act, RunBuilder, inside, run_name
from pisama.loaders.usages import usage_of
from pisama.loaders.values import as_list, as_mapping, as_nanoseconds, as_string, as_text, first, open_json
from pisama.report import LoadError
from pisama.trace import JSON, Location, ToolCall

_LISTS = ("messages", "all_messages", "message_history")
_IDS = ("run_id", "conversation_id", "id")
_KINDS = ("request", "response")
_FAILED = frozenset(("failed", "denied", "retried"))
_CALLS = frozenset(("tool-call", "builtin-tool-call", "native-tool-call"))
_OWN_RETURNS = frozenset(("builtin-tool-return", "native-tool-return"))
"""Returns of tools that the provider runs, which stand in the response."""


class PydanticAILoader:
    """A list of messages is a run. It names no agent; runs of sub-agents are lists of their own."""

    id: ClassVar[str] = "pydantic-ai"
    title: ClassVar[str] = "pydantic-ai messages"
    recognised_by: ClassVar[str] = "`kind` is `request` or `response`, with parts that have a `part_kind`"

    def sniff(self, document: Document) -> float:
        """Certain of messages whose parts have a `part_kind`."""
        values = [as_mapping(value) for value in sample_batches(document, *_LISTS)]
        return 1.0 if any(map(_is_marked, values)) else 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each list."""
        for number, batch in enumerate(batches(document, *_LISTS)):
            if isinstance(batch, LoadError):
                yield batch
            else:
                yield from _Run(batch).load(document, number)


def _is_marked(value: Mapping[str, JSON]) -> bool:
    if value.get("kind") not in _KINDS:
        return False
    parts = as_list(value.get("parts"))
    return any("part_kind" in as_mapping(part) for part in parts[:4])


class _Run:
    """Reads one list."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._run = RunBuilder(batch.at)
        self._instructions: str | None = None
        self._waiting = False
        self._agent = as_string(first(batch.header, "agent_name", "name")) or "assistant"

    def load(self, document: Document, number: int) -> Iterator[Loaded]:
        """The trace, and an error for each record that is no message."""
        own = as_string(first(self._batch.header, *_IDS))
        for index, record in enumerate(self._batch.records):
            value = as_mapping(record.value)
            own = own or as_string(value.get("run_id"))
            if value.get("kind") == "request":
                self._request(value, record.at)
            elif value.get("kind") == "response":
                self._response(value, record.at, index)
            else:
                yield LoadError("neither a request nor a response", record.at)
        # A run that ended well ends with a response that asks for no more tools.
        yield self._run.trace(
            own or run_name(document, number),
            PydanticAILoader.id,
            complete=not (self._waiting or document.growing),
        )

    def _request(self, value: Mapping[str, JSON], at: Location) -> None:
        instructions = as_string(value.get("instructions"))
        if instructions is not None and instructions != self._instructions:
            self._instructions = instructions
            self._run.hear(ChatMessage("system", instructions, at=inside(at, "instructions")))
        self._waiting = True
        for place, part in enumerate(as_list(value.get("parts"))):
            self._run.hear(_heard(as_mapping(part), inside(at, "parts", place)))
        if value.get("state") == "interrupted":
            self._run.outcome = "aborted"

    def _response(self, value: Mapping[str, JSON], at: Location, index: int) -> None:
        texts: list[str] = []
        thoughts: list[str] = []
        calls: list[ToolCall] = []
        results: list[ToolResult] = []
        for place, recorded in enumerate(as_list(value.get("parts"))):
            part = as_mapping(recorded)
            kind = as_string(part.get("part_kind"))
            if kind in _CALLS:
                calls.append(_call(part, inside(at, "parts", place)))
            elif kind in _OWN_RETURNS:
                results.append(_result(part))
            elif kind == "thinking":
                thoughts.append(as_text(part.get("content")) or "")
            else:
                texts.append(content_text(part.get("content")) or "")
        reason = as_string(value.get("finish_reason"))
        reason = reason or as_string(as_mapping(value.get("provider_details")).get("finish_reason"))
        message = ChatMessage(
            "assistant",
            "\n".join(filter(None, texts)),
            reasoning="\n".join(filter(None, thoughts)) or None,
            calls=tuple(calls),
            results=tuple(results),
            finish_reason=reason.lower() if reason else None,
            at=at,
        )
        act = Act(
            self._agent,
            model=as_string(value.get("model_name")),
            usage=usage_of(value.get("usage")),
            end=as_nanoseconds(value.get("timestamp")),
        )
        self._run.act(message, act, index=index)
        self._waiting = len(calls) > len(results)


def _heard(part: Mapping[str, JSON], at: Location) -> ChatMessage:
    kind = part.get("part_kind")
    if kind == "tool-return" or (kind == "retry-prompt" and part.get("tool_name") is not None):
        return ChatMessage("tool", results=(_result(part),), at=at)
    text = content_text(part.get("content")) or ""
    return ChatMessage("system" if kind == "system-prompt" else "user", text, at=at)


def _call(part: Mapping[str, JSON], at: Location) -> ToolCall:
    arguments = part.get("args")
    name = as_string(part.get("tool_name")) or ""
    call_id = as_string(part.get("tool_call_id"))
    return ToolCall(name, {} if arguments in (None, "") else open_json(arguments), call_id, at=at)


def _result(part: Mapping[str, JSON]) -> ToolResult:
    """What a tool returned. A request to retry, of either version, is a call that failed."""
    text = content_text(part.get("content"))
    if isinstance(part.get("content"), list) and part.get("part_kind") == "retry-prompt":
        text = _validation_errors(part.get("content"))
    failed = part.get("part_kind") == "retry-prompt" or as_string(part.get("outcome")) in _FAILED
    call_id, name = as_string(part.get("tool_call_id")), as_string(part.get("tool_name"))
    return ToolResult(text, call_id, name, (text or "failed") if failed else None)


def _validation_errors(content: JSON) -> str:
    """The errors that pydantic found in arguments, one a line, as the model is shown them."""
    lines: list[str] = []
    for recorded in as_list(content):
        error = as_mapping(recorded)
        place = ".".join(str(name) for name in as_list(error.get("loc")))
        message = as_text(first(error, "msg", "type")) or ""
        lines.append(f"{place}: {message}" if place else message)
    return "\n".join(lines)
