"""The trace model: what one run of an agent, or of several, did.

Loaders build these types and nothing else does; everything to the right of a loader only reads them.
`None` always means *not recorded*; an empty string, list or tuple means *recorded as empty*.
Times are UTC nanoseconds since the epoch, tokens are counts, cost is USD, ids are strings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import fsum
from typing import Literal, TypeAlias, Union

JSON: TypeAlias = Union[bool, int, float, str, "list[JSON]", "dict[str, JSON]", None]

Role: TypeAlias = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class Location:
    """Where in the input something was recorded."""

    path: str | None = None
    """File the record came from; None for in-memory input."""
    line: int | None = None
    """1-based line of the record; None where the container has no lines of its own."""
    pointer: str = ""
    """JSON pointer (RFC 6901) inside that record; empty for the whole of it."""

    def __str__(self) -> str:
        place = self.path or "<input>"
        if self.line is not None:
            place += f":{self.line}"
        return f"{place}#{self.pointer}" if self.pointer else place


@dataclass(frozen=True, slots=True)
class Message:
    """A text that an agent was given."""

    role: Role
    """`assistant` is another agent speaking, or this agent's own words played back to it."""
    text: str
    name: str | None = None
    """Who said it (an agent), or which tool returned it; None where not recorded."""
    at: Location | None = None


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool, with what came back. Pairing call and result is the loader's work."""

    name: str
    arguments: JSON = None
    """Normally an object. A string is the raw text of arguments that could not be parsed."""
    id: str | None = None
    result: str | None = None
    """What the tool returned, as text; structured results are JSON text."""
    error: str | None = None
    """Set only when the emitter itself marked the call as failed. A failure that merely shows in
    the text of `result` is for `pisama.outcomes` to recognise."""
    start: int | None = None
    end: int | None = None
    span_id: str | None = None
    at: Location | None = None


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that was offered to an agent."""

    name: str
    description: str | None = None
    schema: Mapping[str, JSON] | None = None
    """JSON Schema of the arguments; None when it was not recorded."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens and money one step consumed."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    """The part of `input_tokens` served from the provider's cache."""
    cost: float | None = None
    """USD."""

    @property
    def tokens(self) -> int:
        """Input and output tokens together; what is not recorded counts as 0."""
        return (self.input_tokens or 0) + (self.output_tokens or 0)


def total_cost(costs: Iterable[float | None]) -> float | None:
    """Those that are recorded, together, in USD; None when none is."""
    recorded = [cost for cost in costs if cost is not None]
    try:
        # Exactly rounded: what `sum` gives depends on the order and on the version of Python.
        return fsum(recorded) if recorded else None
    except (OverflowError, ValueError):
        # It adds no more than a float holds, and no infinities of both signs.
        return sum(recorded)


@dataclass(frozen=True, slots=True)
class Step:
    """One act of one agent: what it was newly given, what it said, what it called.

    Users and tools do not act in this model: their words are in `seen` and in the calls' results.
    """

    index: int
    """The source's own number: in a plain list of messages the position in that list (so numbers
    may have gaps), elsewhere the position in the run. Ascending and unique within a trace."""
    agent: str
    text: str = ""
    reasoning: str | None = None
    """Thoughts the agent did not say to anyone."""
    tool_calls: tuple[ToolCall, ...] = ()
    seen: tuple[Message, ...] = ()
    """What is new to this agent since its previous step, results of its calls included. The
    conversation that providers resend on every call has been removed."""
    recipient: str | None = None
    """The agent this act is addressed to, when it is a handoff or a delegation."""
    model: str | None = None
    usage: Usage | None = None
    start: int | None = None
    end: int | None = None
    finish_reason: str | None = None
    """As the provider gave it, lower case: `stop`, `length`, `tool_calls`, `content_filter` …"""
    error: str | None = None
    """The model call itself failed with this message."""
    span_id: str | None = None
    parent: int | None = None
    """Index of the step that delegated to this one."""
    at: Location | None = None

    @property
    def words(self) -> str:
        """All this step wrote itself: reasoning, then text."""
        return f"{self.reasoning}\n{self.text}" if self.reasoning else self.text


@dataclass(frozen=True, slots=True)
class Span:
    """A node of the recorded span tree, kept for timing and for the timeline."""

    id: str
    parent_id: str | None
    name: str
    kind: str | None = None
    """`agent`, `llm`, `tool`, `chain`, `retriever`, `embedding` … lower case; None if not said."""
    agent: str | None = None
    start: int | None = None
    end: int | None = None
    status: Literal["ok", "error"] | None = None
    attributes: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Trace:
    """One run, from the task to the final answer. Compared and hashed by identity."""

    id: str
    format: str
    """Id of the loader that read it."""
    task: str | None = None
    """What the run was asked to do, as its first agent got it."""
    steps: tuple[Step, ...] = ()
    spans: tuple[Span, ...] = ()
    """Empty for chat logs."""
    agents: tuple[str, ...] = ()
    """Every agent that acted, in order of first act."""
    tools: tuple[Tool, ...] | None = None
    """Tools offered to any agent of the run."""
    final_answer: str | None = None
    complete: bool = True
    """False while the run is still being recorded, or when its record was cut off."""
    outcome: str | None = None
    """How the run ended according to its own record: `success`, `error`, `max_steps`, `aborted` …
    Never the verdict of an evaluation."""
    metadata: Mapping[str, JSON] = field(default_factory=dict)
    at: Location | None = None

    def step(self, index: int) -> Step | None:
        """The step with this index, or None."""
        low, high = 0, len(self.steps)
        while low < high:
            middle = (low + high) // 2
            if self.steps[middle].index < index:
                low = middle + 1
            else:
                high = middle
        return self.steps[low] if low < len(self.steps) and self.steps[low].index == index else None

    def calls(self) -> Iterator[tuple[Step, ToolCall]]:
        """Every tool call with the step that made it, in order."""
        return ((step, call) for step in self.steps for call in step.tool_calls)
