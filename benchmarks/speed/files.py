"""Made traces as files of a given size: one run, whose agent sends the end of its conversation with every call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

import orjson

from benchmarks.speed.runs import TASK
from pisama.trace import JSON

RESENT = 8
"""Turns before the latest that a request holds."""
MUSEUMS = 10
"""On a page."""
_TRACE = "5b8efff798038103d269b633813fc60c"
_START = 1_700_000_000_000_000_000
_SECOND = 1_000_000_000
_SYSTEM = "You look museums up, one page at a time, and report what each page says with its source."
_TOOL = "read_page"


@dataclass(frozen=True, slots=True)
class Turn:
    """What the model says and calls, and what the tool answers."""

    number: int

    @property
    def call_id(self) -> str:
        """Id of the call."""
        return f"call_{self.number}"

    @property
    def words(self) -> str:
        """What the model says."""
        return f"I have read page {self.number} of the list and go on to page {self.number + 1}, as it names the next museum."

    @property
    def arguments(self) -> str:
        """Of the call, as JSON."""
        return orjson.dumps({"page": self.number}).decode()

    @property
    def result(self) -> str:
        """What the tool answers: a page about some museums, as long as the results of real runs are on average."""
        return "\n".join(map(_entry, range(MUSEUMS * self.number, MUSEUMS * (self.number + 1))))


def _entry(museum: int) -> str:
    return (
        f"Museum {museum} in Oslo was opened in {1900 + museum % 100} by Anna Berg. See https://museum-{museum}.example/about "
        f"for its {museum % 40 + 2} rooms; file data/list_{museum}.csv has {museum * 7 % 1000} rows, and tickets cost {museum % 30 + 5}.50 euros."
    )


def openinference(size: int) -> bytes:
    """One trace in OTLP/JSON by the names of OpenInference; a line holds a model call and its tool call."""
    return _spans(size, _openinference)


def genai(size: int) -> bytes:
    """The same run by the names of the OpenTelemetry conventions for generative AI."""
    return _spans(size, _genai)


def chat(size: int) -> bytes:
    """The same run as the messages of one chat, each once."""
    messages: list[JSON] = [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": TASK}]
    written = 0
    for turn in map(Turn, count()):
        said = _chat_messages(turn)
        messages += said
        written += len(orjson.dumps(said))
        if written >= size:
            break
    return orjson.dumps({"messages": messages})


FILES: Mapping[str, Callable[[int], bytes]] = {
    "OTLP/OpenInference": openinference,
    "OTLP/GenAI": genai,
    "chat messages": chat,
}


def _chat_messages(turn: Turn) -> list[JSON]:
    called: JSON = {
        "id": turn.call_id,
        "type": "function",
        "function": {"name": _TOOL, "arguments": turn.arguments},
    }
    return [
        {"role": "assistant", "content": turn.words, "tool_calls": [called]},
        {"role": "tool", "tool_call_id": turn.call_id, "content": turn.result},
    ]


def _spans(size: int, spans_of: Callable[[Turn, Sequence[Turn]], list[JSON]]) -> bytes:
    """Lines of OTLP/JSON until there are so many bytes."""
    kinds = {"openinference.span.kind": "AGENT", "gen_ai.operation.name": "invoke_agent"}
    lines = [_line([_span("agent", 0, None, kinds)])]
    written = len(lines[0])
    earlier: list[Turn] = []
    for turn in map(Turn, count()):
        lines.append(_line(spans_of(turn, earlier)))
        written += len(lines[-1]) + 1
        earlier = [*earlier[1 - RESENT :], turn]
        if written >= size:
            break
    return b"\n".join(lines) + b"\n"


def _line(spans: list[JSON]) -> bytes:
    scope: JSON = {"scope": {"name": "agent"}, "spans": spans}
    return orjson.dumps({"resourceSpans": [{"resource": {"attributes": []}, "scopeSpans": [scope]}]})


def _span(name: str, number: int, parent: int | None, attributes: Mapping[str, str]) -> JSON:
    pairs: list[JSON] = [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()]
    return {
        "traceId": _TRACE,
        "spanId": f"{number + 1:016x}",
        "parentSpanId": "" if parent is None else f"{parent + 1:016x}",
        "name": name,
        "kind": 1,
        "startTimeUnixNano": str(_START + number * _SECOND),
        "endTimeUnixNano": str(_START + (number + 1) * _SECOND),
        "attributes": pairs,
        "status": {"code": 1},
    }


def _openinference(turn: Turn, earlier: Sequence[Turn]) -> list[JSON]:
    model = {
        "openinference.span.kind": "LLM",
        "llm.model_name": "gpt-4o-mini",
        **dict(_flat("llm.input_messages", earlier, task=True)),
        **dict(_flat("llm.output_messages", [turn], results=False)),
    }
    tool = {
        "openinference.span.kind": "TOOL",
        "tool.name": _TOOL,
        "input.value": turn.arguments,
        "output.value": turn.result,
    }
    return [
        _span("ChatCompletion", 2 * turn.number + 1, 0, model),
        _span(_TOOL, 2 * turn.number + 2, 0, tool),
    ]


def _flat(
    prefix: str, turns: Sequence[Turn], *, task: bool = False, results: bool = True
) -> Iterator[tuple[str, str]]:
    """Messages as OpenInference writes them: an attribute for each of their fields."""
    messages: list[dict[str, str]] = []
    if task:
        messages += [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": TASK}]
    for turn in turns:
        called = "tool_calls.0.tool_call"
        messages.append(
            {
                "role": "assistant",
                "content": turn.words,
                f"{called}.id": turn.call_id,
                f"{called}.function.name": _TOOL,
                f"{called}.function.arguments": turn.arguments,
            }
        )
        if results:
            messages.append({"role": "tool", "tool_call_id": turn.call_id, "content": turn.result})
    for number, message in enumerate(messages):
        for field, value in message.items():
            yield f"{prefix}.{number}.message.{field}", value


def _genai(turn: Turn, earlier: Sequence[Turn]) -> list[JSON]:
    sent = [_in_parts("system", "text", content=_SYSTEM), _in_parts("user", "text", content=TASK)]
    for each in earlier:
        sent.append(_answer(each))
        sent.append(_in_parts("tool", "tool_call_response", id=each.call_id, response=each.result))
    model = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.input.messages": orjson.dumps(sent).decode(),
        "gen_ai.output.messages": orjson.dumps([{**_answer(turn), "finish_reason": "tool_call"}]).decode(),
    }
    tool = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": _TOOL,
        "gen_ai.tool.call.id": turn.call_id,
        "gen_ai.tool.call.arguments": turn.arguments,
        "gen_ai.tool.call.result": turn.result,
    }
    return [
        _span("chat gpt-4o-mini", 2 * turn.number + 1, 0, model),
        _span(f"execute_tool {_TOOL}", 2 * turn.number + 2, 0, tool),
    ]


def _answer(turn: Turn) -> dict[str, JSON]:
    called: JSON = {
        "type": "tool_call",
        "id": turn.call_id,
        "name": _TOOL,
        "arguments": {"page": turn.number},
    }
    return {"role": "assistant", "parts": [{"type": "text", "content": turn.words}, called]}


def _in_parts(role: str, kind: str, **fields: str) -> dict[str, JSON]:
    return {"role": role, "parts": [{"type": kind, **fields}]}
