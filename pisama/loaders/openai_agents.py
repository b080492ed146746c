"""The native traces of the OpenAI Agents SDK: lines of a tracing processor, or what its exporter posts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pisama.loaders.base import Document, Loaded, Record
from pisama.loaders.items import items, sample_items
from pisama.loaders.span_traces import assemble
from pisama.loaders.spans import SpanRecord
from pisama.loaders.values import as_list, as_mapping, as_nanoseconds, as_string, as_text, first, to_json
from pisama.report import LoadError
from pisama.trace import JSON, Location

_TRACE, _SPAN = "trace", "trace.span"
_KINDS: Mapping[str, str] = {
    "agent": "AGENT",
    "generation": "LLM",
    "response": "LLM",
    "function": "TOOL",
    "handoff": "TOOL",
    "guardrail": "GUARDRAIL",
}
_REDACTED = "Error details are redacted."


class OpenAIAgentsLoader:
    """Traces and spans of the SDK, `{"object": "trace.span", …}`: one each line, a list, or `{"data": […]}`."""

    id: ClassVar[str] = "openai-agents"
    title: ClassVar[str] = "OpenAI Agents SDK traces"
    recognised_by: ClassVar[str] = '`"object": "trace"` or `"trace.span"` with `span_data`'

    def sniff(self, document: Document) -> float:
        """Certain of objects that call themselves a trace or a span of one."""
        for value in sample_items(document)[:5]:
            record = as_mapping(value)
            listed = as_list(record.get("data"))
            if _is_ours(as_mapping(listed[0]) if listed else record):
                return 1.0
        return 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each trace id."""
        heads: dict[str, Mapping[str, JSON]] = {}
        found: list[Record] = []
        for record in items(document):
            for part in [record] if isinstance(record, LoadError) else _parts(record):
                if isinstance(part, LoadError):
                    yield part
                    continue
                value = as_mapping(part.value)
                if value.get("object") == _SPAN and as_string(value.get("id")):
                    found.append(part)
                elif value.get("object") == _TRACE and as_string(value.get("id")):
                    heads[as_string(value.get("id")) or ""] = value
                else:
                    yield LoadError("neither a trace nor a span with an id", part.at)
        spans = [_span(as_mapping(record.value), record.at, heads) for record in found]
        yield from assemble(spans, format_id=self.id, growing=document.growing)


def _is_ours(record: Mapping[str, JSON]) -> bool:
    kind = record.get("object")
    return (kind == _SPAN and "span_data" in record) or (kind == _TRACE and "workflow_name" in record)


def _parts(record: Record) -> Iterator[Record]:
    """The record itself, or what the body of an export request holds."""
    value = as_mapping(record.value)
    if not isinstance(value.get("data"), list) or "object" in value:
        yield record
        return
    for number, part in enumerate(as_list(value["data"])):
        at = Location(record.at.path, record.at.line, f"{record.at.pointer}/data/{number}")
        yield Record(part, at)


def _span(record: Mapping[str, JSON], at: Location, heads: Mapping[str, Mapping[str, JSON]]) -> SpanRecord:
    data = as_mapping(record.get("span_data"))
    kind = as_string(data.get("type")) or "custom"
    trace_id = as_string(record.get("trace_id")) or ""
    attributes = _attributes(kind, data)
    head = heads.get(trace_id, {})
    group = as_string(head.get("group_id"))
    if group is not None:
        attributes["gen_ai.conversation.id"] = group
    error = as_mapping(record.get("error"))
    parent_id = as_string(record.get("parent_id"))
    custom = as_mapping(data.get("data"))
    is_run = parent_id is None and custom.get("sdk_span_type") == "task"
    return SpanRecord(
        id=as_string(record.get("id")) or "",
        parent_id=parent_id,
        trace_id=trace_id,
        name=as_string(data.get("name")) or kind,
        start=as_nanoseconds(record.get("started_at")),
        end=as_nanoseconds(record.get("ended_at")),
        kind=None if is_run else _KINDS.get(kind, "CHAIN"),
        status="error" if error else "ok",
        status_message=_reason(error) if error else None,
        attributes={"gen_ai.operation.name": "invoke_workflow", **attributes} if is_run else attributes,
        at=at,
    )


def _reason(error: Mapping[str, JSON]) -> str | None:
    """What went wrong; the message says where, its data says what, unless that was redacted."""
    message = as_text(error.get("message"))
    detail = as_text(as_mapping(error.get("data")).get("error"))
    if detail is None:
        return message
    if message and detail.endswith(_REDACTED):
        return f"{message}: {detail}"
    return detail


def _attributes(kind: str, data: Mapping[str, JSON]) -> dict[str, JSON]:
    """The fields of a span under the names that other spans have for them."""
    if kind == "agent":
        return {"agent.name": data.get("name"), "gen_ai.agent.tools": data.get("tools")}
    if kind in ("generation", "response"):
        return _model_call(data)
    if kind == "function":
        return {
            "tool.name": data.get("name"),
            "input.value": data.get("input"),
            "output.value": data.get("output"),
        }
    if kind == "handoff":
        # By default the SDK offers a handoff as a tool of this name, which returns this.
        target = as_string(data.get("to_agent")) or ""
        return {
            "tool.name": f"transfer_to_{target.lower().replace(' ', '_')}",
            "input.value": {},
            "output.value": to_json({"assistant": target}) if target else None,
        }
    return {}


def _model_call(data: Mapping[str, JSON]) -> dict[str, JSON]:
    response = as_mapping(data.get("response"))
    usage = as_mapping(data.get("usage")) or as_mapping(response.get("usage"))
    details = as_mapping(first(usage, "input_tokens_details", "prompt_tokens_details"))
    settings = as_mapping(data.get("model_config"))
    return {
        "gen_ai.response.model": first(data, "model") or response.get("model") or settings.get("model"),
        "gen_ai.input.messages": data.get("input"),
        "gen_ai.output.messages": data.get("output") or response.get("output"),
        "gen_ai.usage.input_tokens": first(usage, "input_tokens", "prompt_tokens"),
        "gen_ai.usage.output_tokens": first(usage, "output_tokens", "completion_tokens"),
        "gen_ai.usage.cache_read.input_tokens": details.get("cached_tokens"),
    }
