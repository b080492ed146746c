"""A trace as a few lines of text, so that a test can compare all of it at once."""

from __future__ import annotations

from collections.abc import Iterator

from pisama.loaders import load
from pisama.loaders.container import Source
from pisama.report import LoadError
from pisama.trace import Step, Trace


def outline(source: Source, input_format: str | None = None) -> str:
    """What loading this input gives: its errors and its traces."""
    return "\n".join(line for item in load(source, input_format) for line in _item(item))


def one_trace(source: Source, input_format: str | None = None) -> Trace:
    """The only trace of this input; anything else fails the test."""
    items = list(load(source, input_format))
    assert len(items) == 1
    assert isinstance(items[0], Trace)
    return items[0]


def _item(item: Trace | LoadError) -> Iterator[str]:
    if isinstance(item, LoadError):
        yield f"problem: {item.reason}"
        return
    yield f"{item.format} {item.id}{'' if item.complete else ' (unfinished)'}"
    yield f"task: {item.task}"
    for step in item.steps:
        yield from _step(step)
    yield f"answer: {item.final_answer}"
    if item.outcome is not None:
        yield f"outcome: {item.outcome}"


def _step(step: Step) -> Iterator[str]:
    to = f" -> {step.recipient}" if step.recipient else ""
    parent = f" (for {step.parent})" if step.parent is not None else ""
    usage = f" [{step.usage.input_tokens}/{step.usage.output_tokens}]" if step.usage else ""
    for message in step.seen:
        yield f"    {message.role}{f' {message.name}' if message.name else ''}: {message.text}"
    yield f"{step.index} {step.agent}{to}{parent}{usage}: {step.text}".rstrip()
    if step.reasoning is not None:
        yield f"  thinks: {step.reasoning}"
    if step.error is not None:
        yield f"  failed: {step.error}"
    for call in step.tool_calls:
        yield f"  {call.name}({call.arguments}) -> {'error: ' if call.error is not None else ''}{call.result}"
