from __future__ import annotations

from pathlib import Path

import pytest

from pisama.loaders import load, open_document, sniff
from pisama.loaders.dify import DifyLoader
from pisama.report import LoadError
from pisama.trace import JSON, Trace, Usage
from tests.loaders.outline import one_trace, outline

TRACES = Path(__file__).parents[1] / "traces" / "dify"


@pytest.mark.parametrize("name", ["node_executions.json", "messages.json", "stream.txt"])
def test_nodes_messages_and_a_stream_of_events_are_read_whole(name: str) -> None:
    file = TRACES / name
    expected = file.with_suffix(".outline" if name.endswith(".txt") else ".txt")
    assert outline(file) == expected.read_text().rstrip("\n")
    document = open_document(file)
    assert not isinstance(document, LoadError)
    assert isinstance(sniff(document), DifyLoader)
    assert DifyLoader().sniff(document) == 1.0


def test_tokens_cost_model_finish_reason_and_errors_of_nodes_are_read() -> None:
    trace = next(item for item in load(TRACES / "node_executions.json") if isinstance(item, Trace))
    assert [step.usage for step in trace.steps] == [None, None, Usage(100, 20, None, 0.002), Usage(40, 5)]
    assert (trace.steps[3].model, trace.steps[3].finish_reason) == ("m-1", "length")
    assert [call.error for _, call in trace.calls()] == ["timed out", None, "no route"]


def test_a_run_alone_tells_its_task_its_answer_and_that_nothing_else_was_recorded() -> None:
    run: dict[str, JSON] = {
        "id": "w1",
        "graph": {"nodes": []},
        "inputs": {"sys.query": "Oslo?"},
        "outputs": {"answer": "Rain."},
        "status": "failed",
        "error": "quota",
        "elapsed_time": 1.0,
        "total_steps": 3,
    }
    trace = one_trace(run)
    assert (trace.task, trace.final_answer, trace.outcome, trace.steps) == ("Oslo?", "Rain.", "error", ())
    assert trace.metadata == {"error": "quota", "content_recorded": False}


def test_a_stream_that_has_not_finished_is_a_run_that_goes_on() -> None:
    started: JSON = {"event": "workflow_started", "task_id": "k", "workflow_run_id": "w", "data": {"id": "w"}}
    node: JSON = {
        "event": "node_started",
        "task_id": "k",
        "workflow_run_id": "w",
        "data": {"id": "n", "index": 1, "node_id": "l", "node_type": "llm", "title": "Model"},
    }
    trace = one_trace([started, node])
    assert (trace.complete, [step.agent for step in trace.steps]) == (False, ["Model"])


def test_an_error_event_ends_the_run() -> None:
    events: list[JSON] = [
        {"event": "agent_message", "task_id": "k", "answer": "I"},
        {"event": "error", "task_id": "k", "code": "invalid_param", "message": "no quota"},
    ]
    trace = one_trace(events)
    assert (trace.outcome, trace.metadata, [step.text for step in trace.steps]) == (
        "error",
        {"error": "no quota"},
        ["I"],
    )


def test_a_node_execution_of_wrong_types_is_read_as_far_as_it_goes() -> None:
    node: JSON = {
        "node_id": 1,
        "node_type": "agent",
        "title": [],
        "inputs": 3,
        "outputs": {"json": [None, {"label": 7}, {"label": "CALL x", "data": []}], "text": None},
        "index": "two",
    }
    assert [step.tool_calls[0].name for step in one_trace([node]).steps if step.tool_calls] == ["x"]
