"""Runs as loaders give them, brought within bounds: no text longer than the limit, no value nested too deep to be handled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TypeAlias

from pisama.json_writing import to_json
from pisama.limits import Limits
from pisama.report import LoadError
from pisama.trace import JSON, Location, Message, Step, ToolCall, Trace

LEVELS = 200
"""Levels of a recorded value that stay objects and lists; what lies deeper becomes JSON text. Real ones have a dozen.
Python itself follows values by recursion, of some hundreds of levels, when it compares them or hands them to another process."""

_Parent: TypeAlias = "list[JSON] | dict[str, JSON]"


def within(trace: Trace, limits: Limits) -> Iterator[Trace | LoadError]:
    """The run within the limits, and an error when a text was longer: detectors read texts again and again."""
    _make_shallow(trace)
    most = limits.text
    about = (trace.task, trace.final_answer)
    if not _any_longer(about, most) and not any(_is_long(step, most) for step in trace.steps):
        yield trace
        return
    cut = _Cut(most)
    steps = tuple(cut.step(step) if _is_long(step, most) else step for step in trace.steps)
    task, final_answer = cut.text(trace.task, "the task"), cut.text(trace.final_answer, "the final answer")
    yield replace(trace, steps=steps, task=task, final_answer=final_answer)
    more = f", the first of {cut.count:,} such texts," if cut.count > 1 else ""
    told = f"{cut.first}{more} is longer than {limits.beyond('text')}; what is behind that was not looked at"
    yield LoadError(told, cut.at or trace.at or Location())


def _make_shallow(trace: Trace) -> None:
    """Its loader made the values for this run, so that they are changed in place."""
    values: list[object] = [call.arguments for _, call in trace.calls()]
    values += (span.attributes for span in trace.spans)
    values += (tool.schema for tool in trace.tools or ())
    values.append(trace.metadata)
    for value in values:
        level: list[_Parent] = [value] if isinstance(value, dict | list) else []
        depth = 1
        while level and depth < LEVELS:
            level = [inner for outer in level for inner in _members(outer) if isinstance(inner, dict | list)]
            depth += 1
        for parent in level:
            _change(parent, lambda item: to_json(item) if isinstance(item, dict | list) else item)


def _members(parent: _Parent) -> Iterable[JSON]:
    return parent.values() if isinstance(parent, dict) else parent


def _change(parent: _Parent, change: Callable[[JSON], JSON]) -> None:
    if isinstance(parent, dict):
        for key, item in parent.items():
            parent[key] = change(item)
    else:
        parent[:] = [change(item) for item in parent]


def _any_longer(texts: tuple[str | None, ...], most: int) -> bool:
    return any(text is not None and len(text) > most for text in texts)


def _is_long(step: Step, most: int) -> bool:
    """Whether any text of a step is longer than that."""
    if _any_longer((step.text, step.reasoning, step.error), most):
        return True
    if any(len(message.text) > most for message in step.seen):
        return True
    return any(
        _any_longer((call.result, call.error), most) or _has_long_text(call.arguments, most)
        for call in step.tool_calls
    )


def _has_long_text(value: JSON, most: int) -> bool:
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            if len(item) > most:
                return True
        elif isinstance(item, dict | list):
            todo += _members(item)
    return False


class _Cut:
    """Cuts texts, and remembers the first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.count = 0
        self.first = ""
        self.at: Location | None = None
        self._step: Step | None = None

    def step(self, step: Step) -> Step:
        """The step with as much of each text as is allowed."""
        self._step = step
        number = f"step {step.index}"
        cut = replace(
            step,
            seen=tuple(self._message(message, number) for message in step.seen),
            reasoning=self.text(step.reasoning, f"{number}: its reasoning"),
            text=self.text(step.text, f"{number}: what it says") or "",
            tool_calls=tuple(self._call(call, number) for call in step.tool_calls),
            error=self.text(step.error, f"{number}: its error"),
        )
        self._step = None
        return cut

    def text(self, text: str | None, name: str, at: Location | None = None) -> str | None:
        """As much of a text as is allowed."""
        if text is None or len(text) <= self._most:
            return text
        if not self.count:
            self.first = name
            self.at = at or (self._step.at if self._step is not None else None)
        self.count += 1
        return text[: self._most]

    def _message(self, message: Message, number: str) -> Message:
        text = self.text(message.text, f"{number}: a text that it was given ({message.role})", message.at)
        return replace(message, text=text or "")

    def _call(self, call: ToolCall, number: str) -> ToolCall:
        name = f"of {call.name[:100]}"
        return replace(
            call,
            arguments=self._arguments(call, f"{number}: an argument {name}"),
            result=self.text(call.result, f"{number}: the result {name}", call.at),
            error=self.text(call.error, f"{number}: the error {name}", call.at),
        )

    def _arguments(self, call: ToolCall, name: str) -> JSON:
        if isinstance(call.arguments, str):
            return self.text(call.arguments, name, call.at)
        todo: list[JSON] = [call.arguments]
        while todo:
            parent = todo.pop()
            if isinstance(parent, dict | list):
                _change(
                    parent, lambda item: self.text(item, name, call.at) if isinstance(item, str) else item
                )
                todo += _members(parent)
        return call.arguments
