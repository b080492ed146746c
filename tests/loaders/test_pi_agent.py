from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from pisama.trace import JSON
from tests.loaders.golden import TRACES, assert_golden, assert_survives, problems, recognised
from tests.loaders.hostile import records
from tests.loaders.outline import one_trace

FOLDER = TRACES / "pi_agent"


def test_the_branch_that_was_written_last_is_the_run() -> None:
    assert recognised(FOLDER / "branches.jsonl") == "pi-session"
    assert_golden(FOLDER / "branches.jsonl", "branches.txt")


def test_entries_of_old_versions_that_name_no_parents_are_all_read() -> None:
    said = [{"type": "message", "message": {"role": "assistant", "content": text}} for text in ("one", "two")]
    header = {"type": "session", "id": "s", "timestamp": "2026-02-03T10:00:00Z", "cwd": "/p"}
    trace = one_trace("".join(json.dumps(row) + "\n" for row in (header, *said)))
    assert [step.text for step in trace.steps] == ["one", "two"]


def test_a_long_session_with_two_branches_takes_linear_time() -> None:
    def entry(name: str, parent: str) -> JSON:
        return {
            "type": "message",
            "id": name,
            "parentId": parent,
            "message": {"role": "assistant", "content": name},
        }

    first = [entry(f"a{n}", f"a{n - 1}" if n else "e") for n in range(5_000)]
    second = [entry(f"b{n}", f"b{n - 1}" if n else "e") for n in range(5_000)]
    header: dict[str, JSON] = {"type": "session", "version": 3, "id": "s", "cwd": "/p"}
    root: dict[str, JSON] = {"type": "model_change", "id": "e", "parentId": None, "modelId": "m"}
    trace = one_trace([header, root, *first, *second])
    assert [step.text for step in trace.steps] == [f"b{n}" for n in range(5_000)]


def test_a_bad_entry_is_named_and_the_rest_is_read() -> None:
    header: dict[str, JSON] = {"type": "session", "version": 3, "id": "s", "cwd": "/p"}
    rows: list[JSON] = [{**header}, {"type": "message", "id": "a", "parentId": None}, {"colour": "red"}]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    assert problems(text, "pi-session") == [
        "3: an entry without a type",
        "2: an entry of type message without a message",
    ]


NAMES = (
    "type",
    "id",
    "parentId",
    "message",
    "role",
    "content",
    "text",
    "name",
    "arguments",
    "toolCallId",
    "toolName",
    "isError",
    "stopReason",
    "errorMessage",
    "usage",
    "input",
    "output",
    "version",
    "cwd",
    "summary",
)
WORDS = (
    "session",
    "message",
    "assistant",
    "user",
    "toolResult",
    "bashExecution",
    "toolCall",
    "text",
    "thinking",
    "error",
    "a",
    "b",
)


@given(st.lists(records(NAMES, WORDS), max_size=6))
def test_no_input_at_all_makes_it_raise(values: list[JSON]) -> None:
    assert_survives("pi-session", values)
