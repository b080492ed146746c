from __future__ import annotations

from pathlib import Path

from pisama.loaders import load, open_document, sniff
from pisama.loaders.agentbench import AgentBenchLoader
from pisama.report import LoadError
from pisama.trace import Trace
from tests.loaders.outline import one_trace, outline

RUNS = Path(__file__).parents[1] / "traces" / "agentbench" / "runs.jsonl"


def test_each_sample_is_a_run_and_its_commands_are_calls() -> None:
    assert outline(RUNS) == RUNS.with_suffix(".txt").read_text().rstrip("\n")


def test_samples_are_recognised_for_sure() -> None:
    document = open_document(RUNS)
    assert not isinstance(document, LoadError)
    assert isinstance(sniff(document), AgentBenchLoader)
    assert AgentBenchLoader().sniff(document) == 1.0


def test_the_status_and_the_error_of_a_sample_are_kept() -> None:
    traces = [item for item in load(RUNS) if isinstance(item, Trace)]
    assert [trace.metadata.get("status") for trace in traces] == ["completed", "task limit reached", ""]
    assert traces[2].metadata["error"] == "START_FAILED"


def test_an_action_without_a_closed_fence_is_only_text() -> None:
    trace = one_trace(
        {
            "index": 1,
            "error": None,
            "output": {
                "status": "completed",
                "history": [
                    {"role": "agent", "content": "Act: bash\n```bash\nls"},
                    {"role": "user", "content": "?"},
                    7,
                ],
            },
        }
    )
    assert [step.tool_calls for step in trace.steps] == [()]


def test_a_line_that_is_no_sample_is_an_error() -> None:
    assert [str(item) for item in load('{"index": 1}', "agentbench")] == [
        "<input>: not a sample of AgentBench"
    ]
