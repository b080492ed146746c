"""What the nodes of a Dify workflow, and the thoughts of its agent apps, did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pisama.loaders.base import Record
from pisama.loaders.message_parts import ToolResult, content_text
from pisama.loaders.messages import ChatMessage, role_of
from pisama.loaders.runs import Act, RunBuilder, inside
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
from pisama.trace import JSON, Location, ToolCall, Usage

WORKFLOW = "workflow"
"""Who calls a tool that is a node of its own."""
_QUESTIONS = ("sys.query", "query", "question", "input", "text")
_MODEL_NODES = frozenset(("llm", "question-classifier", "parameter-extractor"))
_TOOL_NODES = frozenset(("tool", "http-request", "knowledge-retrieval", "code"))
_ANSWER_NODES = frozenset(("answer", "end"))
_FAILED = frozenset(("failed", "exception", "error", "retry"))
_CALL = "CALL "
_ROUND = "ROUND"
_ARGUMENTS = ("tool_call_args", "tool_call_input", "tool_input", "action_input", "args", "input")
_OUTPUTS = ("output", "tool_response", "tool_call_response", "result", "observation")


def hear_question(run: RunBuilder, inputs: Mapping[str, JSON], at: Location) -> None:
    """What the user asked."""
    asked = first(inputs, *_QUESTIONS)
    if asked is None:
        own = {name: value for name, value in inputs.items() if not name.startswith("sys.")}
        asked = next(iter(own.values())) if len(own) == 1 else own or None
    text = as_text(asked)
    if text and (run.task is None or text.strip() != run.task or run.last_step is not None):
        run.hear(ChatMessage("user", text, at=at))


def read_node(run: RunBuilder, node: Mapping[str, JSON], at: Location) -> None:
    """Tells a run what a node did."""
    kind = as_string(node.get("node_type")) or ""
    inputs, outputs = as_mapping(open_json(node.get("inputs"))), as_mapping(open_json(node.get("outputs")))
    if kind == "start":
        if run.task is None:
            hear_question(run, inputs or outputs, at)
    elif kind == "agent":
        _agent(run, node, inputs, outputs, at)
    elif kind in _MODEL_NODES:
        _model_call(run, node, outputs, at)
    elif kind in _TOOL_NODES:
        _tool(run, node, inputs, outputs, at)
    elif kind in _ANSWER_NODES:
        answer = first(outputs, "answer", "text", "result", "output")
        if answer is None and len(outputs) == 1:
            answer = next(iter(outputs.values()))
        run.answer = as_text(answer) or run.answer


def _name(node: Mapping[str, JSON]) -> str:
    return as_string(first(node, "title", "node_id", "node_type")) or "node"


def _failure(node: Mapping[str, JSON]) -> str | None:
    error = as_text(node.get("error")) or None
    return error or ("failed" if as_string(node.get("status")) in _FAILED else None)


def _act(node: Mapping[str, JSON], outputs: Mapping[str, JSON]) -> Act:
    return Act(
        _name(node),
        model=as_string(as_mapping(open_json(node.get("process_data"))).get("model_name")),
        usage=_usage(node, outputs),
        start=as_nanoseconds(node.get("created_at")),
        end=as_nanoseconds(node.get("finished_at")),
        error=_failure(node),
        span_id=as_string(node.get("id")),
    )


def _usage(node: Mapping[str, JSON], outputs: Mapping[str, JSON]) -> Usage | None:
    """Tokens and cost of a node. A mere total says nothing about input and output."""
    process = as_mapping(open_json(node.get("process_data")))
    metadata = as_mapping(open_json(node.get("execution_metadata")))
    counts = as_mapping(first(outputs, "usage")) or as_mapping(process.get("usage"))
    in_dollars = first({**metadata, **counts}, "currency") in (None, "USD")
    usage = Usage(
        as_integer(counts.get("prompt_tokens")),
        as_integer(counts.get("completion_tokens")),
        cost=as_number(first({**metadata, **counts}, "total_price")) if in_dollars else None,
    )
    return usage if usage != Usage() else None


def _model_call(run: RunBuilder, node: Mapping[str, JSON], outputs: Mapping[str, JSON], at: Location) -> None:
    process = as_mapping(open_json(node.get("process_data")))
    prompts = as_list(process.get("prompts"))
    # A model knows its prompts and nothing else of the run.
    context = as_string(node.get("node_id")) or "" if prompts else ""
    for number, value in enumerate(prompts):
        prompt = as_mapping(value)
        text = as_text(prompt.get("text")) or ""
        said = ChatMessage(
            role_of(prompt.get("role")), text, at=inside(at, "process_data", "prompts", number)
        )
        run.hear(said, context)
    answer = as_text(first(outputs, "text", "class_name", "structured_output")) or ""
    finish = as_string(first(outputs, "finish_reason")) or as_string(process.get("finish_reason"))
    message = ChatMessage(
        "assistant",
        answer,
        reasoning=as_text(outputs.get("reasoning_content")) or None,
        finish_reason=finish.lower() if finish else None,
        at=at,
    )
    run.act(message, _act(node, outputs), context=context)


def _tool(
    run: RunBuilder,
    node: Mapping[str, JSON],
    inputs: Mapping[str, JSON],
    outputs: Mapping[str, JSON],
    at: Location,
) -> None:
    """A node that is a tool, which the workflow itself calls."""
    call = ToolCall(
        _name(node),
        {**inputs},
        as_string(node.get("id")),
        start=as_nanoseconds(node.get("created_at")),
        end=as_nanoseconds(node.get("finished_at")),
        at=at,
    )
    run.act(ChatMessage("assistant", calls=(call,), at=at), Act(WORKFLOW))
    result = content_text(
        first(outputs, "text", "body", "result") if "text" in outputs else {**outputs} or None
    )
    run.hear(ChatMessage("tool", results=(ToolResult(result, call.id, error=_failure(node)),), at=at))


@dataclass(slots=True)
class _Round:
    """One turn of an agent node."""

    texts: list[str] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    results: list[ToolResult] = field(default_factory=list)


def _agent(
    run: RunBuilder,
    node: Mapping[str, JSON],
    inputs: Mapping[str, JSON],
    outputs: Mapping[str, JSON],
    at: Location,
) -> None:
    """An agent node: its rounds, as its log tells of them, and its answer."""
    instruction = as_text(inputs.get("instruction"))
    if instruction:
        run.hear(ChatMessage("system", instruction, at=inside(at, "inputs", "instruction")))
    metadata = as_mapping(open_json(node.get("execution_metadata")))
    log = as_list(metadata.get("agent_log")) or as_list(outputs.get("json"))
    answer = as_text(first(outputs, "text", "answer")) or ""
    for turn in _rounds(log, at):
        text = "\n".join(turn.texts)
        if not turn.calls and text.strip() in ("", answer.strip()):
            continue
        said = ChatMessage("assistant", text, calls=tuple(turn.calls), at=at)
        run.act(said, Act(_name(node)))
        if turn.results:
            run.hear(ChatMessage("tool", results=tuple(turn.results), at=at))
    # The node counts its tokens as a whole.
    run.act(ChatMessage("assistant", answer, at=at), _act(node, outputs))


def _rounds(log: Sequence[JSON], at: Location) -> Iterator[_Round]:
    """The rounds in an agent's log. Thoughts and calls name their round as their parent."""
    rounds: dict[str, _Round] = {}
    latest = ""
    for number, value in enumerate(log):
        entry = as_mapping(value)
        label = as_string(entry.get("label")) or ""
        data = as_mapping(entry.get("data"))
        parent = as_string(entry.get("parent_id"))
        key = parent if parent in rounds else latest
        if label.startswith(_ROUND) or not rounds:
            key = as_string(entry.get("id")) or str(number)
            latest = key
        turn = rounds.setdefault(key, _Round())
        if label.startswith(_CALL):
            call, result = _logged_call(label[len(_CALL) :], entry, data, inside(at, "agent_log", number))
            turn.calls.append(call)
            turn.results.append(result)
        else:
            text = as_text(first(data, "thought", "text")) or ""
            turn.texts += [text] if text.strip() and text not in turn.texts else []
    return iter(rounds.values())


def _logged_call(
    name: str, entry: Mapping[str, JSON], data: Mapping[str, JSON], at: Location
) -> tuple[ToolCall, ToolResult]:
    output = first(data, *_OUTPUTS)
    inner = as_mapping(output)
    arguments = first(data, *_ARGUMENTS) or first(inner, *_ARGUMENTS)
    result = content_text(first(inner, *_OUTPUTS) or output)
    call_id = as_string(entry.get("id"))
    return ToolCall(name, open_json(arguments), call_id, at=at), ToolResult(
        result, call_id, name, _failure(entry)
    )


def read_thoughts(run: RunBuilder, thoughts: Sequence[Record], answer: str, at: Location) -> None:
    """Tells a run the turns of an agent app, and its answer unless the last of them was that."""
    said = ""
    for record in sorted(thoughts, key=_position):
        thought = as_mapping(record.value)
        said = as_text(thought.get("thought")) or ""
        calls, results = _thought_calls(thought, record.at)
        if said or calls:
            run.act(ChatMessage("assistant", said, calls=calls, at=record.at), Act())
        if results:
            run.hear(ChatMessage("tool", results=results, at=record.at))
    if answer and answer.strip() != said.strip():
        run.act(ChatMessage("assistant", answer, at=at), Act())


def _position(record: Record) -> int:
    return as_integer(as_mapping(record.value).get("position")) or 0


def _thought_calls(
    thought: Mapping[str, JSON], at: Location
) -> tuple[tuple[ToolCall, ...], tuple[ToolResult, ...]]:
    """The calls of a thought: names with semicolons, inputs and results as objects by name."""
    names = [name for name in (as_string(thought.get("tool")) or "").split(";") if name]
    given, returned = open_json(thought.get("tool_input")), open_json(thought.get("observation"))
    calls: list[ToolCall] = []
    results: list[ToolResult] = []
    for name in names:
        arguments = as_mapping(given).get(name, given if len(names) == 1 else None)
        calls.append(ToolCall(name, open_json(arguments), at=at))
        result = as_mapping(returned).get(name, returned if len(names) == 1 else None)
        results.append(ToolResult(content_text(result), name=name))
    return tuple(calls), tuple(results)
