"""Conversations of the OpenHands SDK (1.x): a folder with `base_state.json` and `events/`, or a list of its events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from pisama.loaders.base import Document, Loaded, Record
from pisama.loaders.items import items, sample_items
from pisama.loaders.members import member_items, member_samples
from pisama.loaders.message_parts import content_text
from pisama.loaders.messages import ChatMessage, ToolResult, read_message
from pisama.loaders.turns import Turns, session_trace, shell_result
from pisama.loaders.usages import usage_of
from pisama.loaders.values import (
    as_integer,
    as_list,
    as_mapping,
    as_nanoseconds,
    as_string,
    as_text,
    first,
    open_json,
)
from pisama.patterns import lazy
from pisama.report import LoadError
from pisama.trace import JSON, Location, Tool, ToolCall, Trace, Usage

AGENT = "openhands"
_FILE = lazy(r"base_state\.json\Z|(?:events/)?event-\d{1,9}-[\w\-]{1,80}\.json\Z")
_RESULTS = ("ObservationEvent", "UserRejectObservation", "AgentErrorEvent")
_KINDS = (
    *("SystemPromptEvent", "MessageEvent", "ActionEvent", "Condensation", "CondensationRequest"),
    *("CondensationSummaryEvent", "ConversationStateUpdateEvent", "ConversationErrorEvent", "PauseEvent"),
    *_RESULTS,
)
_OUTCOMES = {"finished": "success", "error": "error", "stuck": "stuck"}


class OpenHandsSdkLoader:
    """All events of the input are one run. An event file alone is read for what it says."""

    id: ClassVar[str] = "openhands-sdk"
    title: ClassVar[str] = "OpenHands SDK conversation (1.x)"
    recognised_by: ClassVar[str] = (
        "events with `source` and a `kind` such as `ActionEvent`; a folder with `events/event-*.json`"
    )

    def sniff(self, document: Document) -> float:
        """By the kinds of the events, or by the fields of the base state."""
        values = (*sample_items(document), *member_samples(document, _is_file))
        return max((_mark(as_mapping(value)) for value in values), default=0.0)

    def load(self, document: Document) -> Iterator[Loaded]:
        """The trace of the conversation."""
        run: _Run | None = None
        for record in _records(document):
            if isinstance(record, LoadError):
                yield record
                continue
            run = run or _Run(record.at)
            if not run.add(as_mapping(record.value), record.at):
                yield LoadError("not an event of a conversation", record.at)
        if run is not None:
            yield run.trace(document)


def _is_file(name: str) -> bool:
    return _FILE.match(name) is not None


def _mark(record: Mapping[str, JSON]) -> float:
    if as_string(record.get("kind")) in _KINDS and "source" in record:
        return 0.97
    return 0.9 if _is_base_state(record) else 0.0


def _is_base_state(record: Mapping[str, JSON]) -> bool:
    return "execution_status" in record and isinstance(record.get("agent"), dict)


def _records(document: Document) -> Iterator[Record | LoadError]:
    yield from items(document)
    for _, record in member_items(document, _is_file):
        yield record


@dataclass(slots=True)
class _Run:
    """One run, half read."""

    at: Location
    name: str | None = None
    task: str | None = None
    outcome: str | None = None
    tools: tuple[Tool, ...] | None = None
    _answer: str | None = None
    _turns: Turns = field(default_factory=lambda: Turns(AGENT))
    _response: str | None = None
    _usages: dict[str, Usage] = field(default_factory=dict)
    """Of each response, by its id."""

    def add(self, event: Mapping[str, JSON], at: Location) -> bool:
        """Takes an event or the base state in; False when it is neither."""
        kind = event.get("kind")
        time = as_nanoseconds(event.get("timestamp"))
        if kind == "ActionEvent":
            self._act(event, at, time)
        elif kind in _RESULTS:
            self._turns.answer(_result(event), at, time)
        elif kind == "MessageEvent":
            self._message(event, at, time)
        elif kind == "SystemPromptEvent":
            prompt = as_mapping(event.get("system_prompt")).get("text")
            self.tools = _tools(event.get("tools"))
            self._turns.hear(ChatMessage("system", as_text(prompt) or "", at=at))
        elif kind in ("Condensation", "CondensationSummaryEvent"):
            self._turns.hear(ChatMessage("system", as_string(event.get("summary")) or "", at=at))
        elif kind == "ConversationErrorEvent":
            words = (as_string(event.get(name)) for name in ("code", "detail"))
            self._turns.fail(": ".join(filter(None, words)) or "error", at, time)
            self.outcome = "error"
        elif kind == "ConversationStateUpdateEvent":
            self._update(event)
        elif _is_base_state(event):
            self._base(event)
        else:
            return isinstance(kind, str)
        return True

    def trace(self, document: Document) -> Trace:
        """The run as read."""
        return session_trace(
            document,
            OpenHandsSdkLoader.id,
            self.name,
            self._turns.steps(),
            self.task,
            self.at,
            answer=self._answer,
            ended=True if self.outcome in ("success", "error") or self._answer is not None else None,
            outcome=self.outcome,
            tools=self.tools,
        )

    def _base(self, state: Mapping[str, JSON]) -> None:
        self.name = as_string(state.get("id"))
        model = as_mapping(as_mapping(state.get("agent")).get("llm")).get("model")
        self._turns.model = as_string(model)
        self.outcome = _OUTCOMES.get(str(state.get("execution_status")), self.outcome)
        self._count(as_mapping(state.get("stats")))

    def _count(self, stats: Mapping[str, JSON]) -> None:
        for metrics in as_mapping(stats.get("usage_to_metrics")).values():
            for value in as_list(as_mapping(metrics).get("token_usages")):
                name = as_string(as_mapping(value).get("response_id"))
                usage = usage_of(value)
                if name is not None and usage is not None:
                    self._usages[name] = usage

    def _update(self, event: Mapping[str, JSON]) -> None:
        key, value = event.get("key"), event.get("value")
        if key == "execution_status":
            self.outcome = _OUTCOMES.get(str(value))
        elif key == "full_state":
            self._base(as_mapping(value))

    def _message(self, event: Mapping[str, JSON], at: Location, time: int | None) -> None:
        message = read_message(as_mapping(event.get("llm_message")), at)
        if event.get("source") == "agent" or message.role == "assistant":
            self._begin(event)
            self._turns.think(message.reasoning or "", at, time)
            self._turns.say(message.text, at, time)
            self._spend(event)
            return
        self._response = None
        if message.role == "user":
            self.task = self.task or message.text.strip() or None
        self._turns.hear(message)

    def _act(self, event: Mapping[str, JSON], at: Location, time: int | None) -> None:
        turns = self._turns
        if self._begin(event):
            turns.think(as_string(event.get("reasoning_content")) or "", at, time)
            for block in as_list(event.get("thinking_blocks")):
                turns.think(as_string(as_mapping(block).get("thinking")) or "", at, time)
            turns.say(content_text(event.get("thought") or None) or "", at, time)
        made = as_mapping(event.get("tool_call"))
        name = as_string(first(event, "tool_name")) or as_string(made.get("name")) or ""
        action = as_mapping(event.get("action"))
        given = made.get("arguments")
        arguments = (
            open_json(given) if given is not None else {key: action[key] for key in action if key != "kind"}
        )
        turns.call(ToolCall(name, arguments, as_string(event.get("tool_call_id")), start=time, at=at))
        if action.get("kind") == "FinishAction" or name == "finish":
            self._answer = as_string(first(action, "message")) or self._answer
        self._spend(event)

    def _begin(self, event: Mapping[str, JSON]) -> bool:
        """Whether this is the first event of its response; the one before it is then over."""
        name = as_string(event.get("llm_response_id"))
        same = name is not None and name == self._response and self._turns.is_open
        if not same:
            self._turns.close()
        self._response = name
        return not same

    def _spend(self, event: Mapping[str, JSON]) -> None:
        usage = self._usages.pop(as_string(event.get("llm_response_id")) or "", None)
        if usage is not None:
            self._turns.spend(usage)


def _tools(value: JSON) -> tuple[Tool, ...] | None:
    """The tools offered; None when one of them has no name."""
    records = [as_mapping(tool) for tool in as_list(value)]
    names = [as_string(first(record, "name", "title")) for record in records]
    found = [
        Tool(name, as_string(record.get("description")))
        for name, record in zip(names, records, strict=True)
        if name is not None
    ]
    return tuple(found) if found and len(found) == len(records) else None


def _result(event: Mapping[str, JSON]) -> ToolResult:
    call_id, name = as_string(event.get("tool_call_id")), as_string(event.get("tool_name"))
    said = first(event, "error", "rejection_reason")
    if said is not None:
        text = as_text(said) or "failed"
        return ToolResult(text, call_id, name, text)
    observation = as_mapping(event.get("observation"))
    code = as_integer(observation.get("exit_code"))
    content = first(observation, "content", "output", "message")
    text = shell_result(content_text(content) or "", None if code == -1 else code)
    error = (text or "failed") if observation.get("is_error") is True else None
    return ToolResult(text, call_id, name, error)
