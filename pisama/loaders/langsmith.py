"""LangSmith runs: what `list_runs` returns, bulk exports, and the run trees that tracers keep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pisama.loaders.base import Document, Loaded, Record
from pisama.loaders.buffer_string import is_buffer_string, read_buffer_string
from pisama.loaders.items import items, sample_items
from pisama.loaders.python_text import open_python
from pisama.loaders.span_traces import assemble
from pisama.loaders.span_values import message_record
from pisama.loaders.spans import SpanRecord
from pisama.loaders.values import as_list, as_mapping, as_nanoseconds, as_string, first, open_json
from pisama.report import LoadError
from pisama.trace import JSON, Location

_KINDS: Mapping[str, str] = {
    "llm": "LLM",
    "chain": "CHAIN",
    "tool": "TOOL",
    "retriever": "RETRIEVER",
    "embedding": "EMBEDDING",
    "prompt": "PROMPT",
    "parser": "CHAIN",
}
_AGENT_RUNS = frozenset(("AgentExecutor", "RunnableAgent"))
"""Chains of LangChain that are an agent though no metadata says so."""
_SESSION = ("thread_id", "session_id", "conversation_id")
_TRACEBACK = "Traceback (most recent call last):"
_TIME_DIGITS = len("20260101T000000000000Z")


class LangSmithLoader:
    """LangSmith runs, one object each, flat or nested in `child_runs`; as lines, a list or a page of the API."""

    id: ClassVar[str] = "langsmith"
    title: ClassVar[str] = "LangSmith runs"
    recognised_by: ClassVar[str] = (
        "`run_type` with `inputs` and one of `dotted_order`, `trace_id`, `child_runs`"
    )

    def sniff(self, document: Document) -> float:
        """Certain of runs that have what only LangSmith has."""
        return max((_mark(value) for value in sample_items(document)[:5]), default=0.0)

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each trace id."""
        runs: dict[str, SpanRecord] = {}
        for record in items(document):
            if isinstance(record, LoadError):
                yield record
                continue
            for read in _runs(record):
                if isinstance(read, LoadError):
                    yield read
                else:
                    runs.setdefault(read.id, read)
        yield from assemble(runs.values(), format_id=self.id, growing=document.growing)


def _mark(value: JSON) -> float:
    record = as_mapping(value)
    listed = as_list(record.get("runs"))
    if listed:
        record = as_mapping(listed[0])
    if not isinstance(record.get("run_type"), str) or "inputs" not in record:
        return 0.0
    return 1.0 if any(name in record for name in ("dotted_order", "trace_id", "child_runs")) else 0.6


def _runs(record: Record) -> Iterator[SpanRecord | LoadError]:
    """The run of a record and all below it, parents first, without recursion."""
    value = as_mapping(record.value)
    stack: list[tuple[JSON, str | None, str | None, str]] = [(record.value, None, None, "")]
    if "run_type" not in value and isinstance(value.get("runs"), list):
        listed = list(enumerate(as_list(value["runs"])))
        stack = [(run, None, None, f"/runs/{number}") for number, run in reversed(listed)]
    while stack:
        value_here, above, trace_id, pointer = stack.pop()
        at = Location(record.at.path, record.at.line, record.at.pointer + pointer)
        run = as_mapping(value_here)
        run_id = as_string(run.get("id"))
        if run_id is None:
            yield LoadError("not a LangSmith run: no id", at)
            continue
        trace_id = as_string(run.get("trace_id")) or trace_id
        span = _span(run, run_id, above, trace_id, at)
        yield span
        children = list(enumerate(as_list(run.get("child_runs"))))
        stack += [
            (child, run_id, span.trace_id, f"{pointer}/child_runs/{number}")
            for number, child in reversed(children)
        ]


def _span(
    run: Mapping[str, JSON], run_id: str, above: str | None, trace_id: str | None, at: Location
) -> SpanRecord:
    order = (as_string(run.get("dotted_order")) or "").split(".")
    parent_id = as_string(run.get("parent_run_id")) or above
    if parent_id is None and len(order) > 1:
        parent_id = order[-2][_TIME_DIGITS:] or None
    run_type = as_string(run.get("run_type")) or "chain"
    error = as_string(run.get("error"))
    return SpanRecord(
        id=run_id,
        parent_id=parent_id,
        trace_id=trace_id or order[0][_TIME_DIGITS:] or run_id,
        name=as_string(run.get("name")) or run_type,
        start=as_nanoseconds(run.get("start_time")),
        end=as_nanoseconds(run.get("end_time")),
        kind="AGENT" if _is_agent(run) else _KINDS.get(run_type, "CHAIN"),
        status="error" if error or run.get("status") == "error" else "ok",
        status_message=_reason(error) if error else None,
        attributes=_attributes(run, run_type),
        at=at,
    )


def _is_agent(run: Mapping[str, JSON]) -> bool:
    if run.get("run_type") != "chain":
        return False
    name = as_string(run.get("name"))
    metadata = as_mapping(as_mapping(open_json(run.get("extra"))).get("metadata"))
    return name in _AGENT_RUNS or (name is not None and metadata.get("lc_agent_name") == name)


def _reason(error: str) -> str:
    """What went wrong, without the traceback that the tracer puts behind it."""
    said, found, traceback = error.partition(_TRACEBACK)
    if not found or said.strip():
        return said.strip()
    lines = [line for line in traceback.splitlines() if line and not line.startswith((" ", "\t"))]
    return lines[-1].strip() if lines else error.strip()


def _attributes(run: Mapping[str, JSON], run_type: str) -> dict[str, JSON]:
    """The fields of a run under the names that spans have for them."""
    extra = as_mapping(open_json(run.get("extra")))
    metadata = as_mapping(extra.get("metadata"))
    inputs, outputs = open_json(run.get("inputs")), open_json(run.get("outputs"))
    session = as_string(first(metadata, *_SESSION))
    attributes: dict[str, JSON] = {"metadata": metadata}
    if session is not None:
        attributes["session.id"] = session
    if run_type == "llm":
        attributes |= _model_call(run, extra, as_mapping(inputs), as_mapping(outputs))
    elif run_type == "tool":
        attributes |= {
            "tool.name": run.get("name"),
            "tool.description": as_mapping(run.get("serialized")).get("description"),
            "tool_call.id": extra.get("tool_call_id"),
            "input.value": _arguments(inputs),
            "output.value": _plain(outputs),
        }
    else:
        attributes |= {"input.value": inputs, "output.value": outputs}
    return attributes


def _arguments(inputs: JSON) -> JSON:
    """The arguments of a tool; callbacks print them into the field `input`."""
    record = as_mapping(inputs)
    if record.keys() == {"input"} and isinstance(record["input"], str):
        return open_python(open_json(record["input"]))
    return inputs


def _plain(outputs: JSON) -> JSON:
    """A result without the object that holds nothing else."""
    record = as_mapping(outputs)
    if outputs == {}:
        return None
    return record["output"] if record.keys() == {"output"} else outputs


def _model_call(
    run: Mapping[str, JSON],
    extra: Mapping[str, JSON],
    inputs: Mapping[str, JSON],
    outputs: Mapping[str, JSON],
) -> dict[str, JSON]:
    settings = as_mapping(extra.get("invocation_params"))
    metadata = as_mapping(extra.get("metadata"))
    generation = _first_of(_first_of(outputs.get("generations")))
    message = as_mapping(as_mapping(generation).get("message"))
    message = as_mapping(message.get("kwargs")) or message
    choice = as_mapping(_first_of(outputs.get("choices")))
    information = as_mapping(
        first(as_mapping(generation), "generation_info", "generationInfo")
    ) or as_mapping(message.get("response_metadata"))
    return {
        "gen_ai.response.model": first(settings, "model", "model_name")
        or metadata.get("ls_model_name")
        or inputs.get("model"),
        "gen_ai.input.messages": _given(inputs),
        "gen_ai.output.messages": _said(outputs, generation),
        "gen_ai.tool.definitions": settings.get("tools") or inputs.get("tools"),
        "gen_ai.response.finish_reasons": first(
            {**choice, **information}, "finish_reason", "stop_reason", "done_reason"
        ),
        **_usage(run, outputs, message),
    }


def _first_of(value: JSON) -> JSON:
    items_here = as_list(value)
    return items_here[0] if items_here else value if isinstance(value, dict) else None


def _given(inputs: Mapping[str, JSON]) -> JSON:
    """The messages a model was given: as messages, or printed into one prompt."""
    messages = as_list(inputs.get("messages"))
    if messages:
        listed = messages[0] if isinstance(messages[0], list) else messages
        return [message_record(message) or message for message in as_list(listed)]
    prompt = _first_of(inputs.get("prompts")) or first(inputs, "prompt", "input")
    if isinstance(prompt, str) and is_buffer_string(prompt):
        return read_buffer_string(prompt)
    return [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt


def _said(outputs: Mapping[str, JSON], generation: JSON) -> JSON:
    """What the model answered: LangChain's first generation, a provider's response, or a bare message."""
    for answer in (generation, _first_of(outputs.get("choices")), outputs.get("output"), {**outputs}):
        message = message_record(_first_of(answer))
        if message:
            return [{**message, "role": "assistant"}]
    if isinstance(outputs.get("output"), list):
        return outputs["output"]
    text = first(as_mapping(generation), "text") or first(outputs, "output", "content", "text")
    return [{"role": "assistant", "content": text}] if isinstance(text, str) and text else None


def _usage(
    run: Mapping[str, JSON], outputs: Mapping[str, JSON], message: Mapping[str, JSON]
) -> dict[str, JSON]:
    counts = (
        as_mapping(message.get("usage_metadata"))
        or as_mapping(outputs.get("usage_metadata"))
        or as_mapping(first(as_mapping(outputs.get("llm_output")), "token_usage", "tokenUsage"))
        or as_mapping(outputs.get("usage"))
    )
    details = as_mapping(
        first(counts, "input_token_details", "prompt_tokens_details", "input_tokens_details")
    )
    return {
        "gen_ai.usage.input_tokens": run.get("prompt_tokens")
        or first(counts, "input_tokens", "prompt_tokens", "promptTokens"),
        "gen_ai.usage.output_tokens": run.get("completion_tokens")
        or first(counts, "output_tokens", "completion_tokens", "completionTokens"),
        "gen_ai.usage.cache_read.input_tokens": first(details, "cache_read", "cached_tokens"),
        "gen_ai.usage.cost": run.get("total_cost"),
    }
