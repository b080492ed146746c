"""The shapes that records of chat APIs come in: messages, rows, requests, responses, tools, usage."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import NamedTuple

from pisama.loaders.messages import KNOWN_ROLES
from pisama.loaders.values import (
    as_list,
    as_mapping,
    as_string,
    as_text,
    first,
    open_json,
)
from pisama.trace import JSON, Tool

ROW_FIELDS = ("messages", "traj", "trajectory", "conversation", "conversations", "history")
"""Where a row of a data set keeps its messages."""

_LOOK_AT = 8


class Exchange(NamedTuple):
    """One call of a model: what was sent, and what came back."""

    request: Mapping[str, JSON]
    field: str
    """Where in the request its messages are."""
    response: Mapping[str, JSON]
    request_pointer: str
    response_pointer: str


def is_message(value: JSON) -> bool:
    """Whether it is a message: a role that chat APIs know, with words or calls."""
    record = as_mapping(value)
    role = record.get("role")
    if not isinstance(role, str) or role.lower() not in KNOWN_ROLES:
        return False
    return any(field in record for field in ("content", "tool_calls", "function_call"))


def are_messages(values: JSON) -> bool:
    """Whether it is a list in which at least half of the first items are messages."""
    looked = list(islice(as_list(values), _LOOK_AT))
    return bool(looked) and sum(map(is_message, looked)) * 2 >= len(looked)


def messages_field(row: Mapping[str, JSON]) -> str | None:
    """The field of a row that holds its messages, as a list or as JSON text of one."""
    for field in ROW_FIELDS:
        messages = open_json(row.get(field))
        if are_messages(messages) or (field == "messages" and messages == []):
            return field
    return None


def exchange_of(row: Mapping[str, JSON]) -> Exchange | None:
    """The request and the response in a line of a log, if it has both."""
    request, request_pointer = _body(row, "request") if "request" in row else (row, "")
    response, response_pointer = _body(row, "response")
    if request is row and isinstance(row.get("choices"), list):
        response, response_pointer = row, ""
    field = messages_field(request)
    if field is None or (request is row and answer_of(response) is None):
        return None
    return Exchange(request, field, response, request_pointer, response_pointer)


def answer_of(response: Mapping[str, JSON]) -> tuple[dict[str, JSON], str] | None:
    """The message in a response and its pointer, with the finish reason put into it."""
    choice = as_mapping(next(iter(as_list(response.get("choices"))), None))
    message = choice.get("message")
    if isinstance(message, dict):
        return {**message, "finish_reason": choice.get("finish_reason")}, "/choices/0/message"
    if response.get("role") == "assistant" and isinstance(response.get("content"), list):
        return dict(response), ""
    return None


def error_of(record: Mapping[str, JSON]) -> str | None:
    """What a failed model call said."""
    error = record.get("error")
    if isinstance(error, dict):
        return as_text(first(error, "message", "type")) or as_text(error)
    return error if isinstance(error, str) and error else None


def tools_of(record: Mapping[str, JSON]) -> tuple[Tool, ...] | None:
    """The tools offered, of either provider; None when the record does not say."""
    recorded = open_json(first(record, "tools", "functions"))
    if not isinstance(recorded, list):
        return None
    return tuple(tool for tool in map(_tool, recorded) if tool is not None)


def _body(row: Mapping[str, JSON], name: str) -> tuple[Mapping[str, JSON], str]:
    """A request or response, which batch files put one level deeper."""
    outer = as_mapping(open_json(row.get(name)))
    inner = outer.get("body")
    return (inner, f"/{name}/body") if isinstance(inner, dict) else (outer, f"/{name}")


def _tool(value: JSON) -> Tool | None:
    if isinstance(value, str):
        return Tool(value)
    record = as_mapping(value)
    function = as_mapping(record.get("function")) or as_mapping(record.get("custom")) or record
    name = as_string(first(function, "name", "type"))
    schema = open_json(first(function, "parameters", "input_schema", "inputSchema"))
    description = as_text(function.get("description"))
    return Tool(name, description, schema if isinstance(schema, dict) else None) if name else None
