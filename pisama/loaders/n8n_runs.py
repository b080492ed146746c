"""The runs of n8n's nodes as spans."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from pisama.loaders.buffer_string import is_buffer_string, read_buffer_string
from pisama.loaders.runs import inside
from pisama.loaders.spans import SpanRecord
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
from pisama.trace import JSON, Location

_MILLISECOND = 1_000_000
_LONGEST = 10**10
"""Milliseconds; a run that took longer (a third of a year) is a mistake of its record."""
_MAIN, _MODEL, _TOOL = "main", "ai_languageModel", "ai_tool"
_INNER = "/agent"
"""What the span of an agent that is a tool is called after the tool's."""
_KINDS: Mapping[str, str] = {
    _MODEL: "LLM",
    _TOOL: "TOOL",
    "ai_embedding": "EMBEDDING",
    "ai_retriever": "RETRIEVER",
    "ai_vectorStore": "RETRIEVER",
    "ai_agent": "AGENT",
}
"""What a node is by the connection over which it gave its data."""
_AGENT_TYPES = (".agent", ".openAiAssistant", ".conversationalAgent")
_AGENT_TOOL = ".agentTool"
_FAILED = frozenset(("error", "crashed"))


@dataclass(frozen=True, slots=True)
class _Run:
    """One run of a node."""

    node: str
    number: int
    record: Mapping[str, JSON]
    at: Location

    @property
    def id(self) -> str:
        return f"{self.node}#{self.number}"


def node_spans(
    execution: Mapping[str, JSON], result: Mapping[str, JSON], name: str, at: Location
) -> Iterator[SpanRecord]:
    """The execution as a workflow span, and a span for each run of a node."""
    workflow = as_mapping(open_json(execution.get("workflowData")))
    nodes = {
        as_string(as_mapping(node).get("name")): as_mapping(node) for node in as_list(workflow.get("nodes"))
    }
    error = as_mapping(result.get("error"))
    failed = bool(error) or as_string(execution.get("status")) in _FAILED
    yield SpanRecord(
        id=name,
        parent_id=None,
        trace_id=name,
        name=as_string(workflow.get("name")) or "workflow",
        start=as_nanoseconds(first(execution, "startedAt", "createdAt")),
        end=as_nanoseconds(execution.get("stoppedAt")),
        status="error" if failed else "ok",
        status_message=_reason(error),
        attributes={"gen_ai.operation.name": "invoke_workflow"},
        at=at,
    )
    runs = list(_runs(as_mapping(result.get("runData")), at))
    flow = _Flow(name, nodes, runs)
    for run in runs:
        yield from flow.spans(run)


def _runs(run_data: Mapping[str, JSON], at: Location) -> Iterator[_Run]:
    for node, listed in run_data.items():
        for number, record in enumerate(as_list(listed)):
            yield _Run(
                node, number, as_mapping(record), inside(at, "data", "resultData", "runData", node, number)
            )


class _Flow:
    """The nodes of an execution and what they are."""

    def __init__(
        self, trace_id: str, nodes: Mapping[str | None, Mapping[str, JSON]], runs: list[_Run]
    ) -> None:
        self._trace_id = trace_id
        self._nodes = nodes
        self._users = {_source(run.record)[0] for run in runs if _connection(run.record) == _MODEL}
        """Nodes that used a model."""
        tools = {run.node for run in runs if _connection(run.record) == _TOOL}
        self._agent_tools = {node for node in tools if self._is_agent_tool(node)}

    def spans(self, run: _Run) -> Iterator[SpanRecord]:
        """The span of a run; two for a tool that is an agent, which then has a call that it was asked by."""
        record = run.record
        error = as_mapping(record.get("error"))
        start = _start(record)
        took = as_integer(record.get("executionTime"))
        kind = self._kind(run)
        span = SpanRecord(
            id=run.id,
            parent_id=self._parent(record) or self._trace_id,
            trace_id=self._trace_id,
            name=run.node,
            start=start,
            end=start + min(took, _LONGEST) * _MILLISECOND
            if start is not None and took is not None
            else None,
            kind=kind,
            status="error" if error or as_string(record.get("executionStatus")) in _FAILED else "ok",
            status_message=_reason(error),
            attributes=_attributes(run, self._nodes.get(run.node, {}), kind),
            at=run.at,
        )
        yield span
        if run.node in self._agent_tools and kind == "TOOL":
            agent: dict[str, JSON] = {"agent.name": run.node}
            yield replace(
                span, id=run.id + _INNER, parent_id=run.id, kind="AGENT", status="ok", attributes=agent
            )

    def _type(self, node: str) -> str:
        return as_string(self._nodes.get(node, {}).get("type")) or ""

    def _is_agent_tool(self, node: str) -> bool:
        """Without the workflow a tool that used a model is taken for an agent."""
        kind = self._type(node)
        return kind.endswith(_AGENT_TOOL) if kind else node in self._users

    def _kind(self, run: _Run) -> str:
        known = _KINDS.get(_connection(run.record))
        acts = run.node in self._users or self._type(run.node).endswith(_AGENT_TYPES)
        return known or ("AGENT" if acts else "CHAIN")

    def _parent(self, record: Mapping[str, JSON]) -> str | None:
        """The run that a sub-node worked for. The source of any other node is merely what ran before it."""
        node, number = _source(record)
        if node is None or _connection(record) == _MAIN:
            return None
        return f"{node}#{number}" + (_INNER if node in self._agent_tools else "")


def _start(record: Mapping[str, JSON]) -> int | None:
    """When a run began; runs of one millisecond stay in the order in which they were executed."""
    start = as_nanoseconds(record.get("startTime"))
    order = as_integer(record.get("executionIndex")) or 0
    return start + min(max(order, 0), _MILLISECOND - 1) if start is not None else None


def _connection(record: Mapping[str, JSON]) -> str:
    """Over which connection the node gave its data; `main` for the nodes of the workflow itself."""
    for holder in (record.get("data"), record.get("inputOverride")):
        for connection in as_mapping(holder):
            return connection
    return _MAIN


def _source(record: Mapping[str, JSON]) -> tuple[str | None, int]:
    """The node, and the number of its run, that a run names as its source."""
    source = as_mapping((as_list(record.get("source")) or [None])[0])
    return as_string(source.get("previousNode")), as_integer(source.get("previousNodeRun")) or 0


def _reason(error: Mapping[str, JSON]) -> str | None:
    message = as_text(error.get("message"))
    description = as_text(error.get("description"))
    if not message or not description or description in message:
        return message or description
    return f"{message}: {description}"


def _item(holder: JSON, connection: str) -> JSON:
    """The JSON of the first item of a run's data."""
    outputs = as_list(as_mapping(holder).get(connection))
    found = as_list(outputs[0]) if outputs else []
    return as_mapping(found[0]).get("json") if found else None


def _attributes(run: _Run, node: Mapping[str, JSON], kind: str) -> dict[str, JSON]:
    connection = _connection(run.record)
    given = _item(run.record.get("inputOverride"), connection)
    answer = _item(run.record.get("data"), connection)
    failed = as_string(run.record.get("executionStatus")) in _FAILED
    if kind == "LLM":
        return _model_call(as_mapping(given), as_mapping(answer), as_mapping(node.get("parameters")))
    if kind == "TOOL":
        # A tool that failed has its input where another has its output.
        return {
            "tool.name": run.node,
            "input.value": given,
            "output.value": None if failed else _response(answer),
        }
    if kind == "AGENT":
        parameters = as_mapping(node.get("parameters"))
        asked = parameters.get("text")
        return {
            "agent.name": run.node,
            # An expression is not what the agent was asked.
            "input.value": asked if isinstance(asked, str) and not asked.startswith("=") else None,
            "output.value": as_mapping(answer).get("output"),
        }
    return {"input.value": given, "output.value": answer}


def _response(answer: JSON) -> JSON:
    record = as_mapping(answer)
    return record["response"] if record.keys() == {"response"} else answer


def _model_call(
    given: Mapping[str, JSON], answer: Mapping[str, JSON], parameters: Mapping[str, JSON]
) -> dict[str, JSON]:
    options = as_mapping(given.get("options"))
    prompts = as_list(given.get("messages"))
    prompt = prompts[0] if prompts else None
    if isinstance(prompt, str):
        prompt = (
            read_buffer_string(prompt) if is_buffer_string(prompt) else [{"role": "user", "content": prompt}]
        )
    batches = as_list(as_mapping(answer.get("response")).get("generations"))
    generation = as_mapping((as_list(batches[0]) or [None])[0] if batches else None)
    text = generation.get("text")
    usage = as_mapping(answer.get("tokenUsage"))
    chosen = parameters.get("model")
    return {
        "gen_ai.response.model": first(options, "model", "modelName", "model_name")
        or (chosen if isinstance(chosen, str) else as_mapping(chosen).get("value")),
        "gen_ai.input.messages": prompt,
        "gen_ai.output.messages": [{"role": "assistant", "content": text}] if text else None,
        "gen_ai.response.finish_reasons": first(
            as_mapping(first(generation, "generationInfo", "generation_info")), "finish_reason", "stop_reason"
        ),
        "gen_ai.usage.input_tokens": usage.get("promptTokens"),
        "gen_ai.usage.output_tokens": usage.get("completionTokens"),
    }
