"""What spans tell about tools: which were offered, what one was called with, what it returned."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from pisama.loaders import names
from pisama.loaders.message_parts import Parts
from pisama.loaders.messages import ToolResult, content_text
from pisama.loaders.span_steps import StepDraft
from pisama.loaders.span_values import message_record
from pisama.loaders.spans import Node, SpanRecord, SpanTree
from pisama.loaders.values import as_list, as_mapping, as_string, first, open_json
from pisama.trace import JSON, Tool

_CODE_SCHEMA: dict[str, JSON] = {
    "type": "object",
    "properties": {"code": {"type": "string"}},
    "required": ["code"],
}


def tool_result(value: JSON) -> ToolResult:
    """The raw output of a tool span.

    A tool message in it is opened, with its id and its status; so is a function response of Gemini and a
    tool output of LlamaIndex.
    """
    opened = open_json(value)
    if isinstance(opened, str):
        # The Vercel AI SDK writes even a text as JSON.
        value = opened
    record = as_mapping(opened)
    inner = as_mapping(record.get("output"))
    message = message_record(inner or record)
    if message.get("role") == "tool" and "content" in message:
        text = content_text(message.get("content"))
        failed = message.get("status") == "error" or message.get("is_error") is True
        call_id = as_string(message.get("tool_call_id"))
        return ToolResult(
            text, call_id, as_string(message.get("name")), (text or "failed") if failed else None
        )
    if "tool_name" in record and isinstance(record.get("blocks"), list):
        text = content_text(record["blocks"])
        return ToolResult(text, error=(text or "failed") if record.get("is_error") is True else None)
    if "name" in record and isinstance(record.get("response"), dict):
        parts = Parts(None)
        parts.add_result(record)
        return parts.results[0]
    blocks = as_list(opened)
    if blocks and all(as_mapping(block).keys() == {"text"} for block in blocks):
        return ToolResult(content_text(blocks))
    return ToolResult(value if isinstance(value, str) else content_text(value))


def tool_arguments(span: SpanRecord) -> JSON:
    """The arguments of a tool span, positional ones named after the tool's parameters."""
    value = open_json(names.look_up(span.attributes, names.TOOL_ARGUMENTS))
    record = as_mapping(value)
    if "input_str" in record:
        return first(record, "inputs", "input_str")
    if record.keys() == {"kwargs"}:
        return record["kwargs"]
    if "kwargs" not in record or "args" not in record:
        return value
    arguments = dict(as_mapping(record["kwargs"]))
    positional = as_list(record["args"])
    parameters = list(as_mapping(open_json(span.attributes.get("tool.parameters"))))
    if len(positional) > len(parameters):
        return {"args": positional, **arguments} if positional else arguments
    return {**dict(zip(parameters, positional, strict=False)), **arguments}


def tools_of(tree: SpanTree, steps: list[StepDraft]) -> tuple[Tool, ...] | None:
    """The tools offered to any agent of the run; None when no span records what was offered."""
    found: dict[str, Tool] = {}
    for node in tree.nodes:
        if node.kind in ("llm", "agent"):
            for tool in (*offered_tools(node.record.attributes), *_named_tools(node)):
                known = found.get(tool.name)
                if known is None or (known.schema is None and tool.schema is not None):
                    found[tool.name] = tool
    if not found:
        return None
    for step in steps:
        for call in step.calls:
            if call.name == names.CODE_TOOL:
                found.setdefault(call.name, Tool(call.name, None, _CODE_SCHEMA))
            elif call.node is not None and (call.error is None or call.name in found):
                _describe(found, call.name, call.node)
    return tuple(found.values())


def offered_tools(attributes: names.Attributes) -> Iterator[Tool]:
    """The tools that a span says were offered."""
    yield from _tools(open_json(names.look_up(attributes, names.TOOL_DEFINITIONS)))
    flat: dict[str, dict[str, JSON]] = {}
    for name, value in attributes.items():
        if name.startswith(names.TOOL_DEFINITION_PREFIXES):
            prefix = next(prefix for prefix in names.TOOL_DEFINITION_PREFIXES if name.startswith(prefix))
            index, _, path = name[len(prefix) :].partition(".")
            flat.setdefault(index, {})[path] = value
    for fields in flat.values():
        schema = open_json(first(fields, "tool.json_schema", "json_schema"))
        yield from _tools([schema if isinstance(schema, dict) else dict(fields)])
    request = as_mapping(open_json(names.look_up(attributes, names.REQUEST_VALUE)))
    yield from _tools(first(request, "tools") or as_mapping(request.get("config")).get("tools"))
    parameters = as_mapping(open_json(attributes.get(names.REQUEST_PARAMETERS)))
    yield from _tools(parameters.get("function_tools"))
    yield from _tools(parameters.get("output_tools"))


def _tools(definitions: JSON) -> Iterator[Tool]:
    opened = (as_mapping(open_json(item)) for item in as_list(definitions))
    for item in chain.from_iterable(_declared(record) for record in opened):
        record = as_mapping(first(item, "function", "toolSpec")) or item
        name = as_string(record.get("name"))
        schema = open_json(
            first(
                record,
                "parameters",
                "input_schema",
                "parameters_json_schema",
                "inputSchema",
                "parametersJsonSchema",
            )
        )
        if name is not None:
            yield Tool(
                name, as_string(record.get("description")), schema if isinstance(schema, dict) else None
            )


def _declared(record: dict[str, JSON]) -> list[dict[str, JSON]]:
    """The definitions in one entry; Gemini lists all functions in the first."""
    declared = as_list(first(record, "functionDeclarations", "function_declarations"))
    return [as_mapping(item) for item in declared] or [record]


def _named_tools(node: Node) -> Iterator[Tool]:
    """Tools and sub-agents of which an agent span tells only the name."""
    attributes = node.record.attributes
    for item in as_list(open_json(names.look_up(attributes, names.TOOL_NAMES))):
        if isinstance(item, str):
            yield Tool(item)
    for name, value in attributes.items():
        if name.startswith(names.MANAGED_AGENT_PREFIX) and name.endswith(".name") and isinstance(value, str):
            yield Tool(value, as_string(attributes.get(name.removesuffix("name") + "description")))


def _describe(found: dict[str, Tool], name: str, node: Node) -> None:
    """Add what the span of an executed tool tells about a tool that was only named."""
    known = found.get(name)
    if known is not None and known.schema is not None:
        return
    attributes = node.record.attributes
    schema = as_mapping(open_json(names.look_up(attributes, names.TOOL_SCHEMA)))
    if schema and all(isinstance(value, dict) and "type" in value for value in schema.values()):
        schema = {"type": "object", "properties": schema}
    if schema.get("type") != "object":
        schema = {}
    description = as_string(names.look_up(attributes, names.TOOL_DESCRIPTION))
    found[name] = Tool(name, description or (known.description if known else None), schema or None)
