from __future__ import annotations

import json
from pathlib import Path

import pytest

from pisama.loaders import load, open_document, sniff
from pisama.loaders.flowise import FlowiseLoader
from pisama.report import LoadError
from pisama.trace import JSON, Tool, Usage
from tests.loaders.outline import one_trace, outline

TRACES = Path(__file__).parents[1] / "traces" / "flowise"


@pytest.mark.parametrize("name", ["execution.json", "export.json"])
def test_an_execution_and_an_export_are_read_whole(name: str) -> None:
    file = TRACES / name
    assert outline(file) == file.with_suffix(".txt").read_text().rstrip("\n")
    document = open_document(file)
    assert not isinstance(document, LoadError)
    assert isinstance(sniff(document), FlowiseLoader)
    assert FlowiseLoader().sniff(document) == 1.0


def test_tokens_tools_session_and_errors_are_read() -> None:
    trace = one_trace(TRACES / "execution.json")
    assert [step.usage for step in trace.steps] == [Usage(30, 6), Usage(40, 3), None]
    assert trace.tools == (Tool("book", "Books a flight."),)
    assert trace.metadata == {"session": "s1"}
    assert [call.error for _, call in trace.calls()] == ["no seat", "connect ECONNREFUSED"]


def test_used_tools_are_the_calls_where_no_message_has_them() -> None:
    node: JSON = {
        "nodeLabel": "Agent",
        "data": {
            "name": "agentAgentflow",
            "input": {"messages": [{"role": "user", "content": "Go"}]},
            "output": {
                "content": "Gone",
                "usedTools": [{"tool": "go", "toolInput": "{}", "toolOutput": "ok"}],
            },
        },
    }
    trace = one_trace({"id": "e", "executionData": [node], "state": "INPROGRESS"})
    assert [(call.name, call.arguments, call.result) for _, call in trace.calls()] == [("go", {}, "ok")]
    assert [step.text for step in trace.steps] == ["", "Gone"]
    assert not trace.complete


def test_a_node_that_failed_is_a_step_with_its_error() -> None:
    node: JSON = {"nodeLabel": "Agent", "status": "ERROR", "data": {"name": "llmAgentflow", "error": "429"}}
    assert one_trace({"executionData": json.dumps([node])}).steps[0].error == "429"


def test_an_execution_whose_data_cannot_be_read_is_an_error() -> None:
    assert [str(item) for item in load({"id": "e", "executionData": "[{"})] == [
        "<input>: an execution without readable data"
    ]
