"""The answer of a provider as one object, whether it came whole or as a stream of events."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping

import orjson

from pisama.loaders.decompression import FREE_BYTES
from pisama.loaders.streams import opener_of, read_all
from pisama.loaders.values import as_integer, as_list, as_mapping, as_string, first
from pisama.trace import JSON
from pisama.watch.providers import Api

READABLE = ("gzip", "x-gzip", "zstd")
"""Content encodings that are told by their first bytes."""
_ENDED = ("response.completed", "response.incomplete", "response.failed")


def decoded(body: bytes, encoding: str) -> bytes:
    """The body without its content encoding; as far as it goes when it broke off. Empty when it cannot be read."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding == "deflate":
        try:
            return zlib.decompressobj().decompress(body, FREE_BYTES)
        except zlib.error:
            return b""
    return read_all(opener_of(body))[0] if encoding in READABLE else b""


def object_in(body: bytes) -> dict[str, JSON]:
    """The JSON object that a body is; empty when it is none."""
    try:
        return as_mapping(orjson.loads(body))
    except orjson.JSONDecodeError:
        return {}


def read_answer(api: Api, body: bytes) -> dict[str, JSON]:
    """The answer in a body: a JSON object, server-sent events, or Gemini's list of answers.

    A stream that broke off gives what had come.
    """
    start = body.lstrip()[:1]
    if start == b"{":
        return object_in(body)
    if start == b"[":
        try:
            events = [as_mapping(item) for item in as_list(orjson.loads(body))]
        except orjson.JSONDecodeError:
            events = []
    else:
        events = list(_events(body))
    return _ASSEMBLERS[api](events)


def _events(body: bytes) -> Iterator[dict[str, JSON]]:
    """The JSON objects in the `data` of server-sent events (HTML Living Standard, 9.2.6)."""
    data: list[bytes] = []
    for line in [*body.splitlines(), b""]:
        if line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))
        elif not line and data:
            event = object_in(b"\n".join(data))
            if event:
                yield event
            data = []


def _chat(events: list[dict[str, JSON]]) -> dict[str, JSON]:
    """Chunks of chat completions."""
    texts: dict[str, list[str]] = {}
    calls: dict[int, dict[str, JSON]] = {}
    arguments: dict[int, list[str]] = {}
    answer: dict[str, JSON] = {}
    finish: JSON = None
    for event in events:
        answer.update({key: event[key] for key in ("id", "model", "usage", "error") if event.get(key)})
        choice = as_mapping(next(iter(as_list(event.get("choices"))), None))
        finish = choice.get("finish_reason") or finish
        delta = as_mapping(choice.get("delta"))
        for name in ("content", "reasoning_content", "reasoning", "refusal"):
            if isinstance(delta.get(name), str):
                texts.setdefault(name, []).append(str(delta[name]))
        for item in as_list(delta.get("tool_calls")):
            record = as_mapping(item)
            number = as_integer(record.get("index")) or 0
            call = calls.setdefault(number, {})
            function = as_mapping(record.get("function"))
            call["id"] = call.get("id") or record.get("id")
            call["name"] = call.get("name") or function.get("name")
            arguments.setdefault(number, []).append(as_string(function.get("arguments")) or "")
    message: dict[str, JSON] = {
        "role": "assistant",
        **{name: "".join(parts) for name, parts in texts.items()},
    }
    if calls:
        message["tool_calls"] = [
            {"id": call["id"], "function": {"name": call["name"], "arguments": "".join(arguments[number])}}
            for number, call in sorted(calls.items())
        ]
    came = bool(texts or calls or finish)
    return {**answer, "choices": [{"message": message, "finish_reason": finish}]} if came else answer


def _responses(events: list[dict[str, JSON]]) -> dict[str, JSON]:
    """Events of the Responses API: its last one repeats the whole; before that, finished items count."""
    items: list[JSON] = []
    begun: dict[str, JSON] = {}
    for event in events:
        kind = event.get("type")
        if kind in _ENDED:
            return as_mapping(event.get("response"))
        if kind == "error":
            begun = {**begun, "error": as_mapping(event.get("error")) or event}
        elif kind == "response.output_item.done":
            items.append(event.get("item"))
        elif isinstance(event.get("response"), dict):
            begun = {**begun, **as_mapping(event["response"])}
    return {**begun, "output": items} if begun or items else {}


def _messages(events: list[dict[str, JSON]]) -> dict[str, JSON]:
    """Events of Anthropic messages."""
    answer: dict[str, JSON] = {}
    usage: dict[str, JSON] = {}
    blocks: dict[int, dict[str, JSON]] = {}
    parts: dict[tuple[int, str], list[str]] = {}
    for event in events:
        number = as_integer(event.get("index")) or 0
        delta = as_mapping(event.get("delta"))
        if event.get("type") == "message_start":
            answer = dict(as_mapping(event.get("message")))
        elif event.get("type") == "content_block_start":
            blocks[number] = dict(as_mapping(event.get("content_block")))
        elif event.get("type") == "error":
            answer["error"] = event.get("error")
        elif event.get("type") == "content_block_delta":
            for name in ("text", "thinking", "partial_json"):
                if isinstance(delta.get(name), str):
                    parts.setdefault((number, name), []).append(str(delta[name]))
        answer.update({key: value for key, value in delta.items() if key.startswith("stop_")})
        usage.update(as_mapping(answer.get("usage")) if not usage else {})
        usage.update(
            {key: value for key, value in as_mapping(event.get("usage")).items() if value is not None}
        )
    for (number, name), texts in parts.items():
        block = blocks.setdefault(number, {"type": "text"})
        field = "input" if name == "partial_json" else name
        block[field] = "".join([block[field] if isinstance(block.get(field), str) else "", *texts])  # type: ignore[list-item]
    if blocks:
        answer["content"] = [block for _, block in sorted(blocks.items())]
        answer.setdefault("role", "assistant")
    return {**answer, "usage": usage} if usage else answer


def _generate(events: list[dict[str, JSON]]) -> dict[str, JSON]:
    """Chunks of Gemini's answer, each an answer itself."""
    parts: list[JSON] = []
    candidate: dict[str, JSON] = {}
    answer: dict[str, JSON] = {}
    for event in events:
        answer.update(
            {key: value for key, value in event.items() if key != "candidates" and value is not None}
        )
        chunk = as_mapping(next(iter(as_list(event.get("candidates"))), None))
        candidate.update(chunk)
        for part in as_list(as_mapping(chunk.get("content")).get("parts")):
            _add_part(parts, as_mapping(part))
    if candidate:
        answer["candidates"] = [{**candidate, "content": {"role": "model", "parts": parts}}]
    return answer


def _add_part(parts: list[JSON], part: dict[str, JSON]) -> None:
    """Texts of one kind that follow one another are one text."""
    last = as_mapping(parts[-1]) if parts else {}
    if (
        isinstance(part.get("text"), str)
        and isinstance(last.get("text"), str)
        and last.get("thought") == part.get("thought")
    ):
        parts[-1] = {**last, "text": f"{last['text']}{part['text']}"}
    elif part.get("text") != "":
        parts.append(part)


_ASSEMBLERS = {Api.CHAT: _chat, Api.RESPONSES: _responses, Api.MESSAGES: _messages, Api.GENERATE: _generate}


def finish_of(answer: Mapping[str, JSON]) -> str | None:
    """Why the model stopped, as the provider says it, lower case."""
    choice = as_mapping(next(iter(as_list(answer.get("choices"))), None))
    candidate = as_mapping(next(iter(as_list(answer.get("candidates"))), None))
    details = as_mapping(answer.get("incomplete_details"))
    reason = as_string(
        first(choice, "finish_reason")
        or first(candidate, "finishReason")
        or answer.get("stop_reason")
        or details.get("reason")
    )
    return reason.lower() if reason else None
