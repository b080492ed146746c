"""Messages and texts in the raw input or output of a span: requests and responses of any client."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pisama.loaders.messages import ChatMessage, read_message, role_of
from pisama.loaders.values import as_list, as_mapping, first, open_json
from pisama.trace import JSON

_CONSTRUCTOR = "constructor"
_LISTS = ("messages", "choices", "generations", "candidates", "contents")
"""Fields of a request or a response that list messages."""
_ITEMS = ("output", "input")
"""Fields that list items of the OpenAI Responses API."""
_SYSTEM = ("system", "instructions", "system_instruction", "systemInstruction")
_TEXTS = ("raw", "task", "answer", "output", "content", "result", "response", "input", "text", "value")
_CALLED = frozenset(("args", "kwargs"))


def messages_in(value: JSON, role: str) -> Iterator[ChatMessage]:
    """The messages in a raw input or output: a list of them, an object that has one, or plain text."""
    opened = without_call(open_json(value))
    if isinstance(opened, str):
        if opened:
            yield ChatMessage(role_of(role), opened)
        return
    record = as_mapping(opened)
    for key in ("inputs", "outputs", "new_message"):
        record = as_mapping(record.get(key)) or record
    if role == "user":
        yield from _instructions(record)
    items = as_list(first(record, *_LISTS) if record else opened)
    if not items and record:
        items = next((found for key in _ITEMS if (found := as_list(record.get(key)))), [])
    if len(items) == 1 and isinstance(items[0], list):
        items = items[0]
    has_messages = False
    for item in _merged(items):
        message = message_record(item)
        if message:
            has_messages = True
            yield read_message({"role": role, **message})
    if record and not has_messages:
        yield from _single(record, role)


def _single(record: dict[str, JSON], role: str) -> Iterator[ChatMessage]:
    message = (
        message_record(record)
        if "role" in record or "message" in record or isinstance(record.get("content"), dict)
        else {}
    )
    if message:
        yield read_message({"role": role, **message})
        return
    text = text_in(record)
    if text:
        yield ChatMessage(role_of(role), text)


def _instructions(record: Mapping[str, JSON]) -> Iterator[ChatMessage]:
    """The system prompt that some providers take beside the messages."""
    system = first(record, *_SYSTEM)
    if system is None:
        system = first(as_mapping(record.get("config")), *_SYSTEM)
    if not isinstance(system, str | list | dict) or not any(name in record for name in (*_LISTS, *_ITEMS)):
        return
    parts = as_mapping(system).get("parts") or system
    message = read_message({"role": "system", "content": parts})
    if message.text:
        yield message


def _merged(items: list[JSON]) -> Iterator[JSON]:
    """The items; those of the Responses API that are one answer together as one message."""
    calls: list[JSON] = []
    said: dict[str, JSON] = {}
    for item in items:
        record = as_mapping(item)
        kind = record.get("type")
        if kind == "function_call":
            calls.append({**record, "id": first(record, "call_id", "id")})
        elif kind == "reasoning" and "summary" in record:
            said["reasoning"] = read_message({"content": record.get("summary")}).text or None
        elif (calls or said) and record.get("role") == "assistant":
            said.update(record)
        else:
            if calls or said:
                yield {"role": "assistant", "content": None, **said, "tool_calls": calls}
                calls, said = [], {}
            if kind == "function_call_output":
                yield {"role": "tool", "tool_call_id": record.get("call_id"), "content": record.get("output")}
            elif kind == "message" and record.get("role") == "assistant":
                said.update(record)
            else:
                yield item
    if calls or said:
        yield {"role": "assistant", "content": None, **said, "tool_calls": calls}


def message_record(value: JSON) -> dict[str, JSON]:
    """A message without the envelopes that LangChain dumps, choices and candidates put around it."""
    record = as_mapping(value)
    finish = first(record, "finish_reason", "finishReason")
    for envelope in ("message", "kwargs", "data", "content"):
        inner = record.get(envelope)
        if isinstance(inner, dict) and (envelope != "content" or "parts" in inner):
            kind = inner.get("type") or record.get("type")
            if kind == _CONSTRUCTOR:
                kind = _constructed(record if envelope == "kwargs" else inner)
            record = {"role": kind, **inner} if isinstance(kind, str) else dict(inner)
    if not ("content" in record or "parts" in record or "tool_calls" in record):
        return {}
    if "role" not in record and isinstance(record.get("type"), str):
        record = {"role": record["type"], **record}
    if finish is not None and "finish_reason" not in record:
        record = {**record, "finish_reason": finish}
    extra = as_mapping(record.get("additional_kwargs")).get("tool_calls")
    # Older LangChain keeps the calls as the provider sent them.
    return {**record, "tool_calls": extra} if extra and not record.get("tool_calls") else record


def _constructed(record: Mapping[str, JSON]) -> str:
    """The role of a message that LangChain dumped with the path of its class, `[…, "AIMessage"]`."""
    path = as_list(record.get("id"))
    name = path[-1] if path and isinstance(path[-1], str) else ""
    return name.removesuffix("Chunk").removesuffix("Message").lower()


def text_in(value: JSON) -> str | None:
    """The text of a raw output or input: itself, or the field of an object that holds it."""
    opened = without_call(open_json(value))
    if isinstance(opened, str):
        return opened
    record = as_mapping(opened)
    found = first(record, *_TEXTS)
    if found is None and len(record) == 1:
        found = next(iter(record.values()))
    return found if isinstance(found, str) else None


def without_call(value: JSON) -> JSON:
    """What a traced Python function was called with, `{"args": […], "kwargs": {…}}`, as one value."""
    if not isinstance(value, dict) or not value.keys() <= _CALLED or "args" not in value:
        return value
    positional = as_list(value["args"])
    named = as_mapping(value.get("kwargs"))
    if not positional:
        return named
    return positional[0] if len(positional) == 1 and not named else {"args": positional, **named}
