"""Steps from a log of events in which one response of the model is spread over several.

Coding agents log a thought, a text and each call of a response as events of their own. `Turns`
gathers what belongs together; `together` joins the steps of a run's agents; `session_trace` makes a
trace of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath

from pisama.loaders.base import Document
from pisama.loaders.messages import ChatMessage, ConversationBuilder, ToolResult
from pisama.trace import JSON, Location, Message, Step, Tool, ToolCall, Trace, Usage


@dataclass(slots=True)
class _Response:
    """One response of the model, half read."""

    at: Location | None
    start: int | None
    texts: list[list[str]] = field(default_factory=list)
    """Each in the pieces in which it came."""
    thoughts: list[str] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    end: int | None = None
    finish_reason: str | None = None
    error: str | None = None


@dataclass(slots=True)
class Turns:
    """The steps of one agent. A response ends where the agent hears something, or at `close`."""

    agent: str
    model: str | None = None
    """Model of the responses that follow."""
    _builder: ConversationBuilder = field(default_factory=ConversationBuilder)
    _open: _Response | None = None
    _usages: dict[int, Usage] = field(default_factory=dict)
    _expected: Usage | None = None
    _ends: dict[str, int | None] = field(default_factory=dict)
    _results: list[tuple[ToolResult, Location | None, int | None]] = field(default_factory=list)
    _count: int = 0

    @property
    def is_open(self) -> bool:
        """Whether a response is being read."""
        return self._open is not None

    def hear(self, message: ChatMessage) -> None:
        """What the agent is told."""
        self.close()
        self._builder.hear(message)

    def say(
        self, text: str, at: Location | None = None, time: int | None = None, *, goes_on: bool = False
    ) -> None:
        """A text of the response; one that goes on where the last one stopped is part of it."""
        if not text:
            return
        texts = self._response(at, time).texts
        if goes_on and texts:
            texts[-1].append(text)
        else:
            texts.append([text])

    def think(self, text: str, at: Location | None = None, time: int | None = None) -> None:
        """A thought of the response."""
        if text:
            self._response(at, time).thoughts.append(text)

    def call(self, call: ToolCall) -> None:
        """A call of the response."""
        self._response(call.at, call.start).calls.append(call)

    def answer(self, result: ToolResult, at: Location | None = None, time: int | None = None) -> None:
        """What a call returned."""
        if result.call_id is not None:
            self._ends[result.call_id] = time
        self.hear(ChatMessage("tool", results=(result,), at=at))

    def answer_later(self, result: ToolResult, at: Location | None = None, time: int | None = None) -> None:
        """What a call of the open response returned, where the record has it with the call.

        The response goes on; the result is heard when it is complete.
        """
        self._results.append((result, at, time))

    def finish(self, reason: str | None, time: int | None = None) -> None:
        """Why the response ended."""
        if self._open is not None:
            self._open.finish_reason = reason.lower() if reason else self._open.finish_reason
            self._open.end = time or self._open.end

    def fail(self, error: str, at: Location | None = None, time: int | None = None) -> None:
        """The call of the model failed: the response that is being read, or one of its own."""
        self._response(at, time).error = error
        self.close()

    def spend(self, usage: Usage) -> bool:
        """Tokens of the response that is being read, else of the latest; False when that has its own already."""
        place = self._place()
        if place < 0 or place in self._usages:
            return False
        self._usages[place] = usage
        return True

    def spend_more(self, usage: Usage) -> None:
        """Tokens that are added to those of the latest response; of the next one when there is none yet."""
        place = self._place()
        if place < 0:
            self.expect(usage)
        else:
            self._usages[place] = plus(self._usages.get(place), usage)

    def expect(self, usage: Usage) -> None:
        """Tokens of the next response."""
        self._expected = plus(self._expected, usage)

    def close(self) -> None:
        """The response is complete."""
        response, self._open = self._open, None
        if response is None:
            return
        step = Step(
            index=self._count,
            agent=self.agent,
            text="\n".join("".join(pieces) for pieces in response.texts),
            reasoning="\n".join(response.thoughts) or None,
            model=self.model,
            start=response.start,
            end=response.end,
            finish_reason=response.finish_reason,
            error=response.error,
            at=response.at,
        )
        self._builder.act(step, tuple(response.calls))
        self._count += 1
        results, self._results = self._results, []
        for result, at, time in results:
            self.answer(result, at, time)

    def steps(self) -> tuple[Step, ...]:
        """The steps, numbered from 0."""
        self.close()
        if self._expected is not None and self._count:
            self.spend_more(self._expected)
            self._expected = None
        return tuple(self._whole(step) for step in self._builder.steps())

    def _place(self) -> int:
        return self._count if self._open is not None else self._count - 1

    def _response(self, at: Location | None, time: int | None) -> _Response:
        if self._open is None:
            self._open = _Response(at, time)
            if self._expected is not None:
                self._usages[self._count] = self._expected
                self._expected = None
        self._open.end = time or self._open.end
        return self._open

    def _whole(self, step: Step) -> Step:
        calls = tuple(
            replace(call, end=call.end or self._ends.get(call.id)) if call.id else call
            for call in step.tool_calls
        )
        return replace(step, tool_calls=calls, usage=self._usages.get(step.index))


def plus(one: Usage | None, other: Usage) -> Usage:
    """Both together; what neither records stays unrecorded."""
    if one is None:
        return other
    return Usage(
        _sum(one.input_tokens, other.input_tokens),
        _sum(one.output_tokens, other.output_tokens),
        _sum(one.cached_tokens, other.cached_tokens),
        one.cost if other.cost is None else (one.cost or 0.0) + other.cost,
    )


def _sum(one: int | None, other: int | None) -> int | None:
    return other if one is None else one + (other or 0)


@dataclass(slots=True)
class Branch:
    """The steps of one agent of a run, numbered from 0, and the call that started it."""

    name: str
    steps: Sequence[Step]
    parent: tuple[str, int] | None = None
    """Name of the branch that started this one, and the number of its step; None for the main one."""


def together(branches: Iterable[Branch]) -> tuple[Step, ...]:
    """The steps of all agents, numbered anew: each sub-agent's right after the step that started it.

    The first branch is the main one. Branches that nobody started come last.
    """
    waiting = {branch.name: branch for branch in branches}
    started: dict[tuple[str, int], list[Branch]] = {}
    for branch in list(waiting.values())[1:]:
        if branch.parent is not None:
            started.setdefault(branch.parent, []).append(branch)
    steps: list[Step] = []
    while waiting:
        _walk(waiting[next(iter(waiting))], started, waiting, steps)
    return tuple(steps)


def _walk(
    root: Branch,
    started: Mapping[tuple[str, int], list[Branch]],
    waiting: dict[str, Branch],
    steps: list[Step],
) -> None:
    """Adds the steps of a branch and of all that it started, without recursion."""
    waiting.pop(root.name)
    stack: list[tuple[Branch, int, int | None]] = [(root, 0, None)]
    while stack:
        branch, place, parent = stack.pop()
        if place == len(branch.steps):
            continue
        index = len(steps)
        step = branch.steps[place]
        seen = step.seen if parent is None else tuple(_from_caller(message) for message in step.seen)
        steps.append(replace(step, index=index, parent=parent, seen=seen))
        stack.append((branch, place + 1, parent))
        children = reversed(started.get((branch.name, place), []))
        stack.extend((child, 0, index) for child in children if waiting.pop(child.name, None) is not None)


def _from_caller(message: Message) -> Message:
    """What stands in the user's place for a sub-agent was written by the agent that called it."""
    return replace(message, role="assistant") if message.role == "user" else message


def session_trace(
    document: Document,
    loader: str,
    name: str | None,
    steps: tuple[Step, ...],
    task: str | None,
    at: Location | None,
    *,
    answer: str | None = None,
    ended: bool | None = None,
    outcome: str | None = None,
    tools: tuple[Tool, ...] | None = None,
    metadata: Mapping[str, JSON] | None = None,
) -> Trace:
    """A trace of a session. `name` is its id, else the file's name is; `answer` the recorded final answer.

    `ended` is what the record says about its end. Without that a run is complete unless its last
    step waits for results or its last line was cut off.
    """
    own = [step for step in steps if step.parent is None and step.agent == steps[0].agent]
    last = own[-1] if own else None
    waits = last is not None and any(call.result is None and call.error is None for call in last.tool_calls)
    said = last.text or None if last is not None and not last.tool_calls else None
    stem = PurePath(document.path).stem if document.path else None
    return Trace(
        id=name or stem or "session",
        format=loader,
        task=task,
        steps=steps,
        agents=tuple(dict.fromkeys(step.agent for step in steps)),
        tools=tools,
        final_answer=answer or said,
        complete=not (document.growing or waits) if ended is None else ended and not document.growing,
        outcome=outcome,
        metadata=metadata or {},
        at=at,
    )


def shell_result(output: str, code: int | None) -> str:
    """What a shell command printed, after its exit code if that says that it failed.

    Where a record keeps the code apart, a model would not have been shown a failure otherwise.
    """
    return output if not code else f"Exit code {code}\n{output}"
