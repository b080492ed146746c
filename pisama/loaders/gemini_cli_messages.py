"""The messages of a session of the Gemini CLI, turned into steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TypeAlias

from pisama.loaders.base import Record
from pisama.loaders.messages import ChatMessage, ToolResult
from pisama.loaders.turns import Turns
from pisama.loaders.values import as_integer, as_list, as_mapping, as_nanoseconds, as_string, as_text, first
from pisama.patterns import lazy
from pisama.trace import JSON, Location, Step, ToolCall, Usage

MAIN_AGENT = "gemini"
SUB_AGENT = "subagent"
MODEL = ("gemini", "qwen")
"""Types of the messages that the model wrote; the second is that of the Qwen Code fork."""
_CONTEXT = "<session_context>"
"""How the message begins in which the program describes the project."""
_API_ERROR = "[API Error"
_UNFINISHED = ("executing", "scheduled", "validating", "awaiting_approval")
_MILLISECONDS = lazy(r"[-_](1\d{12})[-_]")
"""When a call was made, in its id."""

Called: TypeAlias = dict[str, tuple[int, str]]
"""Ids of the sessions that calls started, each with the number of the step and the name of the agent."""


def read_session(messages: list[Record], agent: str) -> tuple[tuple[Step, ...], list[Location], Called]:
    """The steps of one session, the places of what is no message, and the sessions that it started."""
    turns = Turns(agent)
    bad: list[Location] = []
    for record in messages:
        message = as_mapping(record.value)
        kind = message.get("type")
        if not isinstance(kind, str):
            bad.append(record.at)
        elif kind in MODEL:
            _act(turns, message, record.at)
        else:
            _hear(turns, kind, message, record.at)
    steps = turns.steps()
    return steps, bad, _called(steps, messages)


def task_of(messages: list[Record]) -> str | None:
    """What the user asked for first."""
    for record in messages:
        message = as_mapping(record.value)
        text = _text(message.get("content")).strip() if message.get("type") == "user" else ""
        if text and not text.startswith(_CONTEXT):
            return text
    return None


def _hear(turns: Turns, kind: str, message: Mapping[str, JSON], at: Location) -> None:
    content = message.get("content")
    text = _text(content)
    if kind == "error" and text.startswith(_API_ERROR):
        turns.close()
        turns.fail(text, at, as_nanoseconds(message.get("timestamp")))
        return
    # Results of tools are in the calls already; here they are repeated.
    by_user = kind == "user" and not text.lstrip().startswith(_CONTEXT)
    if text:
        turns.hear(ChatMessage("user" if by_user else "system", text, at=at))


def _act(turns: Turns, message: Mapping[str, JSON], at: Location) -> None:
    """One response, or several of which old versions made one message."""
    time = as_nanoseconds(message.get("timestamp"))
    turns.close()
    turns.model = as_string(message.get("model")) or turns.model
    for thought in as_list(message.get("thoughts")):
        record = as_mapping(thought)
        words = (as_string(record.get(name)) for name in ("subject", "description"))
        turns.think(": ".join(filter(None, words)), at, time)
    turns.say(_text(message.get("content")), at, time)
    calls = [as_mapping(call) for call in as_list(message.get("toolCalls"))]
    for group in _groups(calls):
        for place, call in group:
            turns.call(_call(call, replace(at, pointer=f"{at.pointer}/toolCalls/{place}"), time))
        for _, call in group:
            result = _result(call)
            if result is not None:
                turns.answer(result, at, as_nanoseconds(call.get("timestamp")))
    usage = _usage(as_mapping(message.get("tokens")))
    if usage is not None:
        turns.spend(usage)
    turns.close()


def _groups(calls: list[dict[str, JSON]]) -> Iterator[list[tuple[int, dict[str, JSON]]]]:
    """The calls of each response: one that was made after the one before had ended is another response's."""
    group: list[tuple[int, dict[str, JSON]]] = []
    ended: int | None = None
    for place, call in enumerate(calls):
        made = _MILLISECONDS.search(as_string(call.get("id")) or "")
        began = as_nanoseconds(int(made.group(1))) if made is not None else None
        if group and began is not None and ended is not None and began > ended:
            yield group
            group = []
        group.append((place, call))
        ended = as_nanoseconds(call.get("timestamp"))
    if group:
        yield group


def _call(call: Mapping[str, JSON], at: Location, time: int | None) -> ToolCall:
    name = as_string(call.get("name")) or ""
    return ToolCall(name, call.get("args"), as_string(call.get("id")), start=time, at=at)


def _result(call: Mapping[str, JSON]) -> ToolResult | None:
    status = call.get("status")
    recorded = call.get("result")
    if (recorded is None and call.get("resultDisplay") is None) or status in _UNFINISHED:
        return None
    texts = [_response(as_mapping(part)) for part in as_list(recorded)]
    text = "\n".join(part for part, _ in texts) if texts else as_text(call.get("resultDisplay")) or ""
    failed = status in ("error", "cancelled") or any(marked for _, marked in texts)
    return ToolResult(text, as_string(call.get("id")), error=(text or str(status)) if failed else None)


def _response(part: Mapping[str, JSON]) -> tuple[str, bool]:
    """The text of one part of a result, and whether it is an error."""
    response = as_mapping(as_mapping(part.get("functionResponse")).get("response"))
    if not response:
        return as_text(part.get("text")) or "", False
    error = response.get("error")
    if error is not None:
        return as_string(as_mapping(error).get("message")) or as_text(error) or "", True
    return as_text(response.get("output") if "output" in response else response) or "", False


def _text(content: JSON) -> str:
    """The text of a message: a string, or parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else [content]
    texts = (part if isinstance(part, str) else as_text(as_mapping(part).get("text")) for part in parts)
    return "\n".join(text for text in texts if text)


def _usage(tokens: Mapping[str, JSON]) -> Usage | None:
    given = as_integer(tokens.get("input"))
    output = as_integer(tokens.get("output"))
    if given is None and output is None:
        return None
    # What tools put into the prompt and what was thought are counted apart.
    return Usage(
        (given or 0) + (as_integer(tokens.get("tool")) or 0),
        (output or 0) + (as_integer(tokens.get("thoughts")) or 0),
        as_integer(tokens.get("cached")),
    )


def _called(steps: tuple[Step, ...], messages: list[Record]) -> Called:
    places = {
        call.id: (step.index, call) for step in steps for call in step.tool_calls if call.id is not None
    }
    called: Called = {}
    for record in messages:
        for value in as_list(as_mapping(record.value).get("toolCalls")):
            call = as_mapping(value)
            child = as_string(first(call, "agentId"))
            place = places.get(as_string(call.get("id")) or "")
            if child is not None and place is not None:
                arguments = as_mapping(place[1].arguments)
                called[child] = (place[0], as_string(arguments.get("agent_name")) or place[1].name)
    return called
