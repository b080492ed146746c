"""One small run, told in every dialect of span attributes for `span_formats` to write in every export format.

A librarian looks a book up, fails twice to reserve it because the desk is closed, and says that it is
reserved. All dialects record the same, so all exports must read the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

JSON: TypeAlias = Any
"""What `json.dumps` takes; a test makes it and looks at nothing in it."""

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
START = 1_700_000_000_000_000_000
MILLISECOND = 1_000_000
MODEL = "small-model"
SYSTEM = "You help readers find and reserve books."
TASK = "Reserve Emma for Tuesday."
CLOSED = "the reservation desk is closed"
FOUND = '{"title": "Emma", "shelf": 4}'
CLAIM = "I reserved Emma for Tuesday."


@dataclass(frozen=True)
class Exported:
    """A span as every exporter has it."""

    id: str
    parent: str | None
    name: str
    kind: str
    start: int
    end: int
    attributes: dict[str, JSON] = field(default_factory=dict)
    failure: str | None = None


@dataclass(frozen=True)
class Call:
    """A tool call that the model asked for, and what came of it."""

    id: str
    name: str
    arguments: dict[str, JSON]
    result: str
    failure: str | None = None


@dataclass(frozen=True)
class Turn:
    """One model call."""

    text: str
    calls: tuple[Call, ...]
    tokens: tuple[int, int]


_SEARCH = Call("call_1", "search", {"title": "Emma"}, FOUND)
_RESERVE = {"title": "Emma", "day": "Tuesday"}
_FIRST = Call("call_2", "reserve", {**_RESERVE}, f"Error: {CLOSED}", CLOSED)
_SECOND = replace(_FIRST, id="call_3")
TURNS = (
    Turn("Let me look.", (_SEARCH, _FIRST), (120, 30)),
    Turn("", (_SECOND,), (180, 20)),
    Turn(CLAIM, (), (220, 10)),
)

Spans = list[Exported]
Dialect = Callable[[], Spans]


def _build(
    model: Callable[[list[JSON], Turn], dict[str, JSON]],
    tool: Callable[[Call], dict[str, JSON]],
    agent: dict[str, JSON],
    tool_name: Callable[[str], str] = str,
) -> Spans:
    """The spans of the run, in order of time, from what a dialect writes about each kind."""
    spans: Spans = []
    history: list[JSON] = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": TASK}]
    number = 1

    def add(name: str, kind: str, attributes: dict[str, JSON], failure: str | None = None) -> None:
        nonlocal number
        number += 1
        start = START + number * 10 * MILLISECOND
        span_id = f"{number:016x}"
        spans.append(
            Exported(span_id, f"{1:016x}", name, kind, start, start + MILLISECOND, attributes, failure)
        )

    for turn in TURNS:
        add(f"chat {MODEL}", "LLM", model(list(history), turn))
        history.append(
            {"role": "assistant", "content": turn.text, "tool_calls": [_openai(call) for call in turn.calls]}
        )
        for call in turn.calls:
            add(tool_name(call.name), "TOOL", tool(call), call.failure)
            history.append({"role": "tool", "tool_call_id": call.id, "content": call.result})
    end = spans[-1].end + MILLISECOND
    root = Exported(f"{1:016x}", None, "librarian", "AGENT", START, end, agent)
    return [root, *spans]


def _openai(call: Call) -> JSON:
    function: JSON = {"name": call.name, "arguments": json.dumps(call.arguments)}
    return {"id": call.id, "type": "function", "function": function}


def _finish(turn: Turn) -> str:
    return "tool_calls" if turn.calls else "stop"


def _parts(message: Mapping[str, JSON]) -> dict[str, JSON]:
    """A message in the form of the GenAI conventions."""
    if message["role"] == "tool":
        answer: JSON = {
            "type": "tool_call_response",
            "id": message["tool_call_id"],
            "response": message["content"],
        }
        return {"role": "tool", "parts": [answer]}
    parts: list[JSON] = [{"type": "text", "content": message["content"]}] if message["content"] else []
    for call in message.get("tool_calls") or ():
        function = call["function"]
        arguments = json.loads(function["arguments"])
        parts += [{"type": "tool_call", "id": call["id"], "name": function["name"], "arguments": arguments}]
    return {"role": message["role"], "parts": parts}


def genai() -> Spans:
    """OpenTelemetry GenAI, messages in span attributes."""

    def model(given: list[JSON], turn: Turn) -> dict[str, JSON]:
        answer = {
            "role": "assistant",
            "content": turn.text,
            "tool_calls": [_openai(call) for call in turn.calls],
        }
        return {
            **_genai_call(turn),
            "gen_ai.input.messages": json.dumps([_parts(message) for message in given]),
            "gen_ai.output.messages": json.dumps([{**_parts(answer), "finish_reason": _finish(turn)}]),
        }

    return _build(model, _genai_tool, _GENAI_AGENT, lambda name: f"execute_tool {name}")


_GENAI_AGENT: dict[str, JSON] = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "librarian"}


def _genai_call(turn: Turn) -> dict[str, JSON]:
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": MODEL,
        "gen_ai.usage.input_tokens": turn.tokens[0],
        "gen_ai.usage.output_tokens": turn.tokens[1],
        "gen_ai.response.finish_reasons": [_finish(turn)],
    }


def _genai_tool(call: Call) -> dict[str, JSON]:
    return {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": call.name,
        "gen_ai.tool.call.id": call.id,
        "gen_ai.tool.call.arguments": json.dumps(call.arguments),
        "gen_ai.tool.call.result": call.result,
    }


def genai_without_messages() -> Spans:
    """OpenTelemetry GenAI with the messages in log records; see `event_logs` and `details_logs`."""
    return _build(
        lambda _, turn: _genai_call(turn), _genai_tool, _GENAI_AGENT, lambda name: f"execute_tool {name}"
    )


def openinference() -> Spans:
    """OpenInference."""

    def model(given: list[JSON], turn: Turn) -> dict[str, JSON]:
        answer: JSON = {
            "role": "assistant",
            "content": turn.text,
            "tool_calls": [_openai(call) for call in turn.calls],
        }
        return {
            "openinference.span.kind": "LLM",
            "llm.model_name": MODEL,
            "llm.token_count.prompt": turn.tokens[0],
            "llm.token_count.completion": turn.tokens[1],
            "llm.finish_reason": _finish(turn),
            **_flat("llm.input_messages", given, "message.", "tool_call."),
            **_flat("llm.output_messages", [answer], "message.", "tool_call."),
        }

    def tool(call: Call) -> dict[str, JSON]:
        return {
            "openinference.span.kind": "TOOL",
            "tool.name": call.name,
            "input.value": json.dumps(call.arguments),
            "output.value": call.result,
        }

    agent: dict[str, JSON] = {"openinference.span.kind": "AGENT", "agent.name": "librarian"}
    return _build(model, tool, {**agent, "input.value": TASK, "output.value": CLAIM})


def openllmetry() -> Spans:
    """OpenLLMetry before it followed the conventions."""

    def model(given: list[JSON], turn: Turn) -> dict[str, JSON]:
        answer: JSON = {
            "role": "assistant",
            "content": turn.text,
            "tool_calls": [_openai(call) for call in turn.calls],
        }
        said = _flat("gen_ai.completion", [answer], "", "")
        return {
            "llm.request.type": "chat",
            "gen_ai.request.model": MODEL,
            "gen_ai.usage.prompt_tokens": turn.tokens[0],
            "gen_ai.usage.completion_tokens": turn.tokens[1],
            **_flat("gen_ai.prompt", given, "", ""),
            **said,
            "gen_ai.completion.0.finish_reason": _finish(turn),
        }

    def tool(call: Call) -> dict[str, JSON]:
        return {
            "traceloop.span.kind": "tool",
            "traceloop.entity.name": call.name,
            "traceloop.entity.input": json.dumps(call.arguments),
            "traceloop.entity.output": call.result,
        }

    agent: dict[str, JSON] = {"traceloop.span.kind": "agent", "traceloop.entity.name": "librarian"}
    return _build(model, tool, agent, lambda name: f"{name}.tool")


def _flat(prefix: str, messages: list[JSON], inner: str, call_prefix: str) -> dict[str, JSON]:
    found: dict[str, JSON] = {}
    for place, message in enumerate(messages):
        assert isinstance(message, dict)
        base = f"{prefix}.{place}.{inner}"
        for name in ("role", "content", "tool_call_id"):
            if message.get(name):
                found[base + name] = message[name]
        for number, call in enumerate(message.get("tool_calls") or ()):
            function = call["function"]
            where = f"{base}tool_calls.{number}.{call_prefix}"
            found[f"{where}id"] = call["id"]
            found[f"{where}{'function.' if call_prefix else ''}name"] = function["name"]
            found[f"{where}{'function.' if call_prefix else ''}arguments"] = function["arguments"]
    return found


def vercel() -> Spans:
    """Vercel AI SDK, version 5."""

    def model(given: list[JSON], turn: Turn) -> dict[str, JSON]:
        calls = [
            {"toolCallId": call.id, "toolName": call.name, "input": json.dumps(call.arguments)}
            for call in turn.calls
        ]
        return {
            "ai.operationId": "ai.generateText.doGenerate",
            "ai.model.id": MODEL,
            "ai.prompt.messages": json.dumps([_model_message(message) for message in given]),
            "ai.response.text": turn.text,
            "ai.response.toolCalls": json.dumps(calls),
            "ai.response.finishReason": _finish(turn),
            "ai.usage.inputTokens": turn.tokens[0],
            "ai.usage.outputTokens": turn.tokens[1],
        }

    def tool(call: Call) -> dict[str, JSON]:
        return {
            "ai.operationId": "ai.toolCall",
            "ai.toolCall.name": call.name,
            "ai.toolCall.id": call.id,
            "ai.toolCall.args": json.dumps(call.arguments),
            "ai.toolCall.result": call.result,
        }

    agent: dict[str, JSON] = {
        "ai.operationId": "ai.generateText",
        "ai.telemetry.functionId": "librarian",
        "ai.prompt": json.dumps({"system": SYSTEM, "prompt": TASK}),
        "ai.response.text": CLAIM,
        "ai.usage.inputTokens": 520,
        "ai.usage.outputTokens": 60,
    }
    return _build(model, tool, agent, lambda _: "ai.toolCall")


def _model_message(message: Mapping[str, JSON]) -> JSON:
    if message["role"] == "tool":
        call_id = message["tool_call_id"]
        output: JSON = {"type": "text", "value": message["content"]}
        result: JSON = {"type": "tool-result", "toolCallId": call_id, "toolName": "", "output": output}
        return {"role": "tool", "content": [result]}
    if message["role"] == "system":
        return {"role": "system", "content": message["content"]}
    parts: list[JSON] = [{"type": "text", "text": message["content"]}] if message["content"] else []
    for call in message.get("tool_calls") or ():
        arguments = json.loads(call["function"]["arguments"])
        name = call["function"]["name"]
        parts.append({"type": "tool-call", "toolCallId": call["id"], "toolName": name, "input": arguments})
    return {"role": message["role"], "content": parts}


def langfuse() -> Spans:
    """The OpenTelemetry attributes of the Langfuse SDK."""

    def model(given: list[JSON], turn: Turn) -> dict[str, JSON]:
        answer: JSON = {
            "role": "assistant",
            "content": turn.text,
            "tool_calls": [_openai(call) for call in turn.calls],
        }
        usage: JSON = {"prompt_tokens": turn.tokens[0], "completion_tokens": turn.tokens[1]}
        return {
            "langfuse.observation.type": "generation",
            "langfuse.observation.model.name": MODEL,
            "langfuse.observation.input": json.dumps({"messages": given}),
            "langfuse.observation.output": json.dumps(answer),
            "langfuse.observation.usage_details": json.dumps(usage),
        }

    def tool(call: Call) -> dict[str, JSON]:
        return {
            "langfuse.observation.type": "tool",
            "langfuse.observation.input": json.dumps({"args": [], "kwargs": call.arguments}),
            "langfuse.observation.output": call.result,
        }

    agent: dict[str, JSON] = {
        "langfuse.observation.type": "agent",
        "langfuse.observation.input": json.dumps({"args": [TASK], "kwargs": {}}),
        "langfuse.observation.output": CLAIM,
    }
    return _build(model, tool, agent)
