from __future__ import annotations

import json
from pathlib import Path

import pytest

from pisama.loaders import load, open_document, sniff
from pisama.loaders.tau2 import Tau2Loader
from pisama.report import LoadError
from pisama.trace import JSON, Trace, Usage
from tests.loaders.outline import one_trace, outline

TRACES = Path(__file__).parents[1] / "traces" / "tau2"


@pytest.mark.parametrize("name", ["results.json", "voice.json"])
def test_results_and_a_voice_call_are_read_whole(name: str) -> None:
    file = TRACES / name
    assert outline(file) == file.with_suffix(".txt").read_text().rstrip("\n")
    document = open_document(file)
    assert not isinstance(document, LoadError)
    assert isinstance(sniff(document), Tau2Loader)
    assert Tau2Loader().sniff(document) == 1.0


def test_tokens_cost_model_and_how_the_simulation_ended_are_read() -> None:
    first, failed = (item for item in load(TRACES / "results.json") if isinstance(item, Trace))
    assert [step.usage for step in first.steps] == [None, Usage(50, 9, None, 0.01), Usage(60, 8)]
    assert {step.model for step in first.steps} == {"m-1"}
    assert first.steps[1].finish_reason == "tool_calls"
    assert first.metadata == {"task_id": "1", "termination_reason": "user_stop", "trial": "0"}
    assert (failed.outcome, failed.metadata["error"]) == ("error", "Task 2 not found")


def test_a_simulation_alone_is_a_run() -> None:
    results = json.loads((TRACES / "results.json").read_text())
    trace = one_trace(results["simulations"][0])
    assert [step.text for step in trace.steps][-1] == "It is too late for a refund."


def test_results_that_only_hold_settings_say_where_the_runs_are() -> None:
    results = json.loads((TRACES / "results.json").read_text())
    del results["simulations"]
    assert [str(item) for item in load(results)] == [
        "<input>: only the settings and tasks of an experiment; its runs are in the simulation files beside it"
    ]


def test_a_voice_call_of_which_only_the_audio_was_kept_has_turns_without_words() -> None:
    def tick(agent: bool) -> JSON:
        spoke: JSON = {"contains_speech": agent}
        return {"agent_chunk": spoke, "user_chunk": {"contains_speech": not agent}}

    call: dict[str, JSON] = {
        "id": "c",
        "termination_reason": "user_stop",
        "ticks": [tick(True), tick(True), tick(False), tick(True), 7],
    }
    trace = one_trace(call)
    assert [step.text for step in trace.steps] == ["", ""]
    assert trace.metadata["content_recorded"] is False
