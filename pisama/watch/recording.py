"""Exchanges with providers as OpenTelemetry spans, in the names of its GenAI semantic conventions."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping

from pisama.loaders.chat_records import error_of
from pisama.loaders.message_parts import ToolResult
from pisama.loaders.messages import ChatMessage
from pisama.loaders.names import NEW_INPUT, WATCH_SCOPE
from pisama.loaders.span_values import messages_in
from pisama.loaders.usages import usage_of
from pisama.loaders.values import as_string, first, to_json
from pisama.prices import price_of
from pisama.trace import JSON, ToolCall, Usage
from pisama.watch.answers import decoded, finish_of, object_in, read_answer
from pisama.watch.captured import Exchange
from pisama.watch.conversations import Conversations, News
from pisama.watch.providers import MESSAGES, Api, api_of
from pisama.watch.resent import new_fields

MAX_ERROR = 2_000
"""Characters of a provider's error message that are kept."""
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
_MODEL_IN_PATH = re.compile(r"/models/([^/:]{1,200}):")
_CLIENT = 3
"""SPAN_KIND_CLIENT of OTLP."""
_ERROR = 2
"""STATUS_CODE_ERROR of OTLP."""


class Recording:
    """Turns the exchanges of a session into spans, one for each call of a model."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._conversations = Conversations()
        self._open: dict[str, tuple[str, int]] = {}

    def span(self, exchange: Exchange) -> dict[str, JSON] | None:
        """The exchange as an OTLP/JSON request with one span; None when it calls no model."""
        api = api_of(exchange.path)
        if api is None:
            return None
        request = _request(api, exchange)
        answer = read_answer(api, decoded(exchange.response, exchange.response_encoding))
        news = self._conversations.take(api, request, exchange.number, exchange.after)
        failure = _failure(exchange, answer)
        if failure is None:
            self._conversations.answered(news, answer)
        conversation = news.conversation
        if news.begins:
            self._open[conversation.trace_id] = (conversation.root_id, exchange.started)
        told = _TRACEPARENT.fullmatch(exchange.traceparent or "")
        trace_id, parent_id = told.groups() if told else (conversation.trace_id, conversation.root_id)
        span: dict[str, JSON] = {
            "traceId": trace_id,
            "spanId": secrets.token_hex(8),
            "parentSpanId": parent_id,
            "name": f"chat {_model(exchange, news.request)}".strip(),
            "kind": _CLIENT,
            "startTimeUnixNano": str(exchange.started),
            "endTimeUnixNano": str(exchange.ended),
            "attributes": _attributes(_facts(exchange, news, answer, failure)),
            "status": {} if failure is None else {"code": _ERROR, "message": failure},
        }
        return self._envelope(span)

    def ends(self, exit_code: int | None, ended: int) -> Iterable[dict[str, JSON]]:
        """A span around each conversation: written when the command has ended, it tells that the record is whole."""
        for trace_id, (root_id, started) in self._open.items():
            failed = bool(exit_code)
            yield self._envelope(
                {
                    "traceId": trace_id,
                    "spanId": root_id,
                    "name": self._service,
                    "kind": 1,
                    "startTimeUnixNano": str(started),
                    "endTimeUnixNano": str(ended),
                    "attributes": _attributes({"process.exit.code": exit_code}),
                    "status": {"code": _ERROR, "message": f"exit code {exit_code}"} if failed else {},
                }
            )

    def _envelope(self, span: dict[str, JSON]) -> dict[str, JSON]:
        resource: JSON = {"attributes": _attributes({"service.name": self._service})}
        scoped: JSON = {"scope": {"name": WATCH_SCOPE}, "spans": [span]}
        return {"resourceSpans": [{"resource": resource, "scopeSpans": [scoped]}]}


def _request(api: Api, exchange: Exchange) -> dict[str, JSON]:
    if exchange.after is not None:
        return new_fields(exchange.request, MESSAGES[api])
    return object_in(decoded(exchange.request, exchange.request_encoding))


def _failure(exchange: Exchange, answer: Mapping[str, JSON]) -> str | None:
    if exchange.error is not None:
        return exchange.error
    told = error_of(answer)
    if exchange.status is None or exchange.status >= 400:
        return f"{exchange.status}: {(told or 'no message')[:MAX_ERROR]}"
    return told[:MAX_ERROR] if told else None


def _model(exchange: Exchange, request: Mapping[str, JSON]) -> str:
    in_path = _MODEL_IN_PATH.search(exchange.path)
    return as_string(request.get("model")) or (in_path[1] if in_path else "")


def _facts(
    exchange: Exchange, news: News, answer: Mapping[str, JSON], failure: str | None
) -> dict[str, JSON]:
    """The attributes of a span, by name."""
    model = as_string(first(answer, "model", "modelVersion"))
    usage = usage_of(first(answer, "usage", "usageMetadata")) or Usage()
    asked = _model(exchange, news.request)
    cost = usage.cost if usage.cost is not None else price_of(usage, model or asked, exchange.provider)
    finish = finish_of(answer)
    said = list(messages_in(dict(answer), "assistant")) if failure is None or "error" not in answer else []
    return {
        "gen_ai.operation.name": "generate_content" if api_of(exchange.path) is Api.GENERATE else "chat",
        "gen_ai.provider.name": exchange.provider,
        "gen_ai.agent.name": "agent",
        "gen_ai.request.model": asked or None,
        "gen_ai.response.model": model,
        "gen_ai.response.id": as_string(first(answer, "id", "responseId")),
        "gen_ai.response.finish_reasons": [finish] if finish else None,
        "gen_ai.usage.input_tokens": usage.input_tokens,
        "gen_ai.usage.output_tokens": usage.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": usage.cached_tokens,
        "gen_ai.usage.cost": cost,
        "gen_ai.tool.definitions": _text(first(news.request, "tools", "functions")),
        "gen_ai.input.messages": to_json([_message(item) for item in messages_in(news.request, "user")]),
        "gen_ai.output.messages": to_json([_message(item) for item in said]),
        NEW_INPUT: True if news.is_cut else None,
        "http.response.status_code": exchange.status,
        "error.type": None if failure is None else str(exchange.status or "connection"),
    }


def _text(value: JSON) -> str | None:
    return None if value is None else to_json(value)


def _message(message: ChatMessage) -> JSON:
    """A message as the conventions write it (gen-ai-input-messages.json)."""
    parts: list[JSON] = [_result(result) for result in message.results]
    if message.reasoning:
        parts.append({"type": "reasoning", "content": message.reasoning})
    if message.text:
        parts.append({"type": "text", "content": message.text})
    parts += [_call(call) for call in message.calls]
    written: dict[str, JSON] = {
        "role": "tool" if message.results and not message.text else message.role,
        "parts": parts,
    }
    return written | ({"finish_reason": message.finish_reason} if message.finish_reason else {})


def _call(call: ToolCall) -> JSON:
    return {"type": "tool_call", "id": call.id, "name": call.name, "arguments": call.arguments}


def _result(result: ToolResult) -> JSON:
    part: dict[str, JSON] = {"type": "tool_call_response", "id": result.call_id, "response": result.text}
    if result.name is not None:
        part["name"] = result.name
    return part | ({"is_error": True} if result.error is not None else {})


def _attributes(facts: Mapping[str, JSON]) -> list[JSON]:
    return [{"key": key, "value": _value(value)} for key, value in facts.items() if value is not None]


def _value(value: JSON) -> JSON:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(item) for item in value]}}
    return {"stringValue": value}
