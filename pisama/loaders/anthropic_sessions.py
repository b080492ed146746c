"""Sessions of Anthropic's managed agents: their events, bare or in a log of the client's calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from pisama.loaders.base import Document, Loaded, Record
from pisama.loaders.chat_records import tools_of
from pisama.loaders.message_parts import Parts
from pisama.loaders.messages import ChatMessage, ToolResult, content_text
from pisama.loaders.runs import Act, RunBuilder, inside, run_name
from pisama.loaders.usages import usage_of
from pisama.loaders.values import as_list, as_mapping, as_nanoseconds, as_string, first
from pisama.report import LoadError
from pisama.trace import JSON, Location, ToolCall, Usage

_ACTS = ("agent.message", "agent.thinking")
_CALLS = ("agent.tool_use", "agent.mcp_tool_use", "agent.custom_tool_use")
_RESULTS = ("agent.tool_result", "agent.mcp_tool_result", "user.custom_tool_result")
_CALL_IDS = ("tool_use_id", "mcp_tool_use_id", "custom_tool_use_id")
_PREFIXES = ("agent.", "user.", "session.", "span.")


class AnthropicSessionsLoader:
    """A session is a run."""

    id: ClassVar[str] = "anthropic-sessions"
    title: ClassVar[str] = "Anthropic managed-agent session"
    recognised_by: ClassVar[str] = "events of type `agent.message`, `agent.tool_use` or `session.status_idle`"

    def sniff(self, document: Document) -> float:
        """By the dotted types of events that have the id of one."""
        found = 0
        for value in document.sample:
            found += sum(
                1 for record in _events(Record(value, Location())) if _is_event(as_mapping(record.value))
            )
        return 0.95 if found > 1 else 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """The trace, and an error for each record that is no event."""
        session = _Session(RunBuilder(Location(document.path)))
        for recorded in document.records():
            if isinstance(recorded, LoadError):
                yield recorded
                continue
            for record in _events(recorded):
                value = as_mapping(record.value)
                if _is_event(value):
                    session.read(value, record.at)
                elif value.get("type") == "session":
                    session.begin(value, record.at)
                elif not _is_sent(record.value):
                    yield LoadError("not an event of a session", record.at)
        session.end_turn()
        yield session.run.trace(
            session.name or run_name(document), self.id, complete=session.idle and not document.growing
        )


def _events(record: Record) -> Iterator[Record]:
    """The events in a record: itself, those of a list, or the last of `[method, value]`, a logged call."""
    value = record.value
    if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str):
        yield Record(value[1], inside(record.at, 1))
    elif isinstance(value, list):
        yield from (Record(item, inside(record.at, place)) for place, item in enumerate(value))
    elif isinstance(as_mapping(value).get("data"), list):
        listed = as_list(as_mapping(value).get("data"))
        yield from (Record(item, inside(record.at, "data", place)) for place, item in enumerate(listed))
    else:
        yield record


def _is_event(value: Mapping[str, JSON]) -> bool:
    kind = value.get("type")
    return isinstance(kind, str) and kind.startswith(_PREFIXES) and "processed_at" in value


def _is_sent(value: JSON) -> bool:
    """What the client sent, the arguments of a call, comes back as events; so it is left out."""
    return isinstance(value, list) or "events" in as_mapping(value)


@dataclass(slots=True)
class _Session:
    """Tells a run what the events say."""

    run: RunBuilder
    name: str | None = None
    agent: str = "assistant"
    idle: bool = True
    """Whether the agent has stopped of itself."""
    _model: str | None = None
    _parts: Parts | None = None
    _start: int | None = None
    _end: int | None = None
    _usage: Usage | None = None
    _error: str | None = None
    _read: set[str] = field(default_factory=set)

    def begin(self, session: Mapping[str, JSON], at: Location) -> None:
        """The session as it was made."""
        agent = as_mapping(session.get("agent"))
        self.name = as_string(session.get("id")) or self.name
        self.agent = as_string(agent.get("name")) or self.agent
        self._model = as_string(as_mapping(agent.get("model")).get("id")) or as_string(agent.get("model"))
        if isinstance(agent.get("system"), str) and self.run.last_step is None and not self._read:
            self._read.add("system")
            self.run.hear(ChatMessage("system", str(agent["system"]), at=inside(at, "agent", "system")))
        custom = [tool for tool in as_list(agent.get("tools")) if as_string(as_mapping(tool).get("name"))]
        if custom and len(custom) == len(as_list(agent.get("tools"))):
            self.run.offer(tools_of({"tools": custom}))

    def read(self, event: Mapping[str, JSON], at: Location) -> None:
        """The next event; streams that were opened again repeat some."""
        own = as_string(event.get("id"))
        if own is not None and own in self._read:
            return
        self._read.add(own or "")
        kind = str(event.get("type"))
        time = as_nanoseconds(event.get("processed_at"))
        if kind == "span.model_request_start":
            self.end_turn()
            self._start = time
        elif kind == "span.model_request_end":
            self._usage, self._end = usage_of(event.get("model_usage")), time
            self._error = "the model request failed" if event.get("is_error") is True else None
            self.end_turn()
        elif kind in _ACTS:
            self._open(at).add_all(event.get("content"), "content")
        elif kind in _CALLS:
            self._open(at).calls.append(ToolCall(_name(event), event.get("input"), own, at=at))
        elif kind in _RESULTS:
            self._result(event, at)
        elif kind == "user.message":
            self.end_turn()
            self.run.hear(ChatMessage("user", content_text(event.get("content")) or "", at=at))
        elif kind.startswith("session.status_") and kind != "session.status_rescheduled":
            reason = as_mapping(event.get("stop_reason")).get("type")
            self.idle = kind != "session.status_running" and reason != "requires_action"
        elif kind == "session.error":
            self.run.outcome = "error"

    def end_turn(self) -> None:
        """The response of the model is complete."""
        parts, self._parts = self._parts, None
        if parts is None and self._error is None:
            return
        parts = parts or Parts(self.run.at)
        message = ChatMessage(
            "assistant",
            "\n".join(parts.texts),
            reasoning="\n".join(parts.thoughts) or None,
            calls=tuple(parts.calls),
            at=parts.at,
        )
        act = Act(self.agent, None, self._model, self._usage, self._start, self._end, self._error)
        self._usage = self._start = self._end = self._error = None
        self.run.act(message, act)

    def _open(self, at: Location) -> Parts:
        self._parts = self._parts or Parts(at)
        return self._parts

    def _result(self, event: Mapping[str, JSON], at: Location) -> None:
        self.end_turn()
        text = content_text(event.get("content"))
        call_id = as_string(first(event, *_CALL_IDS))
        error = (text or "failed") if event.get("is_error") is True else None
        self.run.hear(ChatMessage("tool", results=(ToolResult(text, call_id, error=error),), at=at))


def _name(event: Mapping[str, JSON]) -> str:
    return as_string(event.get("name")) or ""
