"""What Gemini CLI tells in its log records, put into its spans.

Its spans only say that a model was called or a tool ran. The request, the answer, the arguments of a
tool and whether it failed are logged as events of its own (`gemini_cli.*`), partly outside of spans.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from pisama.loaders.span_logs import LogRecord, session_of
from pisama.loaders.spans import SpanRecord
from pisama.loaders.values import as_list, as_mapping, as_string, open_json
from pisama.trace import JSON

_REQUEST = "gemini_cli.api_request"
_RESPONSES = ("gemini_cli.api_response", "gemini_cli.api_error")
_TOOL = "gemini_cli.tool_call"
_MODEL_CALLS = frozenset(("llm_call", "generate_content"))
_TOOL_CALL = "tool_call"


def gemini_spans(spans: Sequence[SpanRecord], logs: Iterable[LogRecord]) -> list[SpanRecord]:
    """The spans with the contents that these logs have of them; spans of other programs as they are."""
    told = [log for log in logs if log.name in (_REQUEST, _TOOL, *_RESPONSES)]
    if not told:
        return list(spans)
    calls = _Starts(spans, _MODEL_CALLS)
    tools = _Starts(spans, frozenset((_TOOL_CALL,)))
    added: dict[tuple[str, str], dict[str, JSON]] = {}
    for log in told:
        place = (log.trace_id, log.span_id or "")
        if log.name != _REQUEST or log.span_id is None:
            found = (tools if log.name == _TOOL else calls).before(log)
            if found is None:
                continue
            place = found
        added.setdefault(place, {}).update(_attributes(log))
    return [_with(span, added.get((span.trace_id, span.id))) for span in spans]


def _with(span: SpanRecord, added: Mapping[str, JSON] | None) -> SpanRecord:
    if not added:
        return span
    failed = as_string(added.get("error.message"))
    if failed is not None:
        return replace(span, attributes={**added, **span.attributes}, status="error", status_message=failed)
    return replace(span, attributes={**added, **span.attributes})


def _attributes(log: LogRecord) -> dict[str, JSON]:
    """What the event says, under the names of the GenAI conventions."""
    fields = log.fields
    error = as_string(fields.get("error")) or as_string(fields.get("error.message"))
    if log.name == _REQUEST:
        return {"gen_ai.prompt": fields.get("request_text")}
    if log.name == _TOOL:
        failed = error or "failed" if fields.get("success") is False else None
        told: dict[str, JSON] = {"gen_ai.tool.call.arguments": fields.get("function_args")}
        return {**told, "error.message": failed} if failed is not None else told
    if log.name != _RESPONSES[0]:
        return {"error.message": error or "failed"}
    return {
        "gen_ai.completion": _answer(fields.get("response_text")),
        "gen_ai.response.finish_reasons": fields.get("finish_reasons"),
        "gen_ai.usage.input_tokens": fields.get("input_token_count"),
        "gen_ai.usage.output_tokens": fields.get("output_token_count"),
        "gen_ai.usage.cache_read.input_tokens": fields.get("cached_content_token_count"),
    }


def _answer(value: JSON) -> JSON:
    """The parts of all chunks in which a response came, as one message."""
    chunks = as_list(open_json(value))
    candidates = [as_list(as_mapping(chunk).get("candidates"))[:1] for chunk in chunks]
    contents = [as_mapping(as_mapping(found[0]).get("content")) for found in candidates if found]
    parts = [part for content in contents for part in as_list(content.get("parts"))]
    return [{"role": "model", "parts": parts}] if parts else value


class _Starts:
    """The spans of some operations in each session, in order of time."""

    def __init__(self, spans: Iterable[SpanRecord], operations: frozenset[str]) -> None:
        self._by_session: dict[str, list[tuple[int, tuple[str, str]]]] = {}
        for span in spans:
            if span.start is not None and span.attributes.get("gen_ai.operation.name") in operations:
                same = self._by_session.setdefault(session_of(span.attributes, span.resource), [])
                same.append((span.start, (span.trace_id, span.id)))
        for same in self._by_session.values():
            same.sort()

    def before(self, log: LogRecord) -> tuple[str, str] | None:
        """The latest that began before this event."""
        same = self._by_session.get(session_of(log.fields, log.resource), [])
        place = bisect_right(same, log.time or 0, key=lambda start: start[0]) - 1
        return same[place][1] if place >= 0 else None
