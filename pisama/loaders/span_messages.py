"""The messages that a model call or an agent span carries, in every dialect they are written in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from pisama.loaders import names
from pisama.loaders.messages import ChatMessage, ToolResult, content_text, read_message, role_of
from pisama.loaders.span_values import messages_in, text_in
from pisama.loaders.spans import SpanRecord
from pisama.loaders.values import as_list, as_mapping, as_string, as_text, open_json
from pisama.trace import JSON, ToolCall

MAX_INDEX_DIGITS = 7
"""Digits of an index in a flattened name (`llm.input_messages.12.…`); more is not an index."""

_PART = frozenset(("type", "text", "toolUse", "toolResult", "reasoningContent"))
_TEXT_FIELDS = ("content", "message")
_MESSAGE = frozenset(("role", "content", "parts", "tool_calls"))
_REPLAYED_CALLS = "tool-call"
_CALLS_AS_CONTENT = '[{"function":'
_OBSERVATION = "tool-response"
_CALL_ID = "Call id: "
_OBSERVED = "Observation:\n"
_FAILED = "Error:\n"
_PREFIXES = names.INPUT_PREFIXES + names.OUTPUT_PREFIXES
_NAME_WIDTH = 200
"""Characters of the longest name of an attribute that can be a field of a message."""


@dataclass(slots=True)
class Conversation:
    """What a model call was given and what it said."""

    given: list[ChatMessage] = field(default_factory=list)
    said: list[ChatMessage] = field(default_factory=list)


def read_conversation(span: SpanRecord) -> Conversation:
    """The messages of a model call or agent span.

    A span may carry the same messages in several dialects; the first that has any is taken, for
    input and output each.
    """
    attributes = span.attributes
    given, said = _flattened(attributes)
    if not given:
        given = _listed(attributes.get(names.INPUT_MESSAGES))
    if not said:
        said = _listed(attributes.get(names.OUTPUT_MESSAGES))
    if not (given and said):
        from_events = _from_events(span)
        given = given or from_events.given
        said = said or from_events.said
    given = given or list(messages_in(names.look_up(attributes, names.PROMPT_MESSAGES), "user"))
    said = said or list(_response(attributes))
    system = _instructions(attributes.get(names.SYSTEM_INSTRUCTIONS))
    if system and not any(message.role == "system" for message in given):
        given.insert(0, ChatMessage("system", system))
    if not given and not said:
        given, said = _from_values(attributes)
    return Conversation(given, said)


def _flattened(attributes: names.Attributes) -> tuple[list[ChatMessage], list[ChatMessage]]:
    """Messages spelled out as one attribute for each field."""
    given: dict[int, dict[str, JSON]] = {}
    said: dict[int, dict[str, JSON]] = {}
    for name, value in attributes.items():
        place = _place(name) if len(name) <= _NAME_WIDTH else None
        if place is not None:
            is_input, index, path = place
            (given if is_input else said).setdefault(index, {})[path] = value
    return _unflatten(given), _unflatten(said)


@lru_cache(maxsize=1 << 16)
def _place(name: str) -> tuple[bool, int, str] | None:
    """Of which message an attribute is a field, and of which field: whether it was given to the model, its number, the
    field. None for other attributes. Spans repeat each other's names."""
    for prefix in _PREFIXES:
        if name.startswith(prefix):
            index, _, path = name[len(prefix) :].partition(".")
            if index.isdecimal() and len(index) <= MAX_INDEX_DIGITS:
                return prefix in names.INPUT_PREFIXES, int(index), path.removeprefix("message.")
            return None
    return None


def _unflatten(messages: Mapping[int, dict[str, JSON]]) -> list[ChatMessage]:
    return [message for _, fields in sorted(messages.items()) for message in _flat_message(fields)]


def _flat_message(fields: dict[str, JSON]) -> Iterator[ChatMessage]:
    role = fields.get("role")
    if role == _REPLAYED_CALLS:
        # The agent's own calls played back to it as text; they are known from when it made them.
        return
    content = fields.get("content")
    if isinstance(content, str) and content.startswith(('""', '[{"type"')):
        content = open_json(content)
        fields["content"] = content
    if isinstance(content, str) and content.startswith(_CALLS_AS_CONTENT):
        # Koog writes the calls of a message as its text.
        yield read_message({"role": "assistant", "tool_calls": open_json(content)})
        return
    if len(fields) == 2 and isinstance(content, str) and role not in ("tool", "function", _OBSERVATION):
        yield ChatMessage(role_of(role), content)
        return
    if role == _OBSERVATION:
        text = content if isinstance(content, str) else "\n".join(_flat_texts(fields))
        yield ChatMessage("tool", results=(read_observation(text),))
        return
    yield from _structured_message(fields) if any("." in name for name in fields) else (read_message(fields),)


def _structured_message(fields: dict[str, JSON]) -> Iterator[ChatMessage]:
    """A message whose parts, calls or results are spelled out as fields of their own."""
    content = fields.get("content")
    record: dict[str, JSON] = {name: value for name, value in fields.items() if "." not in name}
    texts: list[JSON] = list(_flat_texts(fields))
    if texts and not content:
        record["content"] = texts
    calls = _flat_calls(fields)
    if calls:
        record["tool_calls"] = calls
    results = [_flat_result(value) for name, value in fields.items() if name.startswith("function.")]
    for result in results:
        yield ChatMessage("tool", results=(result,))
    if not results:
        yield read_message(record)


def _flat_result(value: JSON) -> ToolResult:
    record = as_mapping(open_json(value))
    text = content_text(record.get("content"))
    error = (text or "failed") if record.get("is_error") is True else None
    return ToolResult(text, as_string(record.get("call_id")), as_string(record.get("name")), error)


def _in_order(fields: Mapping[str, JSON], prefix: str) -> Iterator[tuple[str, JSON]]:
    """The fields under a numbered prefix by their numbers; stores of spans sort attributes, `.10.` before `.2.`."""
    numbered: list[tuple[int, str, JSON]] = []
    for name, value in fields.items():
        if name.startswith(prefix):
            index = name[len(prefix) :].partition(".")[0]
            known = index.isdecimal() and len(index) <= MAX_INDEX_DIGITS
            numbered.append((int(index) if known else -1, name, value))
    numbered.sort(key=lambda field: field[0])
    return ((name, value) for _, name, value in numbered)


def _flat_texts(fields: Mapping[str, JSON]) -> Iterator[str]:
    for name, value in _in_order(fields, "contents."):
        if name.endswith(("message_content.text", "message_content.content")):
            yield as_text(value) or ""


def _flat_calls(fields: Mapping[str, JSON]) -> list[JSON]:
    calls: dict[str, dict[str, JSON]] = {}
    for name, value in _in_order(fields, "tool_calls."):
        index, _, path = name[len("tool_calls.") :].partition(".")
        field_name = path.removeprefix("tool_call.").removeprefix("function.")
        calls.setdefault(index, {})[field_name] = value
    for name, value in fields.items():
        if name.startswith(("function_call_name", "function_call_arguments")):
            calls.setdefault("", {})[name.removeprefix("function_call_").split("_")[0]] = value
    # Instrumentors leave out arguments that are an empty object.
    return [{"arguments": {}, **call} for call in calls.values()]


def _listed(value: JSON) -> list[ChatMessage]:
    """A list of messages, or JSON text of one; text that was cut off is one message of its own."""
    opened = open_json(value)
    if isinstance(opened, dict):
        opened = [opened]
    if isinstance(opened, str) and opened:
        return [ChatMessage("user", opened)]
    return [read_message(as_mapping(open_json(item))) for item in as_list(opened) if item]


def _instructions(value: JSON) -> str:
    opened = open_json(value)
    if isinstance(opened, dict):
        opened = opened.get("parts") or [opened]
    if isinstance(opened, str):
        return opened
    return read_message({"role": "system", "parts": opened}).text if isinstance(opened, list) else ""


def _from_events(span: SpanRecord) -> Conversation:
    """Messages recorded as events of the span, or as a list of events in an attribute."""
    conversation = Conversation()
    for event in span.events:
        if event.name == names.INFERENCE_DETAILS:
            system = _instructions(event.attributes.get(names.SYSTEM_INSTRUCTIONS))
            if system:
                conversation.given.append(ChatMessage("system", system))
            conversation.given += _listed(event.attributes.get(names.INPUT_MESSAGES))
            conversation.said += _listed(event.attributes.get(names.OUTPUT_MESSAGES))
        elif event.name in names.EVENT_ROLES:
            _add_event(conversation, event.name, event.attributes)
    if conversation.given or conversation.said:
        return conversation
    for item in as_list(open_json(names.look_up(span.attributes, names.MESSAGE_EVENTS))):
        record = as_mapping(item)
        _add_event(conversation, as_string(record.get("event.name")) or "", record)
    return conversation


def _add_event(conversation: Conversation, name: str, fields: Mapping[str, JSON]) -> None:
    role = names.EVENT_ROLES.get(name)
    if role is None:
        return
    record: dict[str, JSON] = {
        key.removeprefix("message."): _parts_in(value) if key in _TEXT_FIELDS else open_json(value)
        for key, value in fields.items()
        if not key.startswith(("gen_ai.", "event."))
    }
    inner = record.pop("message", None)
    message_in = as_mapping(open_json(inner))
    if isinstance(inner, str | list) and not message_in.keys() & _MESSAGE:
        record["content"] = inner
    else:
        record.update(message_in)
    message = read_message({"role": role, **record})
    if name == "gen_ai.choice":
        conversation.said.append(replace(message, role="assistant"))
    else:
        conversation.given.append(message)


def _parts_in(value: JSON) -> JSON:
    """The parts written as JSON text in a content; other text is what was said or returned, JSON or not."""
    opened = open_json(value)
    parts = [as_mapping(part) for part in as_list(opened)]
    return opened if parts and all(_PART & part.keys() for part in parts) else value


def _response(attributes: names.Attributes) -> Iterator[ChatMessage]:
    """The answer of a model call whose text, thoughts and calls are an attribute each."""
    text = names.look_up(attributes, names.RESPONSE_TEXT)
    calls = as_list(open_json(names.look_up(attributes, names.RESPONSE_CALLS)))
    reasoning = names.look_up(attributes, names.RESPONSE_REASONING)
    completion = names.look_up(attributes, names.COMPLETION)
    if completion is not None:
        yield from messages_in(completion, "assistant")
    elif text is not None or calls or reasoning is not None:
        yield read_message(
            {"role": "assistant", "content": as_text(text), "tool_calls": calls, "reasoning": reasoning}
        )


def _from_values(attributes: names.Attributes) -> tuple[list[ChatMessage], list[ChatMessage]]:
    """Messages out of the raw input and output of a span that has nothing better."""
    given = list(messages_in(names.look_up(attributes, names.INPUT_VALUE), "user"))
    output = names.look_up(attributes, names.OUTPUT_VALUE)
    said = list(messages_in(output, "assistant"))
    answer = said[-1:]
    if said and said[-1].role != "assistant":
        text = text_in(output)
        answer = [ChatMessage("assistant", text)] if text else []
        said.append(said[-1])
    # An output that is the whole conversation tells what was given as well.
    return given or [message for message in said[:-1] if message.role != "assistant"], answer


def read_observation(text: str) -> ToolResult:
    """A tool's answer that a framework writes as text with its own headings."""
    call_id = None
    if text.startswith(_CALL_ID):
        line, _, text = text.partition("\n")
        call_id = line[len(_CALL_ID) :].strip() or None
    if text.startswith(_OBSERVED):
        return ToolResult(text[len(_OBSERVED) :], call_id)
    return ToolResult(text, call_id, error=text[len(_FAILED) :] if text.startswith(_FAILED) else None)


def join_said(messages: Iterable[ChatMessage]) -> tuple[str, str | None, tuple[ToolCall, ...], str | None]:
    """Text, reasoning, calls and finish reason of what a model call said, as one act."""
    texts: list[str] = []
    thoughts: list[str] = []
    calls: list[ToolCall] = []
    finish: str | None = None
    for message in messages:
        texts += [message.text] if message.text else []
        thoughts += [message.reasoning] if message.reasoning else []
        calls += message.calls
        finish = message.finish_reason or finish
    return "\n".join(texts), "\n".join(thoughts) or None, tuple(calls), finish


def message_texts(
    message: ChatMessage,
) -> Iterator[tuple[ChatMessage, ToolResult | None, tuple[str | None, str]]]:
    """The parts of a message by which it is recognised when it is sent again."""
    for result in message.results:
        yield message, result, (result.call_id or "", result.text or result.error or "")
    if message.text:
        yield message, None, (None, message.text.strip())
