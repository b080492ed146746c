"""BeeAI's OpenInference spans, which are events: a model call is one span at its start and one at its success.

The instrumentor of BeeAI 0.1 exports every event of its emitter as a span of no length, named by path and
number (`backend.openai.chat.start-14`), and tells what the agent decided only in `agent.….update` events.
Here they become one span for each model call, tool call and agent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from pisama.loaders import names
from pisama.loaders.python_text import open_python
from pisama.loaders.spans import SpanRecord
from pisama.loaders.values import as_string, as_text, open_json
from pisama.trace import JSON

_SCOPE = "openinference.instrumentation.beeai"
_BEGINS = "start"
_ENDS = frozenset(("success", "error", "finish"))
_UPDATES = frozenset(("update", "partial_update", "partialUpdate"))
_OUTPUT = "output.value"


@dataclass(slots=True)
class _Turn:
    """A model call, what the agent made of its answer, and the tool that ran next."""

    call: SpanRecord
    said: list[str] = field(default_factory=list)
    thought: str | None = None
    tool: str | None = None
    arguments: JSON = None
    output: JSON = None
    executed: SpanRecord | None = None

    def records(self) -> Iterable[SpanRecord]:
        """The spans of the model call and of the tool."""
        call: dict[str, JSON] = {"name": self.tool, "arguments": self.arguments}
        message: dict[str, JSON] = {
            "role": "assistant",
            "content": "".join(self.said) if self.tool is None else "",
            "reasoning": self.thought,
            "tool_calls": [call] if self.tool is not None else None,
        }
        kept = {
            name: value
            for name, value in self.call.attributes.items()
            if not name.startswith(names.OUTPUT_PREFIXES)
        }
        yield replace(self.call, attributes={**kept, names.OUTPUT_MESSAGES: [message]})
        if self.tool is None:
            return
        executed = self.executed
        yield replace(
            executed or replace(self.call, id=f"{self.call.id}/tool", start=self.call.end),
            kind="TOOL",
            attributes={
                "openinference.span.kind": "TOOL",
                "tool.name": self.tool,
                "input.value": self.arguments,
                _OUTPUT: self.output if executed is None else executed.attributes.get(_OUTPUT, self.output),
            },
        )


def join_events(records: Iterable[SpanRecord]) -> list[SpanRecord]:
    """The records, those that are events of BeeAI joined to spans; all others as they are."""
    found: list[SpanRecord] = []
    events: dict[str, list[SpanRecord]] = {}
    agents: dict[str, str] = {}
    for record in records:
        if record.scope == _SCOPE and _is_event(record):
            events.setdefault(record.trace_id, []).append(record)
        elif record.scope == _SCOPE and as_string(record.attributes.get("source")):
            found.append(_agent(record))
            agents.setdefault(record.trace_id, record.id)
        else:
            found.append(record)
    for trace_id, of_trace in events.items():
        joined = _joined(sorted(of_trace, key=lambda record: record.start or 0))
        # What stood between these and the agent were events.
        found += [replace(record, parent_id=agents.get(trace_id, record.parent_id)) for record in joined]
    return found


def _agent(record: SpanRecord) -> SpanRecord:
    """The span of the agent, with its name and with its answer, which Python printed."""
    attributes = {"agent.name": record.attributes["source"], **record.attributes}
    answer = open_python(attributes.get(_OUTPUT))
    if isinstance(answer, dict):
        attributes[_OUTPUT] = answer.get("text") or answer
    return replace(record, attributes=attributes)


def _event(record: SpanRecord) -> tuple[str, str]:
    """The path and the kind of an event; the last one of a model call has only its name to tell."""
    path = as_string(record.attributes.get("target")) or record.name.rpartition("-")[0]
    origin, _, kind = path.rpartition(".")
    return origin, kind


def _is_event(record: SpanRecord) -> bool:
    return _event(record)[1] in _ENDS | _UPDATES | {_BEGINS}


def _joined(events: list[SpanRecord]) -> list[SpanRecord]:
    turns: list[_Turn] = []
    for record in events:
        origin, kind = _event(record)
        attributes = record.attributes
        is_call = attributes.get("openinference.span.kind") == "LLM"
        if is_call and kind == _BEGINS:
            turns.append(_Turn(record))
        elif not turns:
            continue
        elif is_call:
            _end_call(turns[-1], record)
        elif origin.startswith("tool."):
            _tool_event(turns[-1], record, kind)
        elif kind in _UPDATES:
            _update(turns[-1], attributes)
        elif kind == "success" and not turns[-1].said:
            # What the agent answered, where the answer of the model itself was streamed away.
            turns[-1].said.append(_answer(attributes.get(_OUTPUT)))
    return [record for turn in turns for record in turn.records()]


def _end_call(turn: _Turn, record: SpanRecord) -> None:
    turn.call = replace(
        turn.call,
        end=record.end,
        status=record.status,
        attributes={**record.attributes, **turn.call.attributes},
    )


def _tool_event(turn: _Turn, record: SpanRecord, kind: str) -> None:
    if turn.executed is None or kind == _BEGINS:
        turn.executed = record
        return
    merged = {**turn.executed.attributes, **record.attributes}
    failed = record.status == "error" or kind == "error"
    turn.executed = replace(
        turn.executed,
        end=record.end,
        status="error" if failed else turn.executed.status,
        status_message=record.status_message or turn.executed.status_message,
        attributes=merged,
    )


def _update(turn: _Turn, attributes: Mapping[str, JSON]) -> None:
    """An update repeats what is known so far."""
    turn.thought = as_text(attributes.get("thought")) or turn.thought
    turn.tool = as_string(attributes.get("tool.name")) or turn.tool
    arguments = open_json(attributes.get("tool.parameters"))
    if isinstance(arguments, dict):
        turn.arguments = arguments
    output = attributes.get(_OUTPUT)
    if output is not None and turn.tool is None:
        turn.said = [as_text(output) or ""]
    turn.output = output if output is not None else turn.output


def _answer(value: JSON) -> str:
    opened = open_json(value)
    content = opened.get("content") if isinstance(opened, dict) else opened
    parts = content if isinstance(content, list) else [content]
    texts = [as_text(part.get("text")) if isinstance(part, dict) else as_text(part) for part in parts]
    return "\n".join(text for text in texts if text)
