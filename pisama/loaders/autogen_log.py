"""AutoGen's event log: one line for each call of a model, call of a tool, and message between agents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from pisama.loaders.base import Document, Loaded
from pisama.loaders.chat_records import answer_of, error_of, tools_of
from pisama.loaders.items import items, sample_items
from pisama.loaders.messages import ChatMessage, ToolResult, read_message
from pisama.loaders.runs import Act, RunBuilder, inside, run_name
from pisama.loaders.usages import usage_of
from pisama.loaders.values import as_list, as_mapping, as_string, as_text, open_json
from pisama.patterns import lazy
from pisama.report import LoadError
from pisama.trace import JSON, Location

_MARKS: Mapping[str, frozenset[str]] = {
    "LLMCall": frozenset(("messages", "response")),
    "LLMStreamEnd": frozenset(("response",)),
    "ToolCall": frozenset(("tool_name", "result")),
    "Message": frozenset(("payload", "delivery_stage")),
}
_MODEL_CALLS = frozenset(("LLMCall", "LLMStreamStart", "LLMStreamEnd"))
_SUFFIX = lazy(r"_[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
_TASK, _EXECUTION = '"source":"user"', '"ToolCallExecutionEvent"'
"""Texts by which the few messages between agents that matter are found; most repeat others."""


class AutoGenLogLoader:
    """A log is a run; each agent in it has a conversation of its own with its model."""

    id: ClassVar[str] = "autogen-log"
    title: ClassVar[str] = "AutoGen event log"
    recognised_by: ClassVar[str] = "lines of type `LLMCall`, `ToolCall` or `Message` with `delivery_stage`"

    def sniff(self, document: Document) -> float:
        """By the types of events, each with its own fields."""
        return 0.95 if any(_is_event(as_mapping(value)) for value in sample_items(document)) else 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """The trace, and an error for each record that is no event."""
        log = _Log(RunBuilder(Location(document.path)))
        for record in items(document):
            if isinstance(record, LoadError):
                yield record
            elif not isinstance(record.value, dict) or "type" not in record.value:
                yield LoadError("not an event of AutoGen", record.at)
            else:
                log.read(record.value, record.at)
        log.end()
        yield log.run.trace(run_name(document), self.id, complete=not document.growing)


def _is_event(value: Mapping[str, JSON]) -> bool:
    kind = value.get("type")
    return isinstance(kind, str) and kind in _MARKS and value.keys() >= _MARKS[kind]


@dataclass(slots=True)
class _Agent:
    """What one agent has been told so far. Every request tells it all again."""

    told: Counter[tuple[str, str]] = field(default_factory=Counter)
    said: Counter[str] = field(default_factory=Counter)
    asked: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(slots=True)
class _Log:
    """Tells a run what the events say."""

    run: RunBuilder
    _agents: dict[str, _Agent] = field(default_factory=dict)
    _owners: dict[str, str] = field(default_factory=dict)
    """Which agent made the call of this id."""
    _answered: set[str] = field(default_factory=set)
    _results: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Agent, tool and text of results that so far only an event of the tool told."""

    def read(self, event: Mapping[str, JSON], at: Location) -> None:
        """The next event."""
        kind = as_string(event.get("type"))
        name = _name(event.get("agent_id"))
        if kind in _MODEL_CALLS:
            self._model_call(event, name, at)
        elif kind == "ToolCall":
            key = (name, as_string(event.get("tool_name")) or "", as_text(event.get("result")) or "")
            self._results[key] += 1
        elif kind == "Message" and isinstance(event.get("payload"), str):
            self._between(str(event["payload"]), at)

    def end(self) -> None:
        """The log is over: what tools returned and nobody repeated."""
        for (agent, tool, text), count in self._results.items():
            for _ in range(count):
                result = ToolResult(text, name=tool)
                self.run.hear(ChatMessage("tool", results=(result,), at=self.run.at), agent)

    def _model_call(self, event: Mapping[str, JSON], name: str, at: Location) -> None:
        agent = self._agents.setdefault(name, _Agent())
        if event.get("type") != "LLMStreamEnd":
            self.run.offer(tools_of(event))
            self._request(event, agent, name, at)
        if event.get("type") == "LLMStreamStart":
            return
        response = as_mapping(open_json(event.get("response")))
        answered, place = answer_of(response) or (_bare(response), "")
        message = read_message(answered, Location(at.path, at.line, f"{at.pointer}/response{place}"))
        act = Act(
            name,
            model=as_string(response.get("model")),
            usage=usage_of(dict(event)),
            error=error_of(response),
        )
        self.run.act(message, act, context=name)
        agent.said[message.text] += 1
        self._owners |= {call.id: name for call in message.calls if call.id is not None}

    def _request(self, event: Mapping[str, JSON], agent: _Agent, name: str, at: Location) -> None:
        """What is new in a request."""
        again: Counter[tuple[str, str]] = Counter()
        own: Counter[str] = Counter()
        for place, recorded in enumerate(as_list(event.get("messages"))):
            message = read_message(as_mapping(recorded), inside(at, "messages", place))
            if message.results:
                self._answer(message, name)
                continue
            if message.role == "assistant":
                own[message.text] += 1
                if message.calls or own[message.text] <= agent.said[message.text]:
                    continue
            key = (message.role, message.text)
            again[key] += 1
            if again[key] > agent.told[key]:
                agent.told[key] += 1
                other = message.role == "user" and message.name in self._agents
                self.run.hear(replace(message, role="assistant") if other else message, name)

    def _answer(self, message: ChatMessage, agent: str) -> None:
        """Results of calls, each told once."""
        fresh = tuple(result for result in message.results if result.call_id not in self._answered)
        for result in fresh:
            if result.call_id is not None:
                self._answered.add(result.call_id)
            key = (agent, result.name or "", result.text or "")
            if self._results[key] > 0:
                self._results[key] -= 1
        if fresh:
            self.run.hear(ChatMessage("tool", results=fresh, at=message.at), agent)

    def _between(self, payload: str, at: Location) -> None:
        """A message between agents: the task, or results with what only they tell, that a call failed."""
        if self.run.task is None and _TASK in payload.replace(": ", ":")[:2000]:
            listed = as_list(as_mapping(open_json(payload)).get("messages"))
            said = (as_mapping(message) for message in listed)
            texts = (as_string(message.get("content")) for message in said if message.get("source") == "user")
            self.run.task = next((text for text in texts if text), None)
        if _EXECUTION not in payload:
            return
        event = as_mapping(as_mapping(open_json(payload)).get("message"))
        for recorded in as_list(event.get("content")):
            value = as_mapping(recorded)
            text, call_id = as_text(value.get("content")), as_string(value.get("call_id"))
            error = (text or "failed") if value.get("is_error") is True else None
            if call_id is not None and call_id in self._owners:
                result = ToolResult(text, call_id, as_string(value.get("name")), error)
                self._answer(ChatMessage("tool", results=(result,), at=at), self._owners[call_id])


def _bare(response: Mapping[str, JSON]) -> dict[str, JSON]:
    """A `CreateResult` of AutoGen itself: words or a list of calls."""
    content = response.get("content")
    calls = content if isinstance(content, list) else None
    return {
        "role": "assistant",
        "content": None if calls else content,
        "tool_calls": calls,
        "reasoning": response.get("thought"),
        "finish_reason": response.get("finish_reason"),
    }


def _name(agent_id: JSON) -> str:
    """`searcher` of `searcher_04b45f23-…/04b45f23-…`."""
    name = (as_string(agent_id) or "assistant").partition("/")[0]
    return _SUFFIX.sub("", name) or name
