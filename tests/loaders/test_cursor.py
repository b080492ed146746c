from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pisama.trace import JSON
from tests.loaders.golden import TRACES, assert_golden, assert_survives, problems, recognised
from tests.loaders.hostile import records
from tests.loaders.outline import outline

FOLDER = TRACES / "cursor"


def test_the_lines_of_a_transcript_are_steps_whose_calls_have_no_results() -> None:
    assert recognised(FOLDER / "transcript.jsonl") == "cursor"
    assert_golden(FOLDER / "transcript.jsonl", "transcript.txt")


def test_a_stream_pairs_calls_with_what_they_returned() -> None:
    assert recognised(FOLDER / "stream.jsonl") == "cursor"
    assert_golden(FOLDER / "stream.jsonl", "stream.txt")


def database(folder: Path, values: dict[str, JSON]) -> Path:
    path = folder / "state.vscdb"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE ItemTable (key TEXT UNIQUE, value BLOB)")
        connection.execute("CREATE TABLE cursorDiskKV (key TEXT UNIQUE, value BLOB)")
        rows = [(key, json.dumps(value)) for key, value in values.items()]
        connection.executemany("INSERT INTO cursorDiskKV VALUES (?, ?)", rows)
        connection.commit()
    return path


TOOL: dict[str, JSON] = {
    "name": "run_terminal_cmd",
    "toolCallId": "t1",
    "rawArgs": '{"command": "make"}',
    "status": "error",
    "error": '{"clientVisibleErrorMessage": "exit 2"}',
}


def test_the_conversations_in_the_database_of_the_editor_are_runs(tmp_path: Path) -> None:
    headers: list[JSON] = [{"bubbleId": f"b{n}"} for n in (1, 2, 3)]
    path = database(
        tmp_path,
        {
            "bubbleId:c1:b3": {
                "type": 2,
                "text": "It fails.",
                "tokenCount": {"inputTokens": 9, "outputTokens": 3},
            },
            "bubbleId:c1:b1": {"type": 1, "text": "Build it"},
            "composerData:c1": {"status": "completed", "fullConversationHeadersOnly": headers},
            "bubbleId:c1:b2": {"type": 2, "thinking": {"text": "Run make"}, "toolFormerData": TOOL},
            "composerData:c2": {"conversation": [{"type": 1, "text": "Hello"}, {"type": 2, "text": "Hi."}]},
            "composerData:empty": {},
            "composerData:bad": 7,
        },
    )
    assert recognised(path) == "cursor-database"
    assert outline(path).splitlines() == [
        "problem: the value of composerData is not an object",
        "cursor-database c1",
        "task: Build it",
        "    user: Build it",
        "0 cursor:",
        "  thinks: Run make",
        "  run_terminal_cmd({'command': 'make'}) -> error: exit 2",
        "    tool run_terminal_cmd: exit 2",
        "1 cursor [9/3]: It fails.",
        "answer: It fails.",
        "outcome: success",
        "cursor-database c2",
        "task: Hello",
        "    user: Hello",
        "0 cursor: Hi.",
        "answer: Hi.",
    ]


def test_a_stream_of_claude_code_is_not_taken_for_one_of_cursor() -> None:
    assert recognised(TRACES / "claude_code_stream" / "sub_agent.jsonl") == "claude-code-stream"


def test_what_is_neither_a_message_nor_an_event_is_named() -> None:
    rows = (FOLDER / "transcript.jsonl").read_text() + '{"colour": "red"}\n{"role": "user"}\n'
    assert problems(rows, "cursor") == ["5: neither a message nor an event", "6: a line without a message"]


NAMES = (
    "role",
    "type",
    "message",
    "content",
    "text",
    "name",
    "input",
    "subtype",
    "call_id",
    "tool_call",
    "shellToolCall",
    "args",
    "result",
    "error",
    "success",
    "session_id",
    "status",
    "key",
    "value",
)
WORDS = (
    "user",
    "assistant",
    "tool_call",
    "started",
    "completed",
    "thinking",
    "delta",
    "tool_use",
    "text",
    "result",
    "turn_ended",
)


@given(st.lists(records(NAMES, WORDS), max_size=6))
def test_no_input_at_all_makes_it_raise(values: list[JSON]) -> None:
    assert_survives("cursor", values)
