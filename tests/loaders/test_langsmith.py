from __future__ import annotations

from pathlib import Path

import pytest

from pisama.loaders import load, open_document, sniff
from pisama.loaders.langsmith import LangSmithLoader
from pisama.report import LoadError
from pisama.trace import JSON, Location, Trace, Usage
from tests.loaders.outline import one_trace, outline

TRACES = Path(__file__).parents[1] / "traces" / "langsmith"


def run(**more: JSON) -> dict[str, JSON]:
    return {"id": "r", "trace_id": "r", "name": "model", "run_type": "llm", "inputs": {}, **more}


@pytest.mark.parametrize("name", ["runs.jsonl", "tree.json"])
def test_flat_runs_and_run_trees_are_read_whole(name: str) -> None:
    file = TRACES / name
    assert outline(file) == file.with_suffix(".txt").read_text().rstrip("\n")
    document = open_document(file)
    assert not isinstance(document, LoadError)
    assert LangSmithLoader().sniff(document) == 1.0
    assert isinstance(sniff(document), LangSmithLoader)


def test_tokens_model_tools_session_and_the_failure_of_a_tool_are_read() -> None:
    trace = one_trace(TRACES / "runs.jsonl")
    assert [step.usage for step in trace.steps] == [Usage(50, 9, 20)] * 2
    assert [step.model for step in trace.steps] == ["m-1"] * 2
    assert [step.finish_reason for step in trace.steps] == ["tool_calls", "stop"]
    assert trace.tools is not None
    assert [tool.description for tool in trace.tools] == ["Books a room."]
    assert trace.metadata["session"] == "th1"
    assert trace.steps[0].tool_calls[0].error == "ValueError('day must be 1 to 31')"


def test_a_run_without_an_id_is_an_error_that_says_where_it_stood() -> None:
    errors = [item for item in load(TRACES / "tree.json") if isinstance(item, LoadError)]
    assert errors == [
        LoadError(
            "not a LangSmith run: no id",
            Location(str(TRACES / "tree.json"), errors[0].at.line, "/child_runs/2"),
        )
    ]


def test_the_parent_is_found_by_the_dotted_order_when_no_id_names_it() -> None:
    order = "20260302T100000000000Zroot"
    root = run(id="root", trace_id="root", run_type="chain", name="AgentExecutor", dotted_order=order)
    child = run(
        id="c", trace_id="root", dotted_order=f"{order}.20260302T100001000000Zc", outputs={"output": "Hi"}
    )
    trace = one_trace([child, root])
    assert [(step.agent, step.text) for step in trace.steps] == [("AgentExecutor", "Hi")]


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ({"generations": [[{"text": "Plain"}]]}, "Plain"),
        ({"role": "assistant", "content": [{"type": "text", "text": "Blocks"}]}, "Blocks"),
        ({"output": [{"type": "message", "content": [{"type": "output_text", "text": "Items"}]}]}, "Items"),
        ({"output": "Text"}, "Text"),
        ({"generations": [[{"message": {"lc": 1, "type": "constructor", "id": [7], "kwargs": {}}}]]}, ""),
        ({"generations": 3, "choices": "x"}, ""),
        (None, ""),
    ],
)
def test_answers_are_read_in_every_form(outputs: JSON, expected: str) -> None:
    assert one_trace([run(outputs=outputs)]).steps[0].text == expected


def test_a_page_of_the_api_is_read_and_runs_of_two_traces_are_two_runs() -> None:
    page: dict[str, JSON] = {
        "runs": [run(outputs={"output": "a"}), run(id="s", trace_id="s", outputs={"output": "b"})]
    }
    assert [item.final_answer for item in load(page) if isinstance(item, Trace)] == ["a", "b"]
