"""Building the trace of a run from its messages.

A loader reads its records into `ChatMessage`s and tells a `RunBuilder`, in the order in which things
happened, what agents heard and what they did. The builder pairs calls with results, works out what was
new to each step, numbers the steps, and makes the trace.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import NamedTuple

from pisama.loaders.base import Document
from pisama.loaders.messages import ChatMessage, ConversationBuilder
from pisama.loaders.names import handoff_target
from pisama.trace import JSON, Location, Step, Tool, Trace, Usage

_SUFFIXES = frozenset((".json", ".jsonl", ".ndjson", ".gz", ".zst", ".log", ".txt", ".eval"))


class Act(NamedTuple):
    """What a format records of an act beyond the message itself."""

    agent: str = "assistant"
    recipient: str | None = None
    model: str | None = None
    usage: Usage | None = None
    start: int | None = None
    end: int | None = None
    error: str | None = None
    parent: int | None = None
    span_id: str | None = None


@dataclass(slots=True)
class RunBuilder:
    """One run while it is being read."""

    at: Location
    task: str | None = None
    """Unless set, the first words of a user."""
    answer: str | None = None
    """Unless set, what the latest step of the first agent's conversation said."""
    outcome: str | None = None
    _contexts: dict[str, ConversationBuilder] = field(default_factory=dict)
    _tools: dict[str, Tool] | None = None
    _next: int = 0
    _last: Step | None = None
    _waits: bool = False

    @property
    def last_step(self) -> Step | None:
        """The latest act, without its calls."""
        return self._last

    def offer(self, tools: tuple[Tool, ...] | None) -> None:
        """Tools that an agent was offered; None says nothing."""
        if tools is None:
            return
        self._tools = {} if self._tools is None else self._tools
        for tool in tools:
            self._tools.setdefault(tool.name, tool)

    def hear(self, message: ChatMessage, context: str = "") -> None:
        """A message that is no act. Everybody in the same context hears it."""
        if self.task is None and message.role == "user" and message.text.strip():
            self.task = message.text.strip()
        self._context(context).hear(message)

    def act(self, message: ChatMessage, act: Act, *, index: int | None = None, context: str = "") -> int:
        """An act; returns the number of its step.

        `index` is the source's own number. Results inside the message are of tools that the provider ran.
        """
        number = self._next if index is None else max(index, self._next)
        self._next = number + 1
        step = Step(
            index=number,
            agent=act.agent,
            text=message.text,
            reasoning=message.reasoning,
            recipient=act.recipient,
            model=act.model,
            usage=act.usage,
            start=act.start,
            end=act.end,
            finish_reason=message.finish_reason,
            error=act.error,
            span_id=act.span_id,
            parent=act.parent,
            at=message.at,
        )
        self._last = step
        self._waits = len(message.calls) > len(message.results)
        self._context(context).act(step, message.calls)
        if message.results:
            self.hear(ChatMessage("tool", results=message.results, at=message.at), context)
        return number

    def trace(
        self,
        trace_id: str,
        format_id: str,
        *,
        complete: bool = True,
        metadata: Mapping[str, JSON] | None = None,
    ) -> Trace:
        """The run as read so far."""
        contexts = self._contexts.values()
        steps = sorted(
            (step for context in contexts for step in context.steps()), key=lambda step: step.index
        )
        answer = self.answer
        if answer is None and self._last is not None and not self._waits and self._last.error is None:
            answer = self._last.text or None
        return Trace(
            id=trace_id,
            format=format_id,
            task=self.task,
            steps=tuple(with_recipients(steps)),
            agents=tuple(dict.fromkeys(step.agent for step in steps)),
            tools=None if self._tools is None else tuple(self._tools.values()),
            final_answer=answer,
            complete=complete,
            outcome=self.outcome,
            metadata={} if metadata is None else metadata,
            at=self.at,
        )

    def _context(self, name: str) -> ConversationBuilder:
        return self._contexts.setdefault(name, ConversationBuilder())


def with_recipients(steps: Sequence[Step]) -> Iterator[Step]:
    """The steps; one that hands over to an agent of this run, by a tool named after it, is addressed to it."""
    known = {step.agent.lower().replace(" ", "_"): step.agent for step in steps}
    for step in steps:
        targets = (handoff_target(call.name) for call in step.tool_calls)
        to = next((known[target] for target in targets if target in known), None)
        yield (
            step
            if to is None or step.recipient is not None or to == step.agent
            else replace(step, recipient=to)
        )


def inside(at: Location, *names: str | int) -> Location:
    """The place of a part of what stands at `at`."""
    escaped = (str(name).replace("~", "~0").replace("/", "~1") for name in names)
    return replace(at, pointer="/".join((at.pointer, *escaped)))


def run_name(document: Document, number: int = 0) -> str:
    """What a run is called that has no id of its own: by its file, and by its number there from 0."""
    path = PurePath(document.path or "trace")
    while path.suffix.lower() in _SUFFIXES:
        path = path.with_suffix("")
    return f"{path.name}-{number + 1}" if number else path.name
