"""The parts of a message, of any provider: text, thoughts, calls, results.

OpenAI, Anthropic and the GenAI conventions say what a part is in its `type`; Bedrock and Gemini by the
one key it has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from pisama.loaders.values import as_list, as_mapping, as_string, as_text, first, open_json, to_json
from pisama.trace import JSON, Location, ToolCall

_TEXTS = frozenset(("text", "input_text", "output_text", "refusal", "summary_text"))
_THOUGHTS = frozenset(
    (
        "thinking",
        "reasoning",
        "redacted_thinking",
        "text_reasoning",
        "Microsoft.Extensions.AI.TextReasoningContent",
    )
)
_CALLS = frozenset(
    (
        *("tool_use", "tool_call", "server_tool_use", "mcp_tool_use", "function_call", "custom_tool_call"),
        *("toolUse", "functionCall", "tool-call"),
    )
)
_KEYED: Mapping[str, str] = {
    "toolUse": "toolUse",
    "toolResult": "toolResult",
    "reasoningContent": "reasoning",
    "functionCall": "functionCall",
    "function_call": "functionCall",
    "functionResponse": "functionResponse",
    "function_response": "functionResponse",
    "executableCode": "code",
    "executable_code": "code",
    "codeExecutionResult": "code_result",
    "code_execution_result": "code_result",
    "inlineData": "file",
    "inline_data": "file",
    "fileData": "file",
    "file_data": "file",
    "image": "image",
    "document": "document",
    "video": "video",
    "cachePoint": "",
}
"""What a part without a type is, by its key; empty for what says nothing."""

_MEDIA = frozenset(
    (
        "image",
        "image_url",
        "input_image",
        "audio",
        "input_audio",
        "video",
        "file",
        "input_file",
        "document",
        "blob",
    )
)
"""Types of content blocks that hold no text."""


class ToolResult(NamedTuple):
    """What a tool returned, before it is paired with its call."""

    text: str | None
    call_id: str | None = None
    name: str | None = None
    error: str | None = None


def content_text(content: JSON) -> str | None:
    """The text of a tool result: a string, blocks joined, or JSON text of anything else."""
    blocks = as_list(content)
    if blocks and all(isinstance(block, dict) and ("text" in block or "type" in block) for block in blocks):
        return "\n".join(_block_text(as_mapping(block)) for block in blocks)
    return as_text(content)


def _block_text(block: Mapping[str, JSON]) -> str:
    if block.get("text") is not None:
        return as_text(block["text"]) or ""
    source = as_mapping(block.get("source"))
    if source.get("type") == "text":
        return as_text(source.get("data")) or ""
    # Pictures are megabytes of base64, and nothing here reads them.
    kind = as_string(block.get("type")) or ""
    return f"[{kind}]" if kind in _MEDIA or "source" in block or "data" in block else to_json(dict(block))


def kind_of(part: dict[str, JSON]) -> str:
    """What a part is: its type, else what the one key it has says; empty when it says nothing."""
    return _kind(part)[0]


def is_result(kind: str) -> bool:
    """Whether parts of this type are results of tools."""
    return kind.endswith(("tool_result", "tool-result")) or kind in _RESULTS


_RESULTS = frozenset(
    ("tool_call_response", "function_call_output", "function_result", "toolResult", "functionResponse")
)


@dataclass(slots=True)
class Parts:
    """The parts of one message, sorted by what they are."""

    at: Location | None
    texts: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    results: list[ToolResult] = field(default_factory=list)

    def add_all(self, content: JSON, field_name: str) -> None:
        """The content of a message: text, a list of parts, or a single part."""
        if isinstance(content, list):
            for number, part in enumerate(content):
                self.add(part, f"/{field_name}/{number}")
        elif content is not None:
            self.add(content, f"/{field_name}")

    def add(self, part: JSON, place: str) -> None:
        """One part, which stands at `place` in the message."""
        if not isinstance(part, dict):
            if part is not None:
                self.texts.append(as_text(part) or "")
            return
        kind, body = _kind(part)
        if kind in _TEXTS:
            text = as_text(first(body, "text", "content", "refusal")) or ""
            (self.thoughts if part.get("thought") is True else self.texts).append(text)
        elif kind in _THOUGHTS:
            # The encrypted `data` of redacted thoughts says nothing.
            self.thoughts.append(_thought(body))
        elif kind in _CALLS:
            self.add_call(body, place)
        elif kind == "code":
            self.add_call({"name": "code_execution", "arguments": body}, place)
        elif kind == "code_result":
            output = as_text(body.get("output")) or ""
            failed = body.get("outcome") not in (None, "OUTCOME_OK")
            self.results.append(ToolResult(output, error=(output or "failed") if failed else None))
        elif is_result(kind):
            self.add_result(body)
        elif kind or body:
            self.texts.append(f"[{kind}]" if kind else to_json(part))

    def add_call(self, record: Mapping[str, JSON], place: str) -> None:
        """A call, of any provider, which stands at `place` in the message."""
        function = as_mapping(record.get("function")) or as_mapping(record.get("custom")) or record
        arguments = first(function, "arguments", "input", "args")
        # Some servers write an empty text where a call has no arguments.
        arguments = {} if arguments == "" else open_json(arguments)
        at = Location(self.at.path, self.at.line, self.at.pointer + place) if self.at else None
        call_id = as_string(first(record, "call_id", "toolUseId", "id", "tool_call_id", "toolCallId"))
        name = (
            as_string(first(function, "name", "tool_name", "toolName"))
            or as_string(record.get("function"))
            or ""
        )
        self.calls.append(ToolCall(name, arguments, call_id, at=at))

    def add_result(self, record: Mapping[str, JSON]) -> None:
        """A result among the parts of a message."""
        content = first(record, "content", "result", "response", "output")
        failure = first(record, "exception", "error")
        if isinstance(content, dict) and "response" in record:
            content, failure = _gemini_answer(content)
        if isinstance(content, dict) and record.get("type") == "tool-result" and "value" in content:
            failure = content["value"] if str(content.get("type")).startswith("error") else failure
            content = content["value"]
        text = content_text(content)
        call_id = as_string(
            first(record, "tool_use_id", "toolUseId", "call_id", "id", "tool_call_id", "toolCallId")
        )
        failed = (
            record.get("is_error") is True
            or record.get("isError") is True
            or record.get("status") == "error"
            or failure is not None
        )
        error = (text or as_text(failure) or "failed") if failed else None
        name = as_string(first(record, "name", "tool_name", "toolName"))
        self.results.append(ToolResult(text if text is not None else as_text(failure), call_id, name, error))


def _kind(part: dict[str, JSON]) -> tuple[str, dict[str, JSON]]:
    """What a part is, and the object that holds its fields."""
    kind = as_string(part.get("type"))
    if kind is not None:
        return kind, part
    for key, known in _KEYED.items():
        if part.get(key) is not None:
            body = part[key]
            return known, body if isinstance(body, dict) else part
    if part.get("text") is not None:
        return "text", part
    # Gemini writes every key that a part may have, all but one of them null.
    return "", {key: value for key, value in part.items() if value is not None}


def _thought(record: Mapping[str, JSON]) -> str:
    said = first(record, "thinking", "content", "text", "reasoning", "summary", "reasoningText")
    return content_text(as_mapping(said).get("text") if isinstance(said, dict) else said) or ""


def _gemini_answer(response: dict[str, JSON]) -> tuple[JSON, JSON]:
    """What a function answered, and its error: by convention `result` or `output`, and `error`."""
    error = response.get("error")
    if len(response) == 1 and response.keys() & _WRAPPERS:
        answer = next(iter(response.values()))
        return "" if answer is None else answer, error
    return response, error


_WRAPPERS = frozenset(("result", "output", "error"))
