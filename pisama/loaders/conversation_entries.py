"""The messages of a conversation between agents: who speaks, to whom, and what it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from pisama.loaders.code_actions import Reply, is_executor, read_reply
from pisama.loaders.conversation_marks import PLAIN_ROLES, speaker_of
from pisama.loaders.messages import ChatMessage, ToolResult, content_text, read_message
from pisama.loaders.values import as_integer, as_list, as_mapping, as_nanoseconds, as_string, first, open_json
from pisama.patterns import lazy
from pisama.trace import JSON, Location, Role, ToolCall, Usage

_NO_MESSAGE = frozenset(
    (
        "ToolCallSummaryMessage",
        "UserInputRequestedEvent",
        "SelectSpeakerEvent",
        "SelectorEvent",
        "ModelClientStreamingChunkEvent",
        "MemoryQueryEvent",
    )
)
"""Types of AutoGen that repeat what another message says, or say nothing."""

_QUOTED = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_CALL = lazy(rf"FunctionCall\(id=({_QUOTED}), arguments=({_QUOTED}), name=({_QUOTED})\)", re.DOTALL)
_RESULT = lazy(
    rf"FunctionExecutionResult\(content=({_QUOTED}), name=({_QUOTED}), call_id=({_QUOTED}), "
    r"is_error=(True|False)\)",
    re.DOTALL,
)
_ESCAPE = lazy(r"\\([\\'\"ntr]|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})")


@dataclass(frozen=True, slots=True)
class Entry:
    """One message of the conversation."""

    index: int
    """Position in the list of messages."""
    speaker: str
    role: Role
    """`assistant` for every agent, whatever role was recorded."""
    message: ChatMessage
    recipient: str | None = None
    detail: str | None = None
    """What stands in brackets after the speaker: `thought`, `termination condition` …"""
    reply: Reply | None = None
    """Set when this is the answer of a code executor."""
    usage: Usage | None = None
    start: int | None = None

    @property
    def acts(self) -> bool:
        """Whether an agent does something here."""
        return self.role == "assistant" and self.reply is None and not self.message.results


def read_entry(index: int, record: Mapping[str, JSON], at: Location) -> Entry | None:
    """A message as an entry; None for one that only repeats others."""
    if as_string(record.get("type")) in _NO_MESSAGE:
        return None
    label = speaker_of(record) or "user"
    speaker, _, bracket = label.partition(" (")
    bracket = bracket.rstrip(")").strip()
    recipient = (
        bracket.removeprefix("->").strip() if bracket.startswith("->") else as_string(record.get("target"))
    )
    message = _message(record, at)
    role = _role(record, speaker)
    reply = None
    if role in ("user", "assistant") and not message.calls and not message.results:
        reply = read_reply(message.text, executor=is_executor(speaker))
    usage = as_mapping(record.get("models_usage"))
    return Entry(
        index=index,
        speaker=speaker,
        role=role,
        message=replace(message, role=role),
        recipient=recipient or None,
        detail=None if not bracket or bracket.startswith("->") else bracket.lower(),
        reply=reply,
        usage=Usage(as_integer(usage.get("prompt_tokens")), as_integer(usage.get("completion_tokens")))
        if usage
        else None,
        start=as_nanoseconds(first(record, "created_at", "timestamp")),
    )


def _role(record: Mapping[str, JSON], speaker: str) -> Role:
    """An agent's message has its name on it; without a name the role says what it is."""
    recorded = PLAIN_ROLES.get((as_string(record.get("role")) or "").lower())
    if recorded in ("system", "tool"):
        return recorded
    return PLAIN_ROLES.get(speaker.lower(), "assistant")


def _message(record: Mapping[str, JSON], at: Location) -> ChatMessage:
    content = record.get("content")
    calls, results = _autogen(content, at)
    if calls or results:
        return ChatMessage("assistant", calls=calls, results=results, at=at)
    answers = [as_mapping(answer) for answer in as_list(record.get("tool_responses"))]
    if answers:
        # AG2 repeats the answers, joined, as the content.
        return ChatMessage("tool", results=tuple(_answer(answer) for answer in answers), at=at)
    message = read_message(record, at)
    if record.get("type") == "ThoughtEvent":
        return replace(message, text="", reasoning=message.text)
    return message


def _answer(record: Mapping[str, JSON]) -> ToolResult:
    call_id = as_string(first(record, "tool_call_id", "call_id"))
    text = content_text(record.get("content"))
    return ToolResult(
        text, call_id, as_string(record.get("name")), _error(text, failed=record.get("is_error") is True)
    )


def _error(text: str | None, *, failed: bool) -> str | None:
    return (text or "failed") if failed else None


def _autogen(content: JSON, at: Location) -> tuple[tuple[ToolCall, ...], tuple[ToolResult, ...]]:
    """Calls and results of AutoGen: lists of objects, or the printed form of such lists."""
    if isinstance(content, str):
        return _printed(content, at)
    records = [as_mapping(item) for item in as_list(content)]
    calls = (record for record in records if "arguments" in record and "name" in record)
    results = (record for record in records if "call_id" in record and "content" in record)
    return (
        tuple(
            ToolCall(
                as_string(call.get("name")) or "",
                open_json(call.get("arguments")),
                as_string(call.get("id")),
                at=at,
            )
            for call in calls
        ),
        tuple(_answer(result) for result in results),
    )


def _printed(text: str, at: Location) -> tuple[tuple[ToolCall, ...], tuple[ToolResult, ...]]:
    calls: tuple[ToolCall, ...] = ()
    results: tuple[ToolResult, ...] = ()
    if text.startswith("[FunctionCall("):
        calls = tuple(
            ToolCall(_literal(name), open_json(_literal(arguments)), _literal(call_id), at=at)
            for call_id, arguments, name in _CALL.findall(text)
        )
    elif text.startswith("[FunctionExecutionResult("):
        results = tuple(
            ToolResult(
                _literal(body),
                _literal(call_id),
                _literal(name),
                _error(_literal(body), failed=failed == "True"),
            )
            for body, name, call_id, failed in _RESULT.findall(text)
        )
    return calls, results


def _literal(quoted: str) -> str:
    """The text that a Python string literal stands for."""
    return _ESCAPE.sub(_character, quoted[1:-1])


def _character(escape: re.Match[str]) -> str:
    code = escape.group(1)
    if len(code) > 1:
        number = int(code[1:], 16)
        return chr(number) if number < 0x110000 else "\ufffd"
    return {"n": "\n", "t": "\t", "r": "\r"}.get(code, code)
