"""The same run through every dialect and every export format reads the same."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from pisama import analyze
from pisama.loaders import open_document, sniff
from pisama.trace import Trace
from tests.loaders import span_exports, span_formats, span_run
from tests.loaders.outline import one_trace
from tests.loaders.span_run import Dialect, Spans

FORMATS: dict[str, Callable[[Spans], bytes]] = {
    name: getattr(span_formats, name)
    for name in (
        *("otlp", "otlp_lines", "tempo", "instrumentation_libraries", "protobuf", "protobuf_frames"),
        *("python_console", "javascript", "jaeger", "zipkin", "logfire_rows", "logfire_columns"),
        *("phoenix", "phoenix_otlp", "phoenix_records", "phoenix_csv"),
    )
}
DIALECTS: dict[str, Dialect] = {
    name: getattr(span_run, name) for name in ("genai", "openinference", "openllmetry", "vercel", "langfuse")
}
LOADERS = {
    "python_console": "otel-python-console",
    "javascript": "otel-js",
    "jaeger": "jaeger",
    "zipkin": "zipkin",
    "logfire_rows": "logfire",
    "logfire_columns": "logfire",
    "phoenix": "phoenix",
    "phoenix_otlp": "phoenix",
    "phoenix_records": "phoenix",
    "phoenix_csv": "phoenix",
}


def facts(trace: Trace) -> list[object]:
    """What the run did, without what only some exports have: call ids, finish reasons, times."""
    return [
        trace.task,
        trace.final_answer,
        *(
            (
                step.agent,
                step.text,
                step.model,
                step.usage and (step.usage.input_tokens, step.usage.output_tokens),
                step.error,
                [(call.name, call.arguments, call.result, call.error) for call in step.tool_calls],
                [(message.role, message.text) for message in step.seen],
            )
            for step in trace.steps
        ),
    ]


RESERVE = {"title": "Emma", "day": "Tuesday"}
FAILED = ("reserve", RESERVE, f"Error: {span_run.CLOSED}", span_run.CLOSED)
EXPECTED: list[object] = [
    span_run.TASK,
    span_run.CLAIM,
    (
        *("librarian", "Let me look.", span_run.MODEL, (120, 30), None),
        [("search", {"title": "Emma"}, span_run.FOUND, None), FAILED],
        [("system", span_run.SYSTEM), ("user", span_run.TASK)],
    ),
    (
        *("librarian", "", span_run.MODEL, (180, 20), None),
        [FAILED],
        [("tool", span_run.FOUND), ("tool", f"Error: {span_run.CLOSED}")],
    ),
    (
        *("librarian", span_run.CLAIM, span_run.MODEL, (220, 10), None),
        [],
        [("tool", f"Error: {span_run.CLOSED}")],
    ),
]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", FORMATS)
def test_every_dialect_reads_the_same_in_every_format(name: str, dialect: str) -> None:
    data = FORMATS[name](DIALECTS[dialect]())
    document = open_document(data)
    chosen = sniff(document)  # type: ignore[arg-type]
    assert getattr(chosen, "id", chosen) == LOADERS.get(name, "otlp")
    assert facts(one_trace(data)) == EXPECTED


@pytest.mark.parametrize("name", ["mlflow", "weave", "event_logs", "details_logs"])
def test_exports_with_a_model_of_their_own_read_the_same(name: str) -> None:
    assert facts(one_trace(getattr(span_exports, name)())) == EXPECTED


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_leads_to_the_same_issues(name: str) -> None:
    def issues(data: bytes) -> list[tuple[object, ...]]:
        return [(issue.type, issue.signal, issue.step) for issue in analyze(data).issues]

    assert issues(FORMATS[name](span_run.openinference())) == issues(span_formats.otlp(span_run.genai()))


def test_the_run_is_the_failure_it_was_made_to_be() -> None:
    found = {(issue.type, issue.step) for issue in analyze(span_formats.otlp(span_run.genai())).issues}
    assert ("hallucination", 2) in found


def test_messages_in_logs_alone_make_the_steps_that_spans_would() -> None:
    lines = span_exports.event_logs().split(b"\n")
    trace = one_trace(lines[0])
    calls = [(call.name, call.arguments, call.result) for _, call in trace.calls()]
    assert [step.text for step in trace.steps] == ["Let me look.", "", span_run.CLAIM]
    assert calls == [
        ("search", {"title": "Emma"}, span_run.FOUND),
        ("reserve", RESERVE, f"Error: {span_run.CLOSED}"),
        ("reserve", RESERVE, f"Error: {span_run.CLOSED}"),
    ]
    assert json.loads(lines[0])["resourceLogs"]
