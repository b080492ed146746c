"""What every loader of a span format must do, whatever the format."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given

from pisama.loaders import LOADERS, load, loader, open_document, sniff
from pisama.loaders.base import Document
from pisama.report import LoadError
from pisama.trace import JSON
from tests.loaders.hostile import records
from tests.loaders.outline import outline

TRACES = Path(__file__).parents[1] / "traces"
GOLDEN = {
    "otel_python/library.jsonl": "otel-python-console",
    "otel_js/library.jsonl": "otel-js",
    "jaeger/library.json": "jaeger",
    "zipkin/library.json": "zipkin",
    "phoenix/rest.json": "phoenix",
    "phoenix/dataframe.csv": "phoenix",
    "logfire/rows.json": "logfire",
    "mlflow/library.json": "mlflow",
    "weave/library.jsonl": "weave",
    "span_attributes/library.jsonl": "span-attributes",
}
FORMATS = tuple(dict.fromkeys(GOLDEN.values()))
WORDS = (
    *(
        "trace_id",
        "span_id",
        "traceId",
        "spanId",
        "traceID",
        "spanID",
        "context",
        "_spanContext",
        "spanContext",
    ),
    *(
        "data",
        "spans",
        "rows",
        "columns",
        "values",
        "name",
        "info",
        "parent_id",
        "references",
        "links",
        "tags",
    ),
    *(
        "attributes",
        "events",
        "logs",
        "annotations",
        "status",
        "startTime",
        "hrTime",
        "start_time",
        "op_name",
    ),
    *("inputs", "output", "summary", "usage", "context.span_id", "attributes.llm.input_messages", "resource"),
    *("mlflow.spanType", "gen_ai.operation.name", "openinference.span.kind", "_rawAttributes", "messages"),
)
BAD: dict[str, tuple[str, str]] = {
    "otel-python-console": ('{"context": {"trace_id": "0x1"}, "name": "x"}', "a span without an id"),
    "otel-js": ('{"_spanContext": {}, "startTime": [1, 2]}', "a span without an id"),
    "jaeger": ('{"data": [{"spans": [{"operationName": "x"}]}]}', "a span without an id"),
    "zipkin": ('[{"traceId": "1", "tags": {}}]', "a span without an id"),
    "phoenix": ('{"data": [{"span_kind": "LLM"}]}', "a span without an id"),
    "logfire": ('{"rows": [{"trace_id": "1"}]}', "a row without a span id"),
    "mlflow": ('{"data": {"spans": [{"name": "x"}]}}', "a span without an id"),
    "weave": ('{"op_name": "weave:///a/b/op/c:1"}', "a call without an id"),
    "span-attributes": ('{"name": "x"}', "not the attributes of a span"),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_a_file_of_the_format_is_recognised_and_read_as_written_down(name: str) -> None:
    path = TRACES / name
    chosen = sniff(open_document(path))  # type: ignore[arg-type]
    assert getattr(chosen, "id", chosen) == GOLDEN[name]
    assert outline(path) == path.with_suffix(".txt").read_text().rstrip("\n")


@pytest.mark.parametrize("name", FORMATS)
def test_a_record_that_is_no_span_is_named(name: str) -> None:
    text, reason = BAD[name]
    found = [item.reason for item in load(text, name) if isinstance(item, LoadError)]
    assert found[0] == reason


@pytest.mark.parametrize("name", GOLDEN)
def test_no_other_loader_is_as_sure(name: str) -> None:
    document = open_document(TRACES / name)
    assert isinstance(document, Document)
    scores = sorted((candidate.sniff(document) for candidate in LOADERS), reverse=True)
    assert scores[0] > scores[1]


@pytest.mark.parametrize("name", FORMATS)
@given(value=records(WORDS, (*WORDS, "LLM", "TOOL", "span", "llm", '{"a": 1}', "[", "0x1")))
def test_no_json_makes_the_reader_raise(name: str, value: JSON) -> None:
    document = open_document([value])
    assert isinstance(document, Document)
    chosen = loader(name)
    assert chosen is not None
    chosen.sniff(document)
    list(chosen.load(document))
