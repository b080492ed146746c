"""One reader for the messages of chat APIs, and one builder of steps from them.

Every provider's message becomes a `ChatMessage`; `ConversationBuilder` turns a list of those into
steps, pairs tool calls with their results, and gives each step what was new to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pisama.loaders.message_parts import Parts, ToolResult, content_text, is_result, kind_of
from pisama.loaders.pairing import Pairing
from pisama.loaders.values import as_list, as_mapping, as_string, as_text, first
from pisama.trace import JSON, Location, Message, Role, Step, ToolCall

__all__ = [
    "KNOWN_ROLES",
    "ChatMessage",
    "ConversationBuilder",
    "ToolResult",
    "content_text",
    "read_message",
    "role_of",
]

MAX_LISTENERS = 8
"""In a group of more agents than this a step keeps only the latest `MAX_SEEN` messages as seen."""
MAX_SEEN = 64
"""See `MAX_LISTENERS`; together they keep a conversation of many agents linear in its length."""

_CONTENT = ("content", "parts", "contents")

KNOWN_ROLES: Mapping[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "model": "assistant",
    "agent": "assistant",
    "tool": "tool",
    "function": "tool",
    "tool-call": "assistant",
    "tool-response": "tool",
}
"""Roles as chat APIs and their imitators spell them, in lower case."""


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """A message of any chat API."""

    role: Role
    text: str = ""
    name: str | None = None
    reasoning: str | None = None
    calls: tuple[ToolCall, ...] = ()
    results: tuple[ToolResult, ...] = ()
    finish_reason: str | None = None
    at: Location | None = None


def role_of(value: JSON) -> Role:
    """The role of a message; what is not known counts as the user's."""
    return KNOWN_ROLES.get(value.lower(), "user") if isinstance(value, str) else "user"


def read_message(record: Mapping[str, JSON], at: Location | None = None) -> ChatMessage:
    """A message of OpenAI chat completions, of Anthropic, or of the GenAI conventions (`parts`)."""
    role = role_of(record.get("role"))
    reader = Parts(at)
    field_name = next((name for name in _CONTENT if record.get(name) is not None), "content")
    content = record.get(field_name)
    if role == "tool" and not _has_result_parts(content):
        reader.results.append(_tool_message(record, content))
    else:
        reader.add_all(content, field_name)
    for number, call in enumerate(as_list(record.get("tool_calls"))):
        reader.add_call(as_mapping(call), f"/tool_calls/{number}")
    legacy = as_mapping(record.get("function_call"))
    if legacy:
        reader.add_call(legacy, "/function_call")
    if not content and isinstance(record.get("refusal"), str):
        reader.add(record.get("refusal"), "/refusal")
    reasoning = as_text(first(record, "reasoning_content", "reasoning"))
    if reasoning:
        reader.thoughts.append(reasoning)
    finish = as_string(first(record, "finish_reason", "stop_reason"))
    return ChatMessage(
        role=role,
        text="\n".join(reader.texts),
        name=as_string(record.get("name")),
        reasoning="\n".join(filter(None, reader.thoughts)) or None,
        calls=tuple(reader.calls),
        results=tuple(reader.results),
        finish_reason=finish.lower() if finish else None,
        at=at,
    )


def _has_result_parts(content: JSON) -> bool:
    return any(is_result(kind_of(as_mapping(part))) for part in as_list(content))


def _tool_message(record: Mapping[str, JSON], content: JSON) -> ToolResult:
    """A message of role `tool` is, as a whole, what one call returned."""
    text = content_text(content)
    ids = as_list(record.get("tool_call_ids"))
    call_id = first(record, "tool_call_id", "tool_use_id", "id") or (ids[0] if ids else None)
    failed = record.get("is_error") is True or record.get("error") is True or record.get("status") == "error"
    return ToolResult(
        text, as_string(call_id), as_string(record.get("name")), (text or "failed") if failed else None
    )


@dataclass(slots=True)
class ConversationBuilder:
    """Steps from a conversation in which everybody hears everybody.

    Feed it messages in order with `hear` (what is no act: system, user, tool) and `act`.
    """

    _steps: list[Step] = field(default_factory=list)
    _seen: list[tuple[Message, ...]] = field(default_factory=list)
    _pairing: Pairing = field(default_factory=Pairing)
    _said: list[tuple[str | None, Message]] = field(default_factory=list)
    _heard: dict[str, int] = field(default_factory=dict)

    @property
    def last_step(self) -> Step | None:
        """The latest act as it was given to `act`."""
        return self._steps[-1] if self._steps else None

    def hear(self, message: ChatMessage) -> None:
        """A message that is no act: it is new to every agent that acts later."""
        for result in message.results:
            call = self._pairing.answer(result.text, result.call_id, result.name, result.error)
            name = (call.name if call else None) or result.name
            self._said.append((None, Message("tool", result.text or result.error or "", name, message.at)))
        if message.text:
            self._said.append((None, Message(message.role, message.text, message.name, message.at)))

    def act(self, step: Step, calls: tuple[ToolCall, ...] = ()) -> None:
        """An act. `seen` and `tool_calls` of the given step are filled in here."""
        since = self._heard.get(step.agent, 0)
        if len(self._heard) > MAX_LISTENERS:
            since = max(since, len(self._said) - MAX_SEEN)
        self._seen.append(tuple(message for author, message in self._said[since:] if author != step.agent))
        self._steps.append(step)
        self._pairing.add(calls)
        if step.text:
            self._said.append((step.agent, Message("assistant", step.text, step.agent, step.at)))
        self._heard[step.agent] = len(self._said)

    def steps(self) -> tuple[Step, ...]:
        """The steps so far, each with what was new to it, and with its calls and their results."""
        parts = zip(self._steps, self._seen, self._pairing.steps, strict=True)
        return tuple(replace(step, seen=seen, tool_calls=tuple(calls)) for step, seen, calls in parts)
