"""Weights & Biases Weave: exported calls of traced functions.

A call is a model call where it used tokens or is an operation of a model provider's client; it is an
agent where it is the outermost or makes model calls itself. What else it is, its name tells: a
function that a model called is a tool.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import ClassVar

from pisama.loaders.base import Document, Loaded, Record
from pisama.loaders.items import items, sample_items
from pisama.loaders.span_traces import assemble
from pisama.loaders.spans import SpanEvent, SpanRecord
from pisama.loaders.values import as_integer, as_mapping, as_nanoseconds, as_string, first, open_json
from pisama.report import LoadError
from pisama.trace import JSON

_OPERATION = "weave:///"
_CLIENTS = (
    *("openai.", "anthropic.", "mistralai.", "groq.", "cohere.", "litellm.", "google.genai", "together."),
    *("cerebras.", "vertexai.", "bedrock.", "AnthropicBedrock", "langchain.Llm", "langchain.ChatModel"),
    *("huggingface_hub.", "Chat"),
)
"""How the operations begin that Weave's integrations trace as calls of a model."""
_KINDS = ("agent", "tool", "llm", "chain", "retriever", "embedding")


class WeaveLoader:
    """Weave calls, one object each, in lines, a list, or a table."""

    id: ClassVar[str] = "weave"
    title: ClassVar[str] = "Weave calls"
    recognised_by: ClassVar[str] = "`op_name` beside `trace_id` and `started_at`"

    def sniff(self, document: Document) -> float:
        """Certain of an `op_name` that is a Weave reference."""
        for value in sample_items(document)[:10]:
            record = as_mapping(value)
            if "op_name" in record and {"trace_id", "started_at"} <= record.keys():
                return 1.0 if str(record["op_name"]).startswith(_OPERATION) else 0.9
        return 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """The runs whose calls are in it."""
        spans: list[SpanRecord] = []
        for record in items(document):
            if isinstance(record, LoadError):
                yield record
                continue
            span = _read_call(as_mapping(record.value), record)
            if span is None:
                yield LoadError("a call without an id", record.at)
            else:
                spans.append(span)
        yield from assemble(_with_agents(spans), format_id=self.id, growing=document.growing)


def _with_agents(spans: Iterable[SpanRecord]) -> list[SpanRecord]:
    """The calls, with those as agents that are outermost or that called a model."""
    known = list(spans)
    callers = {span.parent_id for span in known if span.kind == "LLM"}
    return [
        replace(span, kind="AGENT")
        if span.kind is None and (span.parent_id is None or span.id in callers)
        else span
        for span in known
    ]


def _read_call(call: Mapping[str, JSON], record: Record) -> SpanRecord | None:
    call_id = as_string(call.get("id"))
    if call_id is None:
        return None
    name = _name(call)
    summary = as_mapping(open_json(call.get("summary")))
    own = as_mapping(summary.get("weave"))
    exception = as_string(call.get("exception"))
    inputs, output = open_json(call.get("inputs")), open_json(call.get("output"))
    kind = _kind(call, name, summary)
    attributes: dict[str, JSON] = {"input.value": inputs, "output.value": output}
    if kind == "LLM":
        attributes |= _model_call(as_mapping(inputs), as_mapping(output), summary)
    thread = as_string(call.get("thread_id"))
    return SpanRecord(
        id=call_id,
        parent_id=as_string(call.get("parent_id")),
        trace_id=as_string(call.get("trace_id")) or "",
        name=name,
        start=as_nanoseconds(call.get("started_at")),
        end=as_nanoseconds(call.get("ended_at")),
        kind=kind,
        status="error"
        if exception or own.get("status") == "error"
        else "ok"
        if call.get("ended_at")
        else None,
        status_message=_last_line(exception),
        attributes=attributes,
        events=[SpanEvent("exception", {"exception.message": _last_line(exception)})] if exception else (),
        resource={"session.id": thread} if thread else {},
        at=record.at,
    )


def _name(call: Mapping[str, JSON]) -> str:
    """The name of the operation, without the address and the version that a reference has."""
    name = as_string(call.get("op_name")) or ""
    if name.startswith(_OPERATION):
        name = name.rpartition("/")[2].partition(":")[0]
    return name or as_string(call.get("display_name")) or ""


def _kind(call: Mapping[str, JSON], name: str, summary: Mapping[str, JSON]) -> str | None:
    attributes = as_mapping(open_json(call.get("attributes")))
    said = as_string(first(as_mapping(attributes.get("weave")), "kind") or attributes.get("kind"))
    if said in _KINDS:
        return said.upper()
    called_model = name.startswith(_CLIENTS) or (
        "messages" in as_mapping(open_json(call.get("inputs"))) and "usage" in summary
    )
    return "LLM" if called_model else None


def _model_call(
    inputs: Mapping[str, JSON], output: Mapping[str, JSON], summary: Mapping[str, JSON]
) -> dict[str, JSON]:
    """Model, tokens and tools of a call; counts of several models are added."""
    usage = as_mapping(summary.get("usage"))
    counts = [as_mapping(count) for count in usage.values()] or [as_mapping(output.get("usage"))]
    told: dict[str, JSON] = {
        "gen_ai.request.model": inputs.get("model"),
        "gen_ai.response.model": output.get("model"),
        "gen_ai.tool.definitions": inputs.get("tools"),
        "gen_ai.usage.input_tokens": _sum(counts, "prompt_tokens", "input_tokens"),
        "gen_ai.usage.output_tokens": _sum(counts, "completion_tokens", "output_tokens"),
    }
    return {name: value for name, value in told.items() if value is not None}


def _sum(counts: Iterable[Mapping[str, JSON]], *names: str) -> int | None:
    found = [number for count in counts if (number := as_integer(first(count, *names))) is not None]
    return sum(found) if found else None


def _last_line(text: str | None) -> str | None:
    """The line of a traceback that names the exception."""
    return text.strip().rpartition("\n")[2] if text else None
