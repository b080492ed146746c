"""Sessions of the GitHub Copilot CLI: `~/.copilot/session-state/<id>/events.jsonl`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from pisama.loaders.base import Document, Loaded
from pisama.loaders.items import items, sample_items
from pisama.loaders.message_parts import content_text
from pisama.loaders.messages import ChatMessage, ToolResult
from pisama.loaders.turns import Branch, Turns, session_trace, together
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
from pisama.report import LoadError
from pisama.trace import JSON, Location, ToolCall, Usage

MAIN_AGENT = "copilot"
SUB_AGENT = "subagent"
_KINDS = ("session.", "user.", "assistant.", "tool.", "subagent.", "system.", "abort", "hook.", "skill.")


class CopilotCliLoader:
    """One file is one session; what a sub-agent does names the call that started it."""

    id: ClassVar[str] = "copilot-cli"
    title: ClassVar[str] = "Copilot CLI session"
    recognised_by: ClassVar[str] = (
        "events with `type` such as `assistant.message`, `data`, `id` and `parentId`"
    )

    def sniff(self, document: Document) -> float:
        """By the names of the events."""
        return max((_mark(as_mapping(value)) for value in sample_items(document)), default=0.0)

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each `session.start`."""
        sessions: list[_Session] = []
        for record in items(document):
            if isinstance(record, LoadError):
                yield record
                continue
            event = as_mapping(record.value)
            kind, data = event.get("type"), event.get("data")
            if not isinstance(kind, str) or not isinstance(data, dict):
                yield LoadError("an event without a type or data", record.at)
                continue
            if not sessions or (kind == "session.start" and sessions[-1].name is not None):
                sessions.append(_Session(record.at))
            sessions[-1].read(kind, data, record.at, as_nanoseconds(event.get("timestamp")))
        for session in sessions:
            yield session_trace(
                document,
                self.id,
                session.name,
                together(session.branches()),
                session.task,
                session.at,
                outcome=session.outcome,
            )


def _mark(record: Mapping[str, JSON]) -> float:
    kind = record.get("type")
    if not isinstance(kind, str) or not kind.startswith(_KINDS) or not isinstance(record.get("data"), dict):
        return 0.0
    return 0.95 if "parentId" in record and "id" in record else 0.5


@dataclass(slots=True)
class _Session:
    """One session, half read."""

    at: Location
    name: str | None = None
    task: str | None = None
    outcome: str | None = None
    model: str | None = None
    _agents: dict[str | None, Turns] = field(default_factory=dict)
    """By the id of the call that started them; None for the main one."""
    _names: dict[str, str] = field(default_factory=dict)
    """Of sub-agents, by the id of their call."""
    _owners: dict[str, str | None] = field(default_factory=dict)
    """Calls by id, with the id of the call that started the agent that made them."""

    def read(self, kind: str, data: Mapping[str, JSON], at: Location, time: int | None) -> None:
        """Takes one event in."""
        caller = as_string(data.get("parentToolCallId"))
        if kind.startswith("session."):
            self._session(kind, data, at, time)
        elif kind == "user.message":
            text = content_text(data.get("content")) or ""
            self.task = self.task or text or None
            self._turns(None).hear(ChatMessage("user", text, at=at))
        elif kind == "system.message":
            self._turns(caller).hear(ChatMessage("system", content_text(data.get("content")) or "", at=at))
        elif kind.startswith("assistant."):
            self._assistant(kind, data, at, time, caller)
        elif kind.startswith("tool."):
            self._tool(kind, data, at, time, caller)
        elif kind == "subagent.started":
            call_id = as_string(data.get("toolCallId"))
            if call_id is not None:
                self._names[call_id] = as_string(data.get("agentName")) or SUB_AGENT
        elif kind == "abort":
            self.outcome = "aborted"

    def branches(self) -> Iterator[Branch]:
        """The agents of the session, each with its steps."""
        self._turns(None)
        places: dict[str, tuple[str, int]] = {}
        steps = {}
        for caller, turns in sorted(self._agents.items(), key=lambda item: item[0] or ""):
            turns.agent = self._agent(caller)
            steps[caller] = turns.steps()
            for step in steps[caller]:
                places.update({call.id: (caller or "", step.index) for call in step.tool_calls if call.id})
        for caller, found in steps.items():
            yield Branch(caller or "", found, places.get(caller) if caller is not None else None)

    def _session(self, kind: str, data: Mapping[str, JSON], at: Location, time: int | None) -> None:
        if kind == "session.start":
            self.name = as_string(data.get("sessionId"))
            self.model = as_string(data.get("selectedModel"))
        elif kind == "session.model_change":
            self.model = as_string(data.get("newModel")) or self.model
        elif kind == "session.error":
            self._turns(None).fail(as_string(data.get("message")) or "error", at, time)
            self.outcome = "error"
        elif kind == "session.compaction_complete":
            text = as_string(first(data, "summaryContent", "summary")) or ""
            self._turns(None).hear(ChatMessage("system", text, at=at))

    def _assistant(
        self, kind: str, data: Mapping[str, JSON], at: Location, time: int | None, caller: str | None
    ) -> None:
        turns = self._turns(caller)
        if kind == "assistant.message":
            self.outcome = None
            turns.think(as_string(data.get("reasoningText")) or "", at, time)
            turns.say(as_text(data.get("content")) or "", at, time)
            for place, value in enumerate(as_list(data.get("toolRequests"))):
                where = Location(at.path, at.line, f"{at.pointer}/data/toolRequests/{place}")
                self._call(as_mapping(value), where, time, caller)
            output = as_integer(data.get("outputTokens"))
            if output is not None:
                turns.spend(Usage(output_tokens=output))
        elif kind == "assistant.reasoning":
            turns.think(as_string(data.get("content")) or "", at, time)
        elif kind == "assistant.usage":
            given, output = as_integer(data.get("inputTokens")), as_integer(data.get("outputTokens"))
            turns.spend(Usage(given, output, as_integer(data.get("cacheReadTokens"))))
        elif kind == "assistant.turn_end":
            turns.close()

    def _tool(
        self, kind: str, data: Mapping[str, JSON], at: Location, time: int | None, caller: str | None
    ) -> None:
        call_id = as_string(data.get("toolCallId"))
        if kind == "tool.execution_start":
            if call_id not in self._owners:
                self._call(data, at, time, caller)
            return
        if kind != "tool.execution_complete":
            return
        owner = self._owners.get(call_id or "", caller)
        self._turns(owner).answer(_result(data, call_id), at, time)

    def _call(self, request: Mapping[str, JSON], at: Location, time: int | None, caller: str | None) -> None:
        call_id = as_string(request.get("toolCallId"))
        name = as_string(first(request, "name", "toolName")) or ""
        self._turns(caller).call(
            ToolCall(name, open_json(request.get("arguments")), call_id, start=time, at=at)
        )
        if call_id is not None:
            self._owners[call_id] = caller

    def _turns(self, caller: str | None) -> Turns:
        turns = self._agents.get(caller)
        if turns is None:
            turns = self._agents[caller] = Turns(self._agent(caller))
        turns.model = self.model
        return turns

    def _agent(self, caller: str | None) -> str:
        return MAIN_AGENT if caller is None else self._names.get(caller, SUB_AGENT)


def _result(data: Mapping[str, JSON], call_id: str | None) -> ToolResult:
    error = data.get("error")
    said = as_string(as_mapping(error).get("message")) or as_text(error)
    result = data.get("result")
    text = (
        content_text(as_mapping(result).get("content")) if isinstance(result, dict) else content_text(result)
    )
    failed = data.get("success") is False or error is not None
    return ToolResult(text or said or "", call_id, error=(said or text or "failed") if failed else None)
