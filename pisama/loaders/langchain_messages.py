"""Messages of LangChain, in each of the ways in which they are written down.

`dumps()` writes constructors (`{"lc": 1, "id": […, "AIMessage"], "kwargs": {…}}`), `messages_to_dict`
`{"type": "ai", "data": {…}}`, and `model_dump()` the bare fields with their `type`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pisama.loaders.messages import ChatMessage, ToolResult, content_text, read_message
from pisama.loaders.usages import usage_of
from pisama.loaders.values import as_list, as_mapping, as_string, as_text, first, open_json
from pisama.trace import JSON, Location, Role, ToolCall, Usage

_ROLES: Mapping[str, Role] = {
    "human": "user",
    "ai": "assistant",
    "aimessagechunk": "assistant",
    "system": "system",
    "developer": "system",
    "tool": "tool",
    "function": "tool",
    "chat": "user",
}
_MARKS = frozenset(
    (
        "additional_kwargs",
        "response_metadata",
        "tool_call_id",
        "invalid_tool_calls",
        "usage_metadata",
        "example",
    )
)
"""Fields of which a message that is written down whole has at least one."""


@dataclass(frozen=True, slots=True)
class LangChainMessage:
    """A message and what LangChain keeps beside it."""

    message: ChatMessage
    id: str | None = None
    model: str | None = None
    usage: Usage | None = None


def fields_of(value: JSON) -> dict[str, JSON] | None:
    """The fields of a message in any of the three forms, with its `type`; None when it is none."""
    record = as_mapping(value)
    if "lc" in record:
        kind = _class_name(record)
        return {**as_mapping(record.get("kwargs")), "type": kind} if kind is not None else None
    kind = _kind(record)
    if kind is None:
        return None
    data = record.get("data")
    if isinstance(data, dict) and "content" in data:
        return {**data, "type": kind}
    return record if "content" in record and "role" not in record and _is_whole(record) else None


def is_langchain(value: JSON) -> bool:
    """Whether it is a message as LangChain writes it."""
    return fields_of(value) is not None


def message_id(value: JSON) -> str | None:
    """The id of a message; None when it has none, or is no message."""
    fields = fields_of(value)
    return as_string(fields.get("id")) if fields is not None else None


def read_langchain(value: JSON, at: Location) -> LangChainMessage | None:
    """A message in any of the three forms; None when it is none, or an order to remove one."""
    fields = fields_of(value)
    if fields is None or fields["type"] == "remove":
        return None
    role = _ROLES.get(str(fields["type"]).lower(), "user")
    if fields["type"] == "chat":
        fields = {**fields, "name": first(fields, "name", "role")}
    metadata = as_mapping(fields.get("response_metadata"))
    if role == "tool":
        message = ChatMessage("tool", results=(_result(fields),), at=at)
    elif role == "assistant":
        message = _answer(fields, metadata, at)
    else:
        message = read_message(
            {"role": role, "content": fields.get("content"), "name": fields.get("name")}, at
        )
    return LangChainMessage(
        message,
        as_string(fields.get("id")),
        as_string(first(metadata, "model_name", "model", "model_id")),
        usage_of(fields.get("usage_metadata")) or usage_of(first(metadata, "token_usage", "usage")),
    )


def _class_name(record: Mapping[str, JSON]) -> str | None:
    """`AIMessage` as `ai`."""
    path = as_list(record.get("id"))
    name = path[-1] if path else None
    if not isinstance(name, str):
        return None
    kind = name.removesuffix("Chunk").removesuffix("Message").lower()
    return kind if kind in _ROLES or kind == "remove" else None


def _kind(record: Mapping[str, JSON]) -> str | None:
    kind = record.get("type")
    return kind if isinstance(kind, str) and (kind.lower() in _ROLES or kind == "remove") else None


def _is_whole(record: Mapping[str, JSON]) -> bool:
    return bool(_MARKS & record.keys()) or set(record) <= {"type", "content", "name", "id"}


def _answer(fields: Mapping[str, JSON], metadata: Mapping[str, JSON], at: Location) -> ChatMessage:
    more = as_mapping(fields.get("additional_kwargs"))
    recorded = as_list(fields.get("tool_calls"))
    calls = tuple(_call(as_mapping(call), at) for call in recorded)
    calls += tuple(_call(as_mapping(call), at) for call in as_list(fields.get("invalid_tool_calls")))
    content = fields.get("content")
    if calls and isinstance(content, list):
        # The provider's own blocks say the same calls again.
        content = [part for part in content if as_string(as_mapping(part).get("type")) not in _CALL_BLOCKS]
    record: dict[str, JSON] = {
        "role": "assistant",
        "content": content,
        "name": fields.get("name"),
        "tool_calls": None if calls else more.get("tool_calls"),
        "function_call": None if calls else more.get("function_call"),
        "reasoning_content": first(more, "reasoning_content", "reasoning"),
        "refusal": more.get("refusal"),
        "finish_reason": first(metadata, "finish_reason", "stop_reason", "stopReason", "done_reason"),
    }
    message = read_message(record, at)
    return ChatMessage(
        "assistant",
        message.text,
        message.name,
        message.reasoning,
        calls or message.calls,
        message.results,
        message.finish_reason,
        at,
    )


_CALL_BLOCKS = frozenset(("tool_use", "tool_call", "function_call", "input_json_delta"))


def _call(record: Mapping[str, JSON], at: Location) -> ToolCall:
    name = as_string(record.get("name")) or ""
    return ToolCall(name, open_json(record.get("args")), as_string(record.get("id")), at=at)


def _result(fields: Mapping[str, JSON]) -> ToolResult:
    text = content_text(fields.get("content"))
    failed = fields.get("status") == "error"
    error = (text or as_text(fields.get("artifact")) or "failed") if failed else None
    return ToolResult(text, as_string(fields.get("tool_call_id")), as_string(fields.get("name")), error)
