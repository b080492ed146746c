from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given

from pisama.loaders import load, open_document
from pisama.loaders.base import Document
from pisama.loaders.openinference_tree import OpenInferenceTreeLoader, nanoseconds_of
from pisama.report import LoadError
from pisama.trace import JSON, Trace
from tests.loaders.hostile import records
from tests.loaders.outline import one_trace, outline

TRACES = Path(__file__).parents[1] / "traces" / "openinference_tree"
SHARED = Path(__file__).parents[3] / "shared"
CODE_AGENT = TRACES / "code_agent.json"


def node(span_id: str, *children: JSON, **fields: JSON) -> dict[str, JSON]:
    return {
        "span_id": span_id,
        "span_name": "step",
        "span_attributes": {},
        "child_spans": list(children),
        **fields,
    }


def test_a_code_agent_and_the_agent_it_manages_are_read_as_written_down() -> None:
    assert outline(CODE_AGENT) == CODE_AGENT.with_suffix(".txt").read_text().rstrip("\n")


def test_executed_code_and_the_tools_in_it_carry_the_errors_their_spans_were_marked_with() -> None:
    trace = one_trace(CODE_AGENT)
    assert [
        (step.index, call.name, call.error, call.span_id) for step, call in trace.calls() if call.error
    ] == [
        (
            1,
            "python_interpreter",
            "Code execution failed at line 'print(open_rules(\"loans\"))' due to: PermissionError: rules are locked",
            None,
        ),
        (1, "open_rules", "rules are locked", "5000000000000006"),
    ]


def test_the_tools_of_an_agent_are_those_it_lists_with_what_their_spans_tell() -> None:
    tools = one_trace(CODE_AGENT).tools
    assert tools is not None
    assert {
        tool.name: tool.schema and sorted(cast("dict[str, JSON]", tool.schema["properties"]))
        for tool in tools
    } == {
        "open_rules": ["section"],
        "final_answer": ["answer"],
        "searcher": None,
        "search_docs": ["query"],
        "python_interpreter": ["code"],
    }


def test_logs_are_never_read() -> None:
    trace = one_trace(CODE_AGENT)
    assert "TRUE ANSWER" in CODE_AGENT.read_text()
    assert "TRUE ANSWER" not in str([getattr(trace, name) for name in Trace.__dataclass_fields__])


def test_places_are_pointers_into_the_tree() -> None:
    step = one_trace(CODE_AGENT).steps[0]
    assert step.at is not None
    value: JSON = json.loads(CODE_AGENT.read_text())
    for part in step.at.pointer.split("/")[1:]:
        value = value[int(part)] if isinstance(value, list) else cast("dict[str, JSON]", value)[part]
    assert cast("dict[str, JSON]", value)["span_id"] == step.span_id


def test_the_end_of_a_span_is_its_start_and_its_duration() -> None:
    tree: dict[str, JSON] = {"spans": [node("a", timestamp="2026-05-04T09:00:00.25Z", duration="PT1M6.5S")]}
    found = one_trace(tree).spans[0]
    assert (found.start, found.end) == (1777885200_250_000_000, 1777885266_750_000_000)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("PT0S", 0), ("PT1M6.376717S", 66.376717), ("PT2H", 7200), ("P1DT1S", 86401), ("PT0.000063S", 0.000063)],
)
def test_iso_durations_are_read_in_nanoseconds(text: str, seconds: float) -> None:
    assert nanoseconds_of(text) == round(seconds * 1_000_000_000)


@pytest.mark.parametrize("text", ["", "1.5", "PT", "P-1D", "PT5X", None, 7])
def test_what_is_no_duration_has_none(text: JSON) -> None:
    assert nanoseconds_of(text) in (None, 0)


def test_a_span_without_an_id_is_named_and_its_children_are_read() -> None:
    tree: JSON = {"trace_id": "t", "spans": [node("a", {"child_spans": [node("b")]}, 5)]}
    items = list(OpenInferenceTreeLoader().load(_document(tree)))
    assert [(item.reason, item.at.pointer) for item in items if isinstance(item, LoadError)] == [
        ("a span without an id", "/spans/0/child_spans/0"),
        ("a span without an id", "/spans/0/child_spans/1"),
    ]
    assert [
        [(span.id, span.parent_id) for span in item.spans] for item in items if isinstance(item, Trace)
    ] == [[("a", None), ("b", "a")]]


def test_several_trees_in_one_file_are_several_traces(tmp_path: Path) -> None:
    path = tmp_path / "trees.jsonl"
    trees = [{"trace_id": name, "spans": [node("a")]} for name in ("one", "two")]
    path.write_text("\n".join(json.dumps(tree) for tree in trees))
    assert [item.id for item in load(path) if isinstance(item, Trace)] == ["one", "two"]


def test_only_nested_spans_are_recognised() -> None:
    loader = OpenInferenceTreeLoader()
    assert loader.sniff(_document({"spans": [node("a")]})) == 1.0
    assert loader.sniff(_document({"spans": [{"span_id": "a"}]})) == 0.0
    assert loader.sniff(_document({"spans": []})) == 0.0


NAMES = (
    *(
        "spans",
        "child_spans",
        "span_id",
        "trace_id",
        "span_attributes",
        "timestamp",
        "duration",
        "events",
        "Name",
    ),
    *(
        "Attributes",
        "status_code",
        "openinference.span.kind",
        "input.value",
        "llm.input_messages.0.message.role",
    ),
)
WORDS = (
    "LLM",
    "TOOL",
    "AGENT",
    "CHAIN",
    "PT1S",
    "2026-05-04T09:00:00Z",
    "Error",
    "exception",
    "assistant",
    "{",
    "[[",
)


@given(records(NAMES, WORDS))
def test_no_json_makes_the_reader_raise(value: JSON) -> None:
    trees: list[JSON] = [value, {"spans": value}, {"spans": [node("a", value)]}]
    for tree in trees:
        document = Document(None, lambda: iter(()), sample=(tree,))
        assert OpenInferenceTreeLoader().sniff(document) in (0.0, 1.0)
        if isinstance(tree, dict):
            for item in OpenInferenceTreeLoader().load(_document(tree)):
                assert isinstance(item, Trace | LoadError)


def _document(value: JSON) -> Document:
    document = open_document(cast("dict[str, JSON]", value))
    assert isinstance(document, Document)
    return document


@pytest.mark.skipif(
    not (SHARED / "formats").is_dir(), reason="the samples of real emitters are not on this machine"
)
@pytest.mark.parametrize(
    ("sample", "tool", "failures"),
    [
        ("smolagents_toolerr", "book_flight", 6),
        ("smolagents_code", "get_weather", 1),
        ("smolagents_ok", "", 0),
    ],
)
def test_nested_and_flat_spans_of_one_run_give_the_same_failures(
    sample: str, tool: str, failures: int
) -> None:
    trace = one_trace(SHARED / "formats" / "trail_nested" / f"{sample}.trail.json")
    assert [call.name for _, call in trace.calls() if call.error and call.span_id] == [tool] * failures


@pytest.mark.skipif(not (SHARED / "data").is_dir(), reason="the benchmark traces are not on this machine")
def test_every_model_call_and_every_tool_span_of_the_benchmark_is_in_a_step_once() -> None:
    for path in sorted((SHARED / "data" / "trail" / "traces").rglob("*.json")):
        trace = one_trace(path)
        kinds = {span.id: span.kind for span in trace.spans}
        models = sorted(span_id for span_id, kind in kinds.items() if kind == "llm")
        tools = sorted(span_id for span_id, kind in kinds.items() if kind == "tool")
        assert sorted(step.span_id or "" for step in trace.steps) == models, path
        assert sorted(call.span_id for _, call in trace.calls() if call.span_id) == tools, path
        assert trace.task, path
