"""Anthropic messages, as requests, responses, lists and logs, become runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given

from pisama.loaders import load, open_document
from pisama.loaders.anthropic import AnthropicLoader
from pisama.loaders.base import Document
from pisama.trace import JSON, Location, Tool, Trace, Usage
from tests.loaders.hostile import records
from tests.loaders.outline import one_trace, outline

TRACES = Path(__file__).parents[1] / "traces" / "anthropic"
SHARED = Path(__file__).parents[3] / "shared"

NAMES = (
    "role",
    "content",
    "messages",
    "system",
    "tools",
    "type",
    "id",
    "input",
    "tool_use_id",
    "stop_reason",
    "usage",
)
WORDS = ("user", "assistant", "message", "text", "tool_use", "tool_result", "thinking", "t1")

QUESTION: JSON = {"role": "user", "content": "Look"}
CALL: JSON = {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "look", "input": {}}]}
RESULT: JSON = {
    "role": "user",
    "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "a wall"}],
}


def confidence(value: JSON) -> float:
    document = open_document(json.dumps(value))
    assert isinstance(document, Document)
    return AnthropicLoader().sniff(document)


@pytest.mark.parametrize("case", ["request.json", "responses.jsonl", "log.jsonl"])
def test_a_recording_becomes_the_run_it_holds(case: str) -> None:
    file = TRACES / case
    assert outline(file) == file.with_suffix(".txt").read_text().removesuffix("\n")


def test_a_request_gives_its_tools_and_its_places() -> None:
    file = TRACES / "request.json"
    trace = one_trace(file)
    schema: JSON = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
    assert isinstance(schema, dict)
    assert trace.tools == (Tool("read", "Reads a file.", schema), Tool("web_search"))
    assert trace.steps[0].seen[0].at == Location(str(file), None, "/system")
    assert [call.at for call in trace.steps[0].tool_calls] == [
        Location(str(file), None, "/messages/1/content/2"),
        Location(str(file), None, "/messages/1/content/3"),
    ]


def test_only_a_call_that_is_marked_as_failed_has_an_error() -> None:
    calls = [call for _, call in one_trace(TRACES / "request.json").calls()]
    assert [(call.name, call.error) for call in calls] == [
        ("read", None),
        ("read", "no such file"),
        ("web_search", None),
    ]


def test_an_answer_after_the_tools_of_the_provider_is_the_final_answer() -> None:
    assert one_trace(TRACES / "request.json").final_answer == "a.txt says hello."


def test_input_tokens_include_what_went_through_the_cache() -> None:
    steps = one_trace(TRACES / "log.jsonl").steps
    assert [(step.model, step.usage, step.finish_reason) for step in steps] == [
        ("big-1", Usage(105, 1, 90), "tool_use"),
        ("big-1", Usage(105, 2, 90), "end_turn"),
    ]


def test_results_of_responses_without_requests_are_not_recorded() -> None:
    ((_, call),) = one_trace(TRACES / "responses.jsonl").calls()
    assert (call.result, call.error) == (None, None)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([QUESTION, CALL, RESULT]),
        json.dumps({"messages": [QUESTION, CALL, RESULT]}),
        "\n".join(json.dumps(message) for message in (QUESTION, CALL, RESULT)),
    ],
)
def test_lists_rows_and_lines_give_the_same_run(text: str) -> None:
    trace = one_trace(text)
    assert trace.format == "anthropic"
    assert [(step.index, call.name, call.result) for step, call in trace.calls()] == [(1, "look", "a wall")]


def test_blocks_are_a_mark_and_requests_and_responses_a_stronger_one() -> None:
    response: JSON = {"type": "message", "role": "assistant", "content": [], "stop_reason": "end_turn"}
    assert confidence([QUESTION, CALL]) == 0.65
    assert confidence({"system": "Look.", "messages": [QUESTION]}) == 0.65
    assert confidence({"system": "Look.", "messages": [QUESTION, CALL]}) == 0.85
    assert confidence({"messages": [QUESTION], "tools": [{"name": "look", "input_schema": {}}]}) == 0.85
    assert confidence([response]) == 0.85


@pytest.mark.parametrize(
    "value",
    [
        *({}, [], "text", [QUESTION], {"messages": [QUESTION]}, {"type": "message"}),
        [{"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}]}],
        [{"type": "assistant", "message": CALL, "sessionId": "s", "uuid": "u"}],
    ],
)
def test_other_shapes_are_left_to_others(value: JSON) -> None:
    assert confidence(value) == 0


@given(records(NAMES, WORDS))
def test_no_json_raises(value: JSON) -> None:
    document = open_document(json.dumps(value))
    assert isinstance(document, Document)
    AnthropicLoader().sniff(document)
    list(AnthropicLoader().load(document))


@pytest.mark.skipif(not SHARED.is_dir(), reason="the samples are not part of the project")
@pytest.mark.parametrize(
    ("name", "steps", "failed"),
    [
        ("ok.request.json", 3, 0),
        ("toolerr.request.json", 4, 3),
        ("par.messages.json", 2, 1),
        ("ok.responses.json", 3, 0),
    ],
)
def test_real_files_are_read_whole(name: str, steps: int, failed: int) -> None:
    (trace,) = load(SHARED / "formats" / "anthropic" / name)
    assert isinstance(trace, Trace)
    assert (trace.format, len(trace.steps)) == ("anthropic", steps)
    assert sum(call.error is not None for _, call in trace.calls()) == failed
