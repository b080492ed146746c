from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from pisama.loaders import load, open_document, sniff
from pisama.report import LoadError
from pisama.trace import JSON, Trace, Usage
from tests.loaders.outline import one_trace, outline

TRACES = Path(__file__).parents[1] / "traces"
HANDOFF = TRACES / "openai_agents" / "handoff.jsonl"
PAUSED = TRACES / "openai_agents_state" / "paused.json"


@pytest.mark.parametrize(("file", "loader"), [(HANDOFF, "openai-agents"), (PAUSED, "openai-agents-state")])
def test_exported_spans_and_a_saved_state_are_read_whole(file: Path, loader: str) -> None:
    assert outline(file) == file.with_suffix(".txt").read_text().rstrip("\n")
    document = open_document(file)
    assert not isinstance(document, LoadError)
    found = sniff(document)
    assert not isinstance(found, LoadError)
    assert (found.id, found.sniff(document)) == (loader, 1.0)


def test_the_body_of_an_export_request_is_the_same_run() -> None:
    lines = [json.loads(line) for line in HANDOFF.read_text().splitlines()]
    assert outline({"data": lines}) == HANDOFF.with_suffix(".txt").read_text().rstrip("\n")


def test_tokens_group_and_the_reason_of_a_failed_tool_are_read() -> None:
    trace = next(item for item in load(HANDOFF) if isinstance(item, Trace))
    assert [step.usage for step in trace.steps] == [Usage(20, 4), Usage(30, 6, 10), None]
    assert trace.metadata["session"] == "g1"
    assert [call.error for _, call in trace.calls()] == [
        None,
        "Error running tool (non-fatal): Tool execution failed. Error details are redacted.",
    ]


def test_a_state_past_its_last_turn_was_ended_by_the_limit() -> None:
    state = json.loads(PAUSED.read_text()) | {"current_turn": 3}
    assert one_trace(state).outcome == "max_steps"


def test_responses_without_ids_are_told_apart_by_their_order() -> None:
    def call(name: str) -> JSON:
        return {"type": "function_call", "id": "__fake_id__", "name": name, "arguments": "{}"}

    state: dict[str, JSON] = {
        "$schemaVersion": "1.0",
        "current_agent": {"name": "bot"},
        "original_input": [{"role": "user", "content": "Go"}],
        "model_responses": [
            {"output": [call("a")], "usage": {"input_tokens": 1}},
            {"output": [call("b")], "usage": {"input_tokens": 2}},
        ],
        "generated_items": [
            {"type": "tool_call_item", "raw_item": call("a"), "agent": {"name": "bot"}},
            {"type": "tool_call_output_item", "raw_item": {"type": "function_call_output", "output": "1"}},
            {"type": "tool_call_item", "raw_item": call("b"), "agent": {"name": "bot"}},
        ],
    }
    steps = one_trace(state).steps
    assert [(step.tool_calls[0].name, step.usage) for step in steps] == [("a", Usage(1)), ("b", Usage(2))]


def test_each_session_of_a_database_is_a_run(tmp_path: Path) -> None:
    file = tmp_path / "sessions.db"
    rows: list[tuple[str, str]] = [
        ("one", '{"role": "user", "content": "Weather?"}'),
        ("one", '{"type": "function_call", "call_id": "c", "name": "weather", "arguments": "{}"}'),
        ("two", '{"role": "user", "content": "Hello"}'),
        ("one", '{"type": "function_call_output", "call_id": "c", "output": "rain"}'),
        (
            "one",
            '{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Rain."}]}',
        ),
        ("two", "not JSON"),
        ("two", '{"type": "riddle"}'),
    ]
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE agent_sessions (session_id TEXT PRIMARY KEY)")
        database.execute(
            "CREATE TABLE agent_messages (id INTEGER PRIMARY KEY, session_id TEXT, message_data TEXT)"
        )
        database.executemany("INSERT INTO agent_messages (session_id, message_data) VALUES (?, ?)", rows)
    database.close()
    assert outline(file) == (
        "problem: not an item of a session\n"
        "problem: no item of the Responses API\n"
        "openai-agents-session one\n"
        "task: Weather?\n"
        "    user: Weather?\n"
        "1 assistant:\n"
        "  weather({}) -> rain\n"
        "    tool weather: rain\n"
        "3 assistant: Rain.\n"
        "answer: Rain.\n"
        "openai-agents-session two\n"
        "task: Hello\n"
        "answer: None"
    )
