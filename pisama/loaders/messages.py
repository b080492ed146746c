"""One reader for the messages of chat APIs, and one builder of steps from them.

Every provider's message becomes a `ChatMessage`; `ConversationBuilder` turns a list of those into
steps, pairs tool calls with their results, and gives each step what was new to it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pisama.loaders.values import as_list, as_mapping, as_string, as_text, first, open_json
from pisama.trace import JSON, Location, Message, Role, Step, ToolCall

MAX_SEEN = 64
"""Most messages of a group conversation that one step keeps as seen; older ones went by while
others spoke. Bounds the cost of a conversation of many agents."""

_ROLES: Mapping[str, Role] = {
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


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool returned, before it is paired with its call."""

    text: str | None
    call_id: str | None = None
    name: str | None = None
    error: str | None = None


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
    return _ROLES.get(value.lower(), "user") if isinstance(value, str) else "user"


def read_message(record: Mapping[str, JSON], at: Location | None = None) -> ChatMessage:
    """A message of OpenAI chat completions, of Anthropic, or of the GenAI conventions (`parts`)."""
    role = role_of(record.get("role"))
    reader = _Parts(at)
    content = first(record, "content", "parts", "contents")
    if isinstance(content, str):
        reader.texts.append(content)
    else:
        for part in as_list(content):
            reader.add(part)
    for call in as_list(record.get("tool_calls")):
        reader.add_call(as_mapping(call))
    legacy = as_mapping(record.get("function_call"))
    if legacy:
        reader.add_call(legacy)
    reasoning = as_text(first(record, "reasoning_content", "reasoning"))
    if reasoning:
        reader.thoughts.append(reasoning)
    text = "\n".join(reader.texts)
    name = as_string(record.get("name"))
    if role == "tool" and not reader.results:
        call_id = as_string(first(record, "tool_call_id", "id", "tool_use_id"))
        error = text if record.get("is_error") is True or record.get("status") == "error" else None
        reader.results.append(ToolResult(text, call_id, name, error))
        text = ""
    finish = as_string(first(record, "finish_reason", "stop_reason"))
    return ChatMessage(
        role=role,
        text=text,
        name=name,
        reasoning="\n".join(reader.thoughts) or None,
        calls=tuple(reader.calls),
        results=tuple(reader.results),
        finish_reason=finish.lower() if finish else None,
        at=at,
    )


@dataclass(slots=True)
class _Parts:
    """The parts of one message, sorted by what they are."""

    at: Location | None
    texts: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    results: list[ToolResult] = field(default_factory=list)

    def add(self, part: JSON) -> None:
        if isinstance(part, str):
            self.texts.append(part)
            return
        record = as_mapping(part)
        kind = as_string(record.get("type")) or ("text" if "text" in record else "")
        if kind in ("text", "input_text", "output_text", "refusal"):
            self.texts.append(as_text(first(record, "text", "content", "refusal")) or "")
        elif kind in ("thinking", "reasoning", "redacted_thinking"):
            self.thoughts.append(as_text(first(record, "thinking", "content", "text")) or "")
        elif kind in ("tool_use", "tool_call", "server_tool_use", "mcp_tool_use", "function_call"):
            self.add_call(record)
        elif kind.endswith("tool_result") or kind in ("tool_call_response", "function_call_output"):
            self.add_result(record)
        elif kind:
            self.texts.append(f"[{kind}]")

    def add_call(self, record: Mapping[str, JSON]) -> None:
        function = as_mapping(record.get("function")) or record
        name = as_string(function.get("name"))
        arguments = open_json(first(function, "arguments", "input", "args"))
        call_id = as_string(first(record, "id", "call_id", "tool_call_id"))
        self.calls.append(ToolCall(name=name or "", arguments=arguments, id=call_id, at=self.at))

    def add_result(self, record: Mapping[str, JSON]) -> None:
        text = content_text(first(record, "content", "result", "response", "output"))
        call_id = as_string(first(record, "tool_use_id", "id", "call_id", "tool_call_id"))
        error = (text or "failed") if record.get("is_error") is True else None
        self.results.append(ToolResult(text, call_id, as_string(record.get("name")), error))


def content_text(content: JSON) -> str | None:
    """The text of a tool result: a string, text blocks joined, or JSON text of anything else."""
    if isinstance(content, list) and content and all(isinstance(item, dict) and "text" in item for item in content):
        return "\n".join(as_text(as_mapping(item).get("text")) or "" for item in content)
    return as_text(content)


class ConversationBuilder:
    """Steps from a conversation in which everybody hears everybody.

    Feed it messages in order with `hear` (what is no act: system, user, tool) and `act`; results
    are paired with the calls before them, by id or, without ids, first open call first.
    """

    def __init__(self) -> None:
        self._steps: list[Step] = []
        self._calls: list[list[ToolCall]] = []
        self._open: OrderedDict[tuple[int, int], str | None] = OrderedDict()
        self._by_id: dict[str, tuple[int, int]] = {}
        self._said: list[tuple[str | None, Message]] = []
        self._heard: dict[str, int] = {}

    @property
    def last_step(self) -> Step | None:
        """The latest act, without its results."""
        return self._steps[-1] if self._steps else None

    def hear(self, message: ChatMessage) -> None:
        """A message that is no act: it is new to every agent that acts later."""
        for result in message.results:
            self._pair(result)
            self._said.append((None, Message("tool", result.text or result.error or "", result.name, message.at)))
        if message.text:
            self._said.append((None, Message(message.role, message.text, message.name, message.at)))

    def act(self, step: Step, calls: tuple[ToolCall, ...] = ()) -> None:
        """An act. `seen` and `tool_calls` of the given step are filled in here."""
        since = max(self._heard.get(step.agent, 0), len(self._said) - MAX_SEEN)
        seen = tuple(message for author, message in self._said[since:] if author != step.agent)
        self._steps.append(replace(step, seen=seen))
        place = len(self._calls)
        self._calls.append(list(calls))
        for number, call in enumerate(calls):
            self._open[place, number] = call.id
            if call.id is not None:
                self._by_id[call.id] = (place, number)
        if step.text:
            self._said.append((step.agent, Message("assistant", step.text, step.agent, step.at)))
        self._heard[step.agent] = len(self._said)

    def steps(self) -> tuple[Step, ...]:
        """The steps so far, each with its calls and their results."""
        pairs = zip(self._steps, self._calls, strict=True)
        return tuple(replace(step, tool_calls=tuple(calls)) if calls else step for step, calls in pairs)

    def _pair(self, result: ToolResult) -> None:
        place = self._by_id.pop(result.call_id, None) if result.call_id is not None else None
        if place is None and result.call_id is None:
            # Without ids a result answers the oldest call that has none yet.
            place = next(iter(self._open), None)
        if place is None:
            return
        self._open.pop(place, None)
        position, number = place
        call = self._calls[position][number]
        self._calls[position][number] = replace(call, result=result.text, error=result.error)
