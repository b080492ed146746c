"""The fields of Langfuse observations, which hold whatever the instrumentor of the day put there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from pisama.loaders.message_parts import content_text
from pisama.loaders.messages import KNOWN_ROLES
from pisama.loaders.python_text import open_python
from pisama.loaders.span_kinds import kind_of
from pisama.loaders.span_values import message_record
from pisama.loaders.spans import SpanRecord
from pisama.loaders.values import as_integer, as_list, as_mapping, as_number, as_string, first, open_json
from pisama.trace import JSON, Usage

_LONGEST_ROLE = 12
_EMPTY = frozenset(("None", "null"))
_CACHED = ("input_cache_read", "input_cached_tokens", "cache_read_input_tokens", "prompt_details.cache_read")
_BESIDE_INPUT = ("cache_read_input_tokens", "cache_creation_input_tokens")
"""Counts that Langfuse's `input` does not include and whose names do not begin with it."""


def usage_of(record: Mapping[str, JSON]) -> Usage:
    """The tokens of a generation. Langfuse keeps details (`input_cache_read`) out of `input` and `output`."""
    details = as_mapping(open_json(first(record, "usageDetails", "usage_details")))
    details = details or as_mapping(open_json(record.get("usage")))
    return Usage(
        _sum(details, "input", _BESIDE_INPUT) or _count(record, "inputUsage", "promptTokens"),
        _sum(details, "output", ()) or _count(record, "outputUsage", "completionTokens"),
        as_integer(first(details, *_CACHED)),
    )


def _count(record: Mapping[str, JSON], *fields: str) -> int | None:
    """A count of an older version, in which nothing and 0 are the same."""
    return as_integer(first(record, *fields)) or None


def _sum(details: Mapping[str, JSON], prefix: str, more: tuple[str, ...]) -> int | None:
    total: int | None = None
    for name, value in details.items():
        count = as_integer(value) if name == prefix or name.startswith(f"{prefix}_") or name in more else None
        if count is not None:
            total = (total or 0) + count
    return total


def cost_of(record: Mapping[str, JSON]) -> float | None:
    """USD; 0 stands for a model whose price Langfuse does not know."""
    details = as_mapping(open_json(first(record, "costDetails", "cost_details")))
    cost = as_number(details.get("total"))
    return cost or as_number(first(record, "totalCost", "total_cost", "calculatedTotalCost")) or None


def messages_of(value: JSON, role: str) -> JSON:
    """The input or output of a generation as a list of chat messages; None when it holds nothing."""
    opened = open_json(value)
    if isinstance(opened, str):
        if not opened or opened in _EMPTY:
            return None
        return _rendered(opened) or [{"role": role, "content": opened}]
    record = as_mapping(opened)
    listed = as_list(opened) or as_list(first(record, "messages", "contents", "choices", "candidates"))
    if len(listed) == 1 and isinstance(listed[0], list):
        listed = listed[0]
    calls = [_called(as_mapping(item)) for item in listed if "toolName" in as_mapping(item)]
    if calls:
        return [{"role": "assistant", "tool_calls": calls}]
    messages = [_message(item, role) for item in listed if not _is_definition(item)]
    spoken = _with_tool_roles([message for message in messages if message])
    if spoken:
        return [*_system(record), *spoken]
    message = _message(record, role)
    if message:
        return [message]
    prompt = first(record, "prompt", "input", "text", "content", "contents", "args")
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    return (
        [*_system(record), {"role": role, "content": prompt}] if isinstance(prompt, str) and prompt else None
    )


def _message(value: JSON, role: str) -> dict[str, JSON]:
    record = as_mapping(value)
    inner = record.get("content")
    if isinstance(inner, dict) and "parts" in inner:
        # Gemini's candidates and ADK's events.
        record = {**inner, "finish_reason": first(record, "finish_reason", "finishReason")}
    message = message_record(record)
    if not message and as_string(record.get("type")) in ("function_call", "function_call_output", "message"):
        return {"role": role, "content": [record]}
    return {"role": role, **message} if message else {}


def _is_definition(value: JSON) -> bool:
    """Langfuse shows the tools that LangChain offered as messages of role `tool`."""
    record = as_mapping(value)
    return record.get("role") == "tool" and as_mapping(record.get("content")).get("type") == "function"


def offered_in(value: JSON) -> list[JSON]:
    """The definitions of tools among the messages of an input."""
    return [as_mapping(item)["content"] for item in as_list(open_json(value)) if _is_definition(item)]


def _with_tool_roles(messages: list[dict[str, JSON]]) -> list[JSON]:
    """The messages; a result whose role is the name of the tool, as Langfuse's JavaScript handler
    writes it, gets the role of a result."""
    called: set[str] = set()
    found: list[JSON] = []
    for message in messages:
        role = as_string(message.get("role")) or ""
        if role in called and role not in KNOWN_ROLES:
            message = {**message, "role": "tool", "name": role}  # noqa: PLW2901
        for call in as_list(message.get("tool_calls")):
            record = as_mapping(call)
            called.add(as_string((as_mapping(record.get("function")) or record).get("name")) or "")
        found.append(message)
    return found


def _system(record: Mapping[str, JSON]) -> list[JSON]:
    system = record.get("system")
    return [{"role": "system", "content": system}] if isinstance(system, str) and system else []


def _called(record: Mapping[str, JSON]) -> JSON:
    """A call as the Vercel AI SDK writes it."""
    return {
        "id": record.get("toolCallId"),
        "name": record.get("toolName"),
        "arguments": first(record, "input", "args"),
    }


def _rendered(text: str) -> list[JSON]:
    """Messages that OpenLIT wrote as text, each beginning with `role: `."""
    messages: list[JSON] = []
    role: str | None = None
    lines: list[str] = []
    for line in text.split("\n"):
        heading, found, rest = line[: _LONGEST_ROLE + 1].partition(": ")
        if found and heading in KNOWN_ROLES:
            messages += _one(role, lines)
            role, lines = heading, [rest + line[_LONGEST_ROLE + 1 :]]
        elif role is None:
            return []
        else:
            lines.append(line)
    return messages + _one(role, lines)


def _one(role: str | None, lines: list[str]) -> list[JSON]:
    text = "\n".join(lines)
    return [{"role": role, "content": text}] if role is not None and text not in _EMPTY else []


def tool_input(value: JSON) -> JSON:
    """The arguments of a tool."""
    opened = open_python(open_json(value))
    record = as_mapping(opened)
    return record["input"] if record.keys() == {"input"} and isinstance(record["input"], dict) else opened


def tool_output(value: JSON) -> JSON:
    """What a tool returned: text as it is, the content of an MCP result, anything else unchanged."""
    opened = open_json(value)
    content = as_mapping(opened).get("content")
    if isinstance(content, list) and not as_mapping(opened).keys() - {"content", "isError", "is_error"}:
        failed = first(as_mapping(opened), "isError", "is_error") is True
        text = content_text(content)
        return {"role": "tool", "content": text, "status": "error"} if failed else text
    return opened if isinstance(opened, str) else value


def tool_spans(spans: Iterable[SpanRecord]) -> list[SpanRecord]:
    """The spans, those of no kind that returned one tool message of LangChain marked as tools."""
    return [_as_tool(span) if _ran_tool(span) else span for span in spans]


def _ran_tool(span: SpanRecord) -> bool:
    if kind_of(span.name, span.attributes, span.kind) is not None:
        return False
    output = span.attributes.get("output.value")
    if isinstance(output, str) and "tool_call_id" not in output:
        return False
    return bool(message_record(open_json(output)).get("role") == "tool")


def _as_tool(span: SpanRecord) -> SpanRecord:
    arguments = tool_input(span.attributes.get("input.value"))
    return replace(span, kind="TOOL", attributes={**span.attributes, "input.value": arguments})
