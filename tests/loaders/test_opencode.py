from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pisama.trace import JSON
from tests.loaders.golden import TRACES, assert_golden, assert_survives, problems, recognised
from tests.loaders.hostile import records
from tests.loaders.outline import one_trace, outline

FOLDER = TRACES / "opencode"


def test_sessions_are_read_with_exit_codes_unknown_tools_and_sub_agents() -> None:
    assert recognised(FOLDER / "sessions.json") == "opencode"
    assert_golden(FOLDER / "sessions.json", "sessions.txt")


def test_the_events_of_a_run_give_the_same_steps() -> None:
    assert recognised(FOLDER / "run.jsonl") == "opencode-run"
    assert_golden(FOLDER / "run.jsonl", "run.txt")


def rows() -> Iterator[tuple[str, tuple[str, ...]]]:
    """The first session of the golden file and its sub-agent's, as the database has them."""
    for session in json.loads((FOLDER / "sessions.json").read_text()):
        info = session["info"]
        yield "session", (info["id"], info.get("parentID"), info["version"])
        for message in session["messages"]:
            head = {name: value for name, value in message["info"].items() if name != "id"}
            own = f"msg_{info['id']}{message['info']['id']}"
            yield "message", (own, info["id"], json.dumps(head))
            for part in message["parts"]:
                body = json.dumps({name: value for name, value in part.items() if name != "id"})
                yield "part", (f"{own}{part['id']}", own, info["id"], body)


def test_the_database_gives_the_same_run(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "opencode.db")) as database:
        database.execute("CREATE TABLE session (id, parent_id, version)")
        database.execute("CREATE TABLE message (id, session_id, data)")
        database.execute("CREATE TABLE part (id, message_id, session_id, data)")
        for table, row in rows():
            marks = ", ".join("?" * len(row))
            database.execute(f"INSERT INTO {table} VALUES ({marks})", row)  # noqa: S608
        database.commit()
    assert recognised(tmp_path / "opencode.db") == "opencode"
    assert outline(tmp_path / "opencode.db") == outline(FOLDER / "sessions.json")


def test_the_older_storage_folder_gives_the_same_run(tmp_path: Path) -> None:
    for session in json.loads((FOLDER / "sessions.json").read_text()):
        name = session["info"]["id"]
        write(tmp_path / "session" / "p" / f"{name}.json", session["info"])
        for message in session["messages"]:
            own = f"msg_{name}{message['info']['id']}"
            write(
                tmp_path / "message" / name / f"{own}.json", {**message["info"], "id": own, "sessionID": name}
            )
            for part in message["parts"]:
                body = {**part, "sessionID": name, "messageID": own}
                write(tmp_path / "part" / own / f"{part['id']}.json", body)
    assert outline(tmp_path) == outline(FOLDER / "sessions.json")


def write(path: Path, value: JSON) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def test_an_aborted_message_is_the_outcome_and_no_failure() -> None:
    message: dict[str, JSON] = {
        "info": {"id": "m", "role": "assistant", "error": {"name": "MessageAbortedError"}},
        "parts": [],
    }
    trace = one_trace({"info": {"id": "ses_1"}, "messages": [message]})
    assert (trace.outcome, trace.steps) == ("aborted", ())


def test_sessions_that_are_each_other_parents_are_read_once() -> None:
    text: dict[str, JSON] = {
        "info": {"id": "m", "role": "assistant"},
        "parts": [{"type": "text", "text": "hi"}],
    }
    ring: list[JSON] = [
        {"info": {"id": name, "parentID": parent}, "messages": [text]}
        for name, parent in (("ses_a", "ses_b"), ("ses_b", "ses_a"))
    ]
    assert len(one_trace(ring).steps) == 2


@given(
    st.lists(
        records(("type", "sessionID", "part", "id", "text", "state"), ("text", "tool", "ses_1")), max_size=6
    )
)
def test_no_stream_of_events_makes_it_raise(values: list[JSON]) -> None:
    assert_survives("opencode-run", values)


def test_what_is_no_part_of_a_session_is_named() -> None:
    session: dict[str, JSON] = {"info": {"id": "ses_1"}, "messages": []}
    assert problems([session, {"colour": "red"}], "opencode") == ["/1: neither a session nor a part of one"]
    assert problems([{"type": "text"}], "opencode-run") == ["/0: an event without a session"]


NAMES = (
    "info",
    "id",
    "messages",
    "parts",
    "role",
    "type",
    "text",
    "tool",
    "callID",
    "state",
    "status",
    "input",
    "output",
    "error",
    "metadata",
    "exit",
    "tokens",
    "cost",
    "time",
    "created",
    "parentID",
    "sessionID",
    "messageID",
    "part",
    "sessionId",
)
WORDS = (
    "ses_1",
    "ses_2",
    "msg_1",
    "prt_1",
    "user",
    "assistant",
    "tool",
    "step-finish",
    "text",
    "completed",
    "error",
    "bash",
    "invalid",
    "task",
    "step_start",
    "tool_use",
)


@given(st.lists(records(NAMES, WORDS), max_size=6))
def test_no_input_at_all_makes_it_raise(values: list[JSON]) -> None:
    assert_survives("opencode", values)
