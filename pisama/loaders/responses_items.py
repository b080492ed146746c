"""Items of the OpenAI Responses API: messages, reasoning, calls and outputs, one after another.

A response has no message of its own: what the model did in one turn is all its items up to the next
item that came from outside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pisama.loaders.message_parts import Parts, content_text
from pisama.loaders.messages import ChatMessage, ToolResult, read_message, role_of
from pisama.loaders.runs import Act, RunBuilder
from pisama.loaders.values import as_list, as_mapping, as_string, as_text, first, open_json
from pisama.trace import JSON, Location, ToolCall

_CALL = "_call"
_OUTPUT = "_output"
_SILENT = frozenset(("item_reference", "mcp_list_tools", "compaction"))
_MESSAGE_PARTS = frozenset(("input_text", "output_text", "refusal"))
_HANDOFF = "transfer_to_"


def is_item(value: JSON) -> bool:
    """Whether it is an item that only this API has: a call, an output, or a message of typed parts."""
    record = as_mapping(value)
    kind = as_string(record.get("type")) or ""
    if kind == "message" and isinstance(record.get("role"), str):
        parts = as_list(record.get("content"))
        return any(as_string(as_mapping(part).get("type")) in _MESSAGE_PARTS for part in parts[:4])
    if kind in ("function_call", "custom_tool_call"):
        return "call_id" in record and "name" in record
    if kind == "reasoning":
        return isinstance(record.get("summary"), list)
    if kind.endswith(_OUTPUT):
        return kind.removesuffix(_OUTPUT).endswith(_CALL) and "call_id" in record
    return kind.endswith(_CALL) and isinstance(record.get("id"), str) and "status" in record


@dataclass(slots=True)
class ResponsesReader:
    """Tells a run what its items say, turn by turn."""

    run: RunBuilder
    agent: str = "assistant"
    """Whose turn it is; a handoff of the OpenAI Agents SDK changes it."""
    _parts: Parts | None = None
    _index: int | None = None
    _response: str | None = None
    _answered: set[str] = field(default_factory=set)
    _handoffs: set[str] = field(default_factory=set)

    def read(self, item: Mapping[str, JSON], at: Location, index: int | None = None) -> bool:
        """The next item, which has this number in its list. False when it is no item."""
        kind = as_string(item.get("type")) or ("message" if "role" in item else "")
        if kind == "message":
            self._message(item, at, index)
        elif kind.endswith(_OUTPUT):
            self.end_turn()
            self._output(item, at)
        elif kind == "reasoning" or kind.endswith(_CALL):
            self._own(item, kind, at, index)
        elif kind == "mcp_approval_request":
            self._turn(item, at, index).add_call(item, "")
        elif kind not in _SILENT and kind != "mcp_approval_response":
            return False
        return True

    def end_turn(self, act: Act | None = None, finish_reason: str | None = None) -> int | None:
        """The turn is over; the number of its step, or None when nothing was done in it."""
        parts, self._parts = self._parts, None
        if parts is None and (act is None or act.error is None):
            return None
        parts = parts or Parts(self.run.at)
        message = ChatMessage(
            role="assistant",
            text="\n".join(filter(None, parts.texts)),
            reasoning="\n".join(filter(None, parts.thoughts)) or None,
            calls=tuple(parts.calls),
            results=tuple(parts.results),
            finish_reason=finish_reason,
            at=parts.at,
        )
        act = (act or Act())._replace(agent=self.agent)
        return self.run.act(message, act, index=self._index)

    def _message(self, item: Mapping[str, JSON], at: Location, index: int | None) -> None:
        if role_of(item.get("role")) == "assistant":
            self._turn(item, at, index).add_all(item.get("content"), "content")
            return
        self.end_turn()
        self.run.hear(read_message(item, at))

    def _own(self, item: Mapping[str, JSON], kind: str, at: Location, index: int | None) -> None:
        """What the model thought or called."""
        parts = self._turn(item, at, index)
        if kind == "reasoning":
            said = first(item, "summary", "content")
            parts.thoughts.append(
                content_text(said) or "" if said != [] else content_text(item.get("content")) or ""
            )
            return
        call, result = read_call(item, kind, at)
        parts.calls.append(call)
        if result is not None:
            parts.results.append(result)
        if call.id is not None and call.name.startswith(_HANDOFF):
            self._handoffs.add(call.id)

    def _turn(self, item: Mapping[str, JSON], at: Location, index: int | None) -> Parts:
        """The parts of the turn this item belongs to; another response is another turn."""
        response = as_string(as_mapping(item.get("provider_data")).get("response_id"))
        if self._parts is not None and response is not None and response != self._response:
            self.end_turn()
        if self._parts is None:
            self._parts, self._index, self._response = Parts(at), index, response
        return self._parts

    def _output(self, item: Mapping[str, JSON], at: Location) -> None:
        call_id = as_string(item.get("call_id"))
        if call_id is not None and call_id in self._answered:
            # Resent with the rest of the conversation.
            return
        result = read_result(item, call_id)
        if call_id is not None:
            self._answered.add(call_id)
        self.run.hear(ChatMessage("tool", results=(result,), at=at))
        name = as_mapping(open_json(result.text)).get("assistant") if call_id in self._handoffs else None
        if isinstance(name, str) and name:
            self.agent = name


def read_call(item: Mapping[str, JSON], kind: str, at: Location) -> tuple[ToolCall, ToolResult | None]:
    """A call; tools that the provider runs itself have their result in it."""
    name = as_string(item.get("name")) or kind.removesuffix(_CALL)
    arguments = first(item, "arguments", "input", "action", "operation", "queries", "code")
    arguments = {} if arguments == "" else open_json(arguments)
    call_id = as_string(first(item, "call_id", "id"))
    call = ToolCall(name, arguments, call_id, at=at)
    output = first(item, "output", "outputs", "results", "result")
    error = _failure(item)
    return call, None if output is None and error is None else ToolResult(
        content_text(output), call_id, name, error
    )


def read_result(item: Mapping[str, JSON], call_id: str | None) -> ToolResult:
    """What a call returned, from an output item."""
    return ToolResult(content_text(first(item, "output", "content")), call_id, error=_failure(item))


def _failure(item: Mapping[str, JSON]) -> str | None:
    error = item.get("error")
    if error is not None:
        return as_text(as_mapping(error).get("message")) or as_text(error)
    if item.get("status") != "failed":
        return None
    return content_text(first(item, "output", "content")) or "failed"
