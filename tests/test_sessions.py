from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from pisama.sessions import sessions_of

EXAMPLE = Path(__file__).parent.parent / "examples" / "failing-tool.claude-code.jsonl"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "claude"))
    monkeypatch.setenv("CODEX_HOME", str(tmp_path / "codex"))
    project = tmp_path / "my project"
    project.mkdir()
    return project


def claude_code(project: Path, name: str, cwd: Path, when: float) -> Path:
    folder = project.parent / "claude" / "projects" / re.sub("[^a-zA-Z0-9]", "-", str(project))
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(EXAMPLE.read_text().replace("/home/ann/trips", str(cwd)))
    os.utime(file, (when, when))
    return file


def codex(project: Path, day: str, cwd: Path, when: float) -> Path:
    folder = project.parent / "codex" / "sessions" / day
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"rollout-{day.replace('/', '-')}T10-00-00-{when:.0f}.jsonl"
    file.write_text(json.dumps({"type": "session_meta", "payload": {"id": "x", "cwd": str(cwd)}}) + "\n")
    os.utime(file, (when, when))
    return file


def test_the_sessions_of_both_agents_come_newest_first(project: Path) -> None:
    oldest = claude_code(project, "a.jsonl", project, 1_000)
    newest = codex(project, "2026/05/04", project, 3_000)
    middle = claude_code(project, "b.jsonl", project, 2_000)
    found = [(session.path, session.agent) for session in sessions_of(project)]
    assert found == [(newest, "codex"), (middle, "claude-code"), (oldest, "claude-code")]


def test_sessions_of_other_folders_and_of_sub_agents_are_left_out(project: Path) -> None:
    twin = project.parent / "my-project"
    claude_code(project, "twin.jsonl", twin, 1_000)
    claude_code(project, "agent-1.jsonl", project, 1_000)
    codex(project, "2026/05/04", twin, 1_000)
    assert sessions_of(project) == []


def test_a_linked_folder_has_the_sessions_of_either_name(project: Path) -> None:
    link = project.parent / "link"
    link.symlink_to(project)
    named = codex(project, "2026/05/04", link, 2_000)
    real = claude_code(project, "a.jsonl", project, 1_000)
    assert [session.path for session in sessions_of(link)] == [named, real]


def test_where_no_agent_was_ever_used_there_are_no_sessions(project: Path) -> None:
    assert sessions_of(project) == []
