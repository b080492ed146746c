"""Whose dialect the messages of a document are in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from itertools import islice

from pisama.loaders.base import SAMPLE_RECORDS, Document
from pisama.loaders.chat_records import answer_of, are_messages, exchange_of, is_message, messages_field
from pisama.loaders.items import sample_items
from pisama.loaders.values import as_list, as_mapping, as_string, open_json
from pisama.trace import JSON

_ANTHROPIC_BLOCKS = frozenset(
    (
        "tool_use",
        "tool_result",
        "thinking",
        "redacted_thinking",
        "server_tool_use",
        "mcp_tool_use",
        "mcp_tool_result",
    )
)
_OTHER_ITEMS = frozenset(("function_call", "function_call_output", "custom_tool_call", "computer_call"))
"""Items of the OpenAI Responses API: lists of those are no chat, though some items look like it."""


class Marks(Enum):
    """What the messages show."""

    NONE = "no messages"
    PLAIN = "words only"
    OPENAI = "calls or results in OpenAI's shape"
    OPENAI_LOG = "OpenAI responses"
    ANTHROPIC = "blocks in Anthropic's shape"
    ANTHROPIC_LOG = "Anthropic responses or requests"


def marks_of(document: Document) -> Marks:
    """What the messages in the sample of a document show."""
    values = list(document.sample) if _all_lists(document) else list(sample_items(document))
    if any(as_string(as_mapping(value).get("type")) in _OTHER_ITEMS for value in values):
        return Marks.NONE
    found = [mark for mark in map(_mark_of_item, values) if mark is not Marks.NONE]
    if not found or len(found) * 2 < len(values):
        return Marks.NONE
    telling = [mark for mark in found if mark is not Marks.PLAIN]
    return max(telling, key=lambda mark: (telling.count(mark), mark is Marks.OPENAI), default=Marks.PLAIN)


def _all_lists(document: Document) -> bool:
    """Whether each record is a list of messages, as in a file of one conversation a line."""
    return len(document.sample) > 1 and all(isinstance(value, list) for value in document.sample)


def _mark_of_item(value: JSON) -> Marks:
    if isinstance(value, list):
        return _mark_of_list(value)
    row = as_mapping(value)
    exchange = exchange_of(row)
    if exchange is not None:
        mark = _mark_of_response(exchange.response)
        return _mark_of_request(exchange.request) if mark is Marks.NONE else mark
    if messages_field(row) is not None:
        return _mark_of_request(row)
    mark = _mark_of_response(row)
    return mark if mark is not Marks.NONE else _mark_of_list([value])


def _mark_of_response(response: Mapping[str, JSON]) -> Marks:
    if isinstance(response.get("choices"), list) and answer_of(response):
        return Marks.OPENAI_LOG
    if response.get("type") == "message" and answer_of(response) and "stop_reason" in response:
        return Marks.ANTHROPIC_LOG
    return Marks.NONE


def _mark_of_request(row: Mapping[str, JSON]) -> Marks:
    field = messages_field(row)
    mark = _mark_of_list(as_list(open_json(row.get(field)))) if field else Marks.NONE
    if field == "messages" and row.get("messages") == []:
        mark = Marks.PLAIN
    tools = [as_mapping(tool) for tool in islice(as_list(open_json(row.get("tools"))), SAMPLE_RECORDS)]
    if ("system" in row and mark is Marks.ANTHROPIC) or any("input_schema" in tool for tool in tools):
        return Marks.ANTHROPIC_LOG
    if mark in (Marks.PLAIN, Marks.OPENAI) and any("function" in tool for tool in tools):
        return Marks.OPENAI_LOG
    if mark is Marks.OPENAI and field == "traj":
        return Marks.OPENAI_LOG
    return Marks.ANTHROPIC if mark is Marks.PLAIN and isinstance(row.get("system"), str | list) else mark


def _mark_of_list(messages: list[JSON]) -> Marks:
    if not are_messages(messages):
        return Marks.NONE
    marks = [_mark_of_message(message) for message in islice(messages, SAMPLE_RECORDS) if is_message(message)]
    if Marks.ANTHROPIC in marks and marks.count(Marks.ANTHROPIC) > marks.count(Marks.OPENAI):
        return Marks.ANTHROPIC
    return Marks.OPENAI if Marks.OPENAI in marks else Marks.PLAIN


def _mark_of_message(value: JSON) -> Marks:
    record = as_mapping(value)
    if record.get("role") in ("tool", "function", "developer") or any(_openai_calls(record)):
        return Marks.OPENAI
    blocks = (
        as_mapping(block).get("type") for block in islice(as_list(record.get("content")), SAMPLE_RECORDS)
    )
    if any(isinstance(kind, str) and kind in _ANTHROPIC_BLOCKS for kind in blocks):
        return Marks.ANTHROPIC
    return Marks.PLAIN


def _openai_calls(record: Mapping[str, JSON]) -> Iterator[bool]:
    yield bool(as_list(record.get("tool_calls")))
    yield bool(as_mapping(record.get("function_call")))
