"""What shows that messages are those of a conversation: who speaks, and where they are kept."""

from __future__ import annotations

from collections.abc import Mapping

from pisama.loaders.values import as_mapping, as_string, first
from pisama.trace import JSON, Role

_LISTS = ("history", "chat_history", "messages", "conversation")
PLAIN_ROLES: Mapping[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "user_proxy": "user",
    "userproxy": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "model": "assistant",
    "agent": "assistant",
    "tool": "tool",
    "function": "tool",
    "environment": "tool",
    "tool-call": "assistant",
    "tool-response": "tool",
}
"""Speakers that are no agent of their own."""


def is_message(value: JSON) -> bool:
    """Whether it looks like a message: content, and somebody who says it or a type that does."""
    record = as_mapping(value)
    said = speaker_of(record) is not None or record.get("type") == "FunctionExecutionResultMessage"
    return said and ("content" in record or "tool_calls" in record)


def speaker_of(record: Mapping[str, JSON]) -> str | None:
    """Who speaks: the recorded name or source, else the role, with its brackets."""
    return as_string(first(record, "name", "source", "role"))


def list_key(value: Mapping[str, JSON]) -> str | None:
    """The field of an object that holds its messages."""
    return next((key for key in _LISTS if isinstance(value.get(key), list)), None)
