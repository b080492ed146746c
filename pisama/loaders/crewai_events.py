"""The events of CrewAI's bus, one a line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from pisama.loaders.base import Document, Loaded
from pisama.loaders.chat_records import tools_of
from pisama.loaders.items import items, sample_items
from pisama.loaders.messages import ChatMessage, ToolResult, content_text, read_message
from pisama.loaders.runs import Act, RunBuilder, inside, run_name
from pisama.loaders.usages import usage_of
from pisama.loaders.values import as_list, as_mapping, as_nanoseconds, as_string, as_text, first, open_json
from pisama.report import LoadError
from pisama.trace import JSON, Location, ToolCall

_MARKS = ("event_id", "emission_sequence", "parent_event_id", "source_type")
_ENDS: Mapping[str, str] = {"crew_kickoff_completed": "success", "crew_kickoff_failed": "error"}


class CrewAIEventsLoader:
    """A dump is a run; each task has a conversation of its own."""

    id: ClassVar[str] = "crewai-events"
    title: ClassVar[str] = "CrewAI events"
    recognised_by: ClassVar[str] = "events with `event_id` and `emission_sequence`"

    def sniff(self, document: Document) -> float:
        """By the numbers that CrewAI gives its events."""
        return 0.95 if any(_is_event(as_mapping(value)) for value in sample_items(document)) else 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """The trace, and an error for each record that is no event."""
        events = _Events(RunBuilder(Location(document.path)))
        for record in items(document):
            if isinstance(record, LoadError):
                yield record
            elif not isinstance(as_mapping(record.value).get("type"), str):
                yield LoadError("not an event of CrewAI", record.at)
            else:
                events.read(as_mapping(record.value), record.at)
        events.flush()
        complete = events.run.outcome is not None and not document.growing
        yield events.run.trace(run_name(document), self.id, complete=complete)


def _is_event(value: Mapping[str, JSON]) -> bool:
    return (
        isinstance(value.get("type"), str)
        and "event_id" in value
        and sum(map(value.__contains__, _MARKS)) > 1
    )


@dataclass(slots=True)
class _Said:
    """An answer of a model, and the calls that followed."""

    message: ChatMessage
    act: Act
    context: str
    asked: tuple[ToolCall, ...] = ()
    calls: list[ToolCall] = field(default_factory=list)
    results: list[ToolResult] = field(default_factory=list)


@dataclass(slots=True)
class _Events:
    """Tells a run what the events say."""

    run: RunBuilder
    _said: _Said | None = None
    _heard: dict[str, int] = field(default_factory=dict)
    _started: dict[str, int | None] = field(default_factory=dict)
    _task: str = ""

    def read(self, event: Mapping[str, JSON], at: Location) -> None:
        """The next event."""
        kind = str(event.get("type"))
        if kind == "task_started":
            self._task = _context(event) or self._task
            self.run.task = self.run.task or as_string(event.get("task_name"))
        elif kind == "llm_call_started":
            self._ask(event, at)
        elif kind in ("llm_call_completed", "llm_call_failed"):
            self._answer(event, at)
        elif kind in ("tool_usage_started", "tool_usage_finished", "tool_usage_error"):
            self._tool(event, kind, at)
        elif kind in _ENDS:
            self.run.outcome = _ENDS[kind]
            output = event.get("output")
            self.run.answer = as_string(first(as_mapping(output), "raw")) or as_string(output)

    def flush(self) -> None:
        """The step that was being read is complete."""
        said, self._said = self._said, None
        if said is None:
            return
        calls = tuple(said.calls) or said.asked
        message = said.message
        self.run.act(
            ChatMessage("assistant", message.text, calls=calls, at=message.at), said.act, context=said.context
        )
        if said.results:
            self.run.hear(ChatMessage("tool", results=tuple(said.results), at=message.at), said.context)

    def _ask(self, event: Mapping[str, JSON], at: Location) -> None:
        """What the model was given that did not come from itself or from tools."""
        self.flush()
        context = _context(event) or self._task
        key = as_string(first(event, "call_id", "event_id")) or ""
        self._started[key] = as_nanoseconds(event.get("timestamp"))
        self.run.offer(tools_of(_unquoted_tools(event)))
        said = 0
        for place, recorded in enumerate(as_list(event.get("messages"))):
            message = read_message(as_mapping(recorded), inside(at, "messages", place))
            if message.role not in ("system", "user"):
                continue
            said += 1
            if said > self._heard.get(context, 0):
                self._heard[context] = said
                self.run.hear(message, context)

    def _answer(self, event: Mapping[str, JSON], at: Location) -> None:
        self.flush()
        response = event.get("response")
        calls = [as_mapping(call) for call in as_list(response)]
        text = "" if calls else content_text(response) or ""
        failed = event.get("type") == "llm_call_failed"
        key = as_string(first(event, "call_id", "started_event_id")) or ""
        act = Act(
            as_string(event.get("agent_role")) or "agent",
            model=as_string(event.get("model")),
            usage=usage_of(event.get("usage")),
            start=self._started.pop(key, None),
            end=as_nanoseconds(event.get("timestamp")),
            error=(as_text(event.get("error")) or "failed") if failed else None,
        )
        asked = tuple(_asked(call, at) for call in calls)
        self._said = _Said(ChatMessage("assistant", text, at=at), act, _context(event) or self._task, asked)

    def _tool(self, event: Mapping[str, JSON], kind: str, at: Location) -> None:
        name = as_string(event.get("tool_name")) or ""
        if self._said is None:
            agent = as_string(event.get("agent_role")) or "agent"
            context = _context(event) or self._task
            self._said = _Said(ChatMessage("assistant", at=at), Act(agent), context)
        time = as_nanoseconds(event.get("timestamp"))
        if kind == "tool_usage_started":
            arguments = open_json(event.get("tool_args"))
            call_id = as_string(event.get("event_id"))
            self._said.calls.append(ToolCall(name, arguments, call_id, start=time, at=at))
            return
        failed = kind == "tool_usage_error"
        text = as_text(first(event, "error", "output") if failed else event.get("output"))
        call_id = as_string(event.get("started_event_id")) or self._open_call(name)
        self._said.results.append(ToolResult(text, call_id, name, (text or "failed") if failed else None))

    def _open_call(self, name: str) -> str | None:
        """Versions that do not say which start an end belongs to run one tool after the other."""
        calls = self._said.calls if self._said is not None else []
        return next((call.id for call in reversed(calls) if call.name == name), None)


def _context(event: Mapping[str, JSON]) -> str | None:
    return as_string(event.get("task_id"))


def _asked(call: Mapping[str, JSON], at: Location) -> ToolCall:
    """A call as the model asked for it. Deep inside an event texts are written with Python's quotes."""
    function = as_mapping(call.get("function")) or call
    name = _unquoted(as_string(function.get("name")) or "")
    arguments = function.get("arguments")
    arguments = _unquoted(arguments) if isinstance(arguments, str) else arguments
    return ToolCall(name, open_json(arguments), as_string(call.get("id")), at=at)


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def _unquoted_tools(event: Mapping[str, JSON]) -> dict[str, JSON]:
    """The tools offered, as far as they can be read: their names and descriptions."""
    recorded = event.get("tools")
    if not isinstance(recorded, list):
        return {}
    tools: list[JSON] = []
    for value in recorded:
        function = as_mapping(as_mapping(value).get("function")) or as_mapping(value)
        description = as_string(function.get("description"))
        tools.append(
            {
                "name": _unquoted(as_string(function.get("name")) or ""),
                "description": _unquoted(description) if description else None,
                "parameters": function.get("parameters"),
            }
        )
    return {"tools": tools}
