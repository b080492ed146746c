"""ATIF, the Agent Trajectory Interchange Format (schema versions 1.0 to 1.8), as Harbor writes it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import ClassVar

from pisama.loaders.base import Document, Loaded
from pisama.loaders.items import items, sample_items
from pisama.loaders.messages import ChatMessage, ConversationBuilder, ToolResult, content_text, read_message
from pisama.loaders.values import (
    as_integer,
    as_list,
    as_mapping,
    as_nanoseconds,
    as_number,
    as_string,
    as_text,
    first,
    open_json,
)
from pisama.report import LoadError
from pisama.trace import JSON, Location, Step, Tool, ToolCall, Trace, Usage

SUB_AGENT = "subagent"
_SCHEMA = "ATIF-v"


class AtifLoader:
    """One object is one run; trajectories of sub-agents embedded in it are part of that run."""

    id: ClassVar[str] = "atif"
    title: ClassVar[str] = "ATIF trajectory (Harbor)"
    recognised_by: ClassVar[str] = "an object whose `schema_version` begins with `ATIF-`"

    def sniff(self, document: Document) -> float:
        """By the schema version, which no other format has."""
        return 1.0 if any(_is_trajectory(value) for value in sample_items(document)) else 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each trajectory."""
        for record in items(document):
            if isinstance(record, LoadError):
                yield record
            elif _is_trajectory(record.value):
                yield from _Run(as_mapping(record.value), record.at).load(document)
            else:
                yield LoadError("not an ATIF trajectory", record.at)


def _is_trajectory(value: JSON) -> bool:
    version = as_mapping(value).get("schema_version")
    return isinstance(version, str) and version.startswith(_SCHEMA)


@dataclass(slots=True)
class _Trajectory:
    """The trajectory of one agent, half read."""

    record: Mapping[str, JSON]
    pointer: str
    agent: str
    parent: int | None = None
    place: int = 0
    """Number of the step that is read next."""
    builder: ConversationBuilder = field(default_factory=ConversationBuilder)


class _Run:
    """Reads one trajectory and those embedded in it, each sub-agent after the step that called it."""

    def __init__(self, record: Mapping[str, JSON], at: Location) -> None:
        self._at = at
        self._errors: list[LoadError] = []
        agent = as_string(as_mapping(record.get("agent")).get("name")) or "agent"
        self._root = _Trajectory(record, "", agent)
        self._read: list[_Trajectory] = []
        self._waiting = _embedded(self._root)
        self._own_numbers = not self._waiting and _are_numbered(record)
        self._position = 0
        self._task: str | None = None

    def load(self, document: Document) -> Iterator[Loaded]:
        """The trace, and an error for each part that could not be read."""
        self._walk(self._root)
        while self._waiting:
            # What no step refers to comes last, so that nothing recorded is lost.
            self._walk(self._waiting.pop(next(iter(self._waiting))))
        yield from self._errors
        yield self._trace(document)

    def _walk(self, trajectory: _Trajectory) -> None:
        stack = [trajectory]
        self._read.append(trajectory)
        while stack:
            current = stack[-1]
            steps = as_list(current.record.get("steps"))
            if current.place == len(steps):
                stack.pop()
                continue
            started = self._step(current, steps[current.place])
            self._read += started
            stack += reversed(started)

    def _step(self, current: _Trajectory, step: JSON) -> list[_Trajectory]:
        """Reads the next step; returns the trajectories it started."""
        at = replace(self._at, pointer=f"{self._at.pointer}{current.pointer}/steps/{current.place}")
        current.place += 1
        index = self._position
        self._position += 1
        if not isinstance(step, dict):
            self._errors.append(LoadError("a step that is not an object", at))
            return []
        if self._own_numbers:
            index = as_integer(step.get("step_id")) or 0
        message = read_message({"role": _role(step), "content": step.get("message")}, at)
        results = [as_mapping(value) for value in as_list(as_mapping(step.get("observation")).get("results"))]
        if message.role == "assistant" and step.get("is_copied_context") is not True:
            calls = tuple(_call(as_mapping(call), at) for call in as_list(step.get("tool_calls")))
            current.builder.act(_act(current, step, message, index), calls)
        else:
            calls = ()
            current.builder.hear(message)
            if self._task is None and message.role == "user":
                self._task = message.text or None
        current.builder.hear(_observed(results, at, paired=bool(calls)))
        return self._started(results, index)

    def _started(self, results: list[dict[str, JSON]], index: int) -> list[_Trajectory]:
        started: list[_Trajectory] = []
        for reference in (
            item for result in results for item in as_list(result.get("subagent_trajectory_ref"))
        ):
            name = _name(as_mapping(reference))
            trajectory = self._waiting.pop(name, None) if name else None
            if trajectory is not None:
                trajectory.parent = index
                started.append(trajectory)
        return started

    def _trace(self, document: Document) -> Trace:
        record = self._root.record
        steps = sorted(
            (step for trajectory in self._read for step in trajectory.builder.steps()),
            key=lambda step: step.index,
        )
        own = self._root.builder.last_step
        stem = PurePath(document.path).stem if document.path else None
        return Trace(
            id=as_string(first(record, "trajectory_id", "session_id")) or stem or "trajectory",
            format=AtifLoader.id,
            task=self._task,
            steps=tuple(steps),
            agents=tuple(dict.fromkeys(step.agent for step in steps)),
            tools=_tools(self._read),
            final_answer=own.text or None if own is not None else None,
            complete=not document.growing and record.get("continued_trajectory_ref") is None,
            metadata={"schema_version": record.get("schema_version")},
            at=self._at,
        )


def _embedded(root: _Trajectory) -> dict[str, _Trajectory]:
    """All trajectories in this one, at any depth, by id."""
    found: dict[str, _Trajectory] = {}
    todo = deque([root])
    while todo:
        parent = todo.popleft()
        for number, value in enumerate(as_list(parent.record.get("subagent_trajectories"))):
            record = as_mapping(value)
            pointer = f"{parent.pointer}/subagent_trajectories/{number}"
            trajectory = _Trajectory(record, pointer, _sub_agent(record, root.agent))
            name = _name(record)
            found[name if name is not None and name not in found else pointer] = trajectory
            todo.append(trajectory)
    return found


def _name(record: Mapping[str, JSON]) -> str | None:
    return as_string(first(record, "trajectory_id", "session_id"))


def _sub_agent(record: Mapping[str, JSON], caller: str) -> str:
    """Name of a sub-agent: its own if it has one, else its type."""
    extra = as_mapping(record.get("extra"))
    own = as_string(as_mapping(record.get("agent")).get("name"))
    kind = as_string(first(extra, "agent_type", "agentType"))
    return own if own is not None and own != caller else kind or SUB_AGENT


def _are_numbered(record: Mapping[str, JSON]) -> bool:
    """Whether the steps number themselves with ascending integers."""
    previous = -1
    for step in as_list(record.get("steps")):
        number = as_mapping(step).get("step_id")
        if not isinstance(number, int) or isinstance(number, bool) or number <= previous:
            return False
        previous = number
    return True


def _role(step: Mapping[str, JSON]) -> str:
    source = step.get("source")
    return source if source in ("system", "user") else "assistant"


def _act(current: _Trajectory, step: Mapping[str, JSON], message: ChatMessage, index: int) -> Step:
    agent = as_mapping(current.record.get("agent"))
    return Step(
        index=index,
        agent=current.agent,
        text=message.text,
        reasoning=as_text(step.get("reasoning_content")) or message.reasoning,
        model=as_string(step.get("model_name")) or as_string(agent.get("model_name")),
        usage=_usage(as_mapping(step.get("metrics"))),
        start=as_nanoseconds(step.get("timestamp")),
        parent=current.parent,
        at=message.at,
    )


def _call(record: Mapping[str, JSON], at: Location) -> ToolCall:
    return ToolCall(
        name=as_string(first(record, "function_name", "name")) or "",
        arguments=open_json(record.get("arguments")),
        id=as_string(record.get("tool_call_id")),
        at=at,
    )


def _observed(results: list[dict[str, JSON]], at: Location, *, paired: bool) -> ChatMessage:
    """What came back from the environment; results of calls if the step made any."""
    texts = [content_text(result.get("content")) for result in results]
    if not paired:
        return ChatMessage("tool", "\n".join(text for text in texts if text), at=at)
    pairs = zip(results, texts, strict=True)
    return ChatMessage("tool", results=tuple(_result(result, text) for result, text in pairs), at=at)


def _result(record: Mapping[str, JSON], text: str | None) -> ToolResult:
    # The format has no error flag; converters put one here.
    failed = as_mapping(record.get("extra")).get("is_error") is True
    return ToolResult(
        text, as_string(record.get("source_call_id")), error=(text or "failed") if failed else None
    )


def _usage(metrics: Mapping[str, JSON]) -> Usage | None:
    usage = Usage(
        input_tokens=as_integer(metrics.get("prompt_tokens")),
        output_tokens=as_integer(metrics.get("completion_tokens")),
        cached_tokens=as_integer(metrics.get("cached_tokens")),
        cost=as_number(metrics.get("cost_usd")),
    )
    return usage if usage != Usage() else None


def _tools(trajectories: list[_Trajectory]) -> tuple[Tool, ...] | None:
    """The tools offered to any of the agents; None when no trajectory says."""
    tools: dict[str, Tool] = {}
    recorded = False
    for trajectory in trajectories:
        definitions = as_mapping(trajectory.record.get("agent")).get("tool_definitions")
        recorded = recorded or isinstance(definitions, list)
        for definition in as_list(definitions):
            record = as_mapping(definition)
            function = as_mapping(record.get("function")) or record
            name = as_string(function.get("name"))
            schema = first(function, "parameters", "input_schema")
            if name is not None:
                description = as_string(function.get("description"))
                tools.setdefault(name, Tool(name, description, schema if isinstance(schema, dict) else None))
    return tuple(tools.values()) if recorded else None
