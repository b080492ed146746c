"""Folders and archives: files that are one run are read together, all others one by one."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from pisama.loaders import load
from pisama.loaders.zstd import ZipFile
from pisama.report import LoadError
from pisama.trace import Trace

SESSION = "11111111-2222-3333-4444-555555555555"
CHAT = [{"role": "user", "content": "Name a colour"}, {"role": "assistant", "content": "Blue"}]


def line(session: str, uuid: str, role: str, content: object, **more: object) -> str:
    message = {
        "role": role,
        "content": content,
        **({"id": uuid, "model": "m"} if role == "assistant" else {}),
    }
    record = {"type": role, "sessionId": session, "uuid": uuid, "message": message, "parentUuid": None}
    return json.dumps({**record, "timestamp": "2026-01-02T03:04:05Z", **more}) + "\n"


def session_lines(session: str = SESSION) -> str:
    call = {
        "type": "tool_use",
        "id": "t1",
        "name": "Task",
        "input": {"prompt": "Count", "subagent_type": "counter"},
    }
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "3"}
    return "".join(
        (
            line(session, "u1", "user", "Count the files"),
            line(session, "a1", "assistant", [call], parentUuid="u1"),
            line(session, "u2", "user", [result], parentUuid="a1", toolUseResult={"agentId": "x1"}),
            line(session, "a2", "assistant", [{"type": "text", "text": "Three"}], parentUuid="u2"),
        )
    )


def agent_lines(session: str = SESSION) -> str:
    more = {"isSidechain": True, "agentId": "x1"}
    return line(session, "s1", "user", "Count", **more) + line(
        session, "s2", "assistant", [{"type": "text", "text": "3"}], parentUuid="s1", **more
    )


def written(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def read(path: Path) -> list[str]:
    """Each trace as its place, steps and agents; each error as text."""
    root = path if path.is_dir() else path.parent
    return [
        f"{item.format} {_short(item.at.path if item.at else None, root)}: {len(item.steps)} steps of {len(item.agents)}"
        if isinstance(item, Trace)
        else str(item).replace(f"{root}/", "")
        for item in load(path)
    ]


def _short(path: str | None, root: Path) -> str:
    return (path or "").replace(f"{root}/", "")


def zipped(folder: Path, target: Path) -> Path:
    data = io.BytesIO()
    with ZipFile(data, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder).as_posix())
    target.write_bytes(data.getvalue())
    return target


MIXED = {
    "chat.json": json.dumps(CHAT),
    "readme.md": "# Notes\n\nNo trace here.\n",
    "sales.csv": "month,sum\n1,2\n",
    f"{SESSION}.jsonl": session_lines(),
    f"{SESSION}/subagents/agent-x1.jsonl": agent_lines(),
    "deep/er/chat.jsonl": "".join(json.dumps(message) + "\n" for message in CHAT),
}
MIXED_READ = [
    f"claude-code {SESSION}.jsonl: 3 steps of 2",
    "openai-chat chat.json: 1 steps of 1",
    "openai-chat deep/er/chat.jsonl: 1 steps of 1",
]


def test_a_folder_gives_each_run_once_and_says_nothing_of_what_may_be_no_trace(tmp_path: Path) -> None:
    assert read(written(tmp_path, MIXED)) == MIXED_READ


def test_an_archive_is_read_as_the_folder_in_it(tmp_path: Path) -> None:
    folder = written(tmp_path / "in", MIXED)
    archive = zipped(folder, tmp_path / "in.zip")
    assert [text.replace("in.zip/", "") for text in read(archive)] == MIXED_READ


def test_a_session_given_alone_is_read_with_its_sub_agents(tmp_path: Path) -> None:
    written(tmp_path, MIXED)
    assert read(tmp_path / f"{SESSION}.jsonl") == MIXED_READ[:1]
    shutil.rmtree(tmp_path / SESSION)
    assert read(tmp_path / f"{SESSION}.jsonl") == [f"claude-code {SESSION}.jsonl: 2 steps of 1"]


def test_sub_agents_beside_their_sessions_are_found_by_the_id_they_name(tmp_path: Path) -> None:
    other = SESSION.replace("1", "9")
    files = {
        f"{SESSION}.jsonl": session_lines(),
        f"{other}.jsonl": session_lines(other),
        "agent-x1.jsonl": agent_lines(),
    }
    written(tmp_path, files)
    assert sorted(text.rpartition(": ")[2] for text in read(tmp_path)) == ["2 steps of 1", "3 steps of 2"]
    assert [text.rpartition(": ")[2] for text in read(tmp_path / f"{SESSION}.jsonl")] == ["3 steps of 2"]
    assert [text.rpartition(": ")[2] for text in read(tmp_path / "agent-x1.jsonl")] == ["1 steps of 1"]


def test_a_file_that_cannot_be_read_stops_no_other(tmp_path: Path) -> None:
    written(tmp_path, {"a.json": "", "b.json": json.dumps(CHAT), "c.json": '{"rows": 1}'})
    assert read(tmp_path) == [
        "a.json: the file is empty",
        "openai-chat b.json: 1 steps of 1",
        "c.json: JSON of no known shape (top level keys: rows);"
        " name its format with --input-format; `pisama formats` lists them",
    ]


@pytest.mark.parametrize("files", [{}, {"code.py": "x = 1"}])
def test_a_folder_without_files_to_read_is_an_error(tmp_path: Path, files: dict[str, str]) -> None:
    (error,) = load(written(tmp_path, files))
    assert isinstance(error, LoadError)
    assert error.reason == "no file in this folder that could be a trace"


def test_a_folder_with_nothing_but_prose_is_an_error(tmp_path: Path) -> None:
    assert read(written(tmp_path / "in", {"a.md": "Hello"})) == [
        f"{tmp_path}/in: no trace in these files (a.md)"
    ]


def test_a_named_format_is_taken_at_its_word_for_every_file(tmp_path: Path) -> None:
    written(tmp_path, {"a.json": json.dumps(CHAT), "b.json": json.dumps(CHAT)})
    formats = [item.format for item in load(tmp_path, "conversation") if isinstance(item, Trace)]
    assert formats == ["conversation", "conversation"]


def test_logs_of_aider_are_looked_at_although_they_are_hidden(tmp_path: Path) -> None:
    from pisama.loaders import find_files

    written(
        tmp_path,
        {".aider.chat.history.md": "#", ".aider.tags.cache.v4": "", "state.db": "", "state.db-wal": ""},
    )
    assert [path.name for path in find_files(tmp_path)] == [".aider.chat.history.md", "state.db"]


def test_a_folder_many_levels_deep_is_read(tmp_path: Path) -> None:
    name = "/".join(["d"] * 40) + "/chat.json"
    assert read(written(tmp_path, {name: json.dumps(CHAT)})) == [f"openai-chat {name}: 1 steps of 1"]


def otlp(signal: str, scope: str, records: Sequence[object]) -> str:
    return json.dumps({signal: [{scope: [{"logRecords" if "Logs" in signal else "spans": records}]}]}) + "\n"


def test_messages_in_a_file_of_log_records_join_the_spans_beside_it(tmp_path: Path) -> None:
    ids = {"traceId": "ab" * 16, "spanId": "cd" * 8}
    attributes = [
        {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
        {"key": "gen_ai.system", "value": {"stringValue": "openai"}},
    ]
    span = {
        **ids,
        "name": "chat m",
        "startTimeUnixNano": "10",
        "endTimeUnixNano": "20",
        "attributes": attributes,
    }
    said = {"kvlistValue": {"values": [{"key": "content", "value": {"stringValue": "Blue"}}]}}
    message = {"kvlistValue": {"values": [{"key": "message", "value": said}]}}
    log = {**ids, "timeUnixNano": "20", "eventName": "gen_ai.choice", "body": message}
    written(
        tmp_path,
        {
            "run.otlp.jsonl": otlp("resourceSpans", "scopeSpans", [span]),
            "run.logs.otlp.jsonl": otlp("resourceLogs", "scopeLogs", [log]),
            "chat.json": json.dumps(CHAT),
            "chat.logs.json": json.dumps(CHAT),
        },
    )
    for path in (tmp_path, tmp_path / "run.otlp.jsonl"):
        traces = [item for item in load(path) if isinstance(item, Trace)]
        assert [step.text for step in traces[0].steps] == ["Blue"]
        assert [trace.format for trace in traces[1:]] == (["openai-chat"] * 2 if path == tmp_path else [])
