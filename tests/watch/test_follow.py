"""Session files that grow, followed."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest

from pisama.report import LoadError
from pisama.trace import Trace
from pisama.watch.captured import Start
from pisama.watch.follow import Followed
from tests.watch.running import WATCH, environment, watch

EXAMPLE = Path(__file__).parents[2] / "examples" / "failing-tool.claude-code.jsonl"


def test_a_file_is_looked_at_again_only_when_a_line_has_come(tmp_path: Path) -> None:
    lines = EXAMPLE.read_bytes().splitlines(keepends=True)
    path = tmp_path / "session.jsonl"
    path.write_bytes(b"".join(lines[:5]))
    followed = Followed([str(path)], None)
    assert [file.steps for file in followed.grown()] == [5]
    assert list(followed.grown()) == []
    with path.open("ab") as file:
        file.write(lines[5][:20])
    assert list(followed.grown()) == []
    with path.open("ab") as file:
        file.write(lines[5][20:] + lines[6])
    assert [file.steps for file in followed.grown()] == [7]


def test_from_now_on_only_what_is_added_counts(tmp_path: Path) -> None:
    lines = EXAMPLE.read_bytes().splitlines(keepends=True)
    old = tmp_path / "old.jsonl"
    old.write_bytes(b"".join(lines))
    followed = Followed([str(tmp_path)], Start.NOW)
    assert list(followed.grown()) == []
    (tmp_path / "new.jsonl").write_bytes(b"".join(lines))
    assert [file.path.name for file in followed.grown()] == ["new.jsonl"]


def test_the_window_of_a_short_file_is_all_of_it() -> None:
    file = next(Followed([str(EXAMPLE)], None).grown())
    whole = [trace for trace in file.whole() if isinstance(trace, Trace)]
    assert [trace.steps for trace in file.window(24)] == [trace.steps for trace in whole]
    assert not any(isinstance(item, LoadError) for item in file.whole())


def test_a_path_where_nothing_is_is_a_problem_told(tmp_path: Path) -> None:
    followed = Followed([str(tmp_path / "absent.jsonl")], None)
    assert list(followed.grown()) == []
    assert followed.problems == (f"{tmp_path / 'absent.jsonl'}: nothing there to follow",)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_session_is_judged_while_its_file_grows(number: int, tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    lines = EXAMPLE.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:3]))
    running = subprocess.Popen(
        [*WATCH, "--follow", path, "--format", "json", "--output", tmp_path / "report.json"],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with path.open("ab") as file:
        file.write(b"".join(lines[3:]))
    assert running.stderr is not None
    told = next(line for line in running.stderr if " loop" in line)
    running.send_signal(number)
    running.communicate(timeout=60)
    found = json.loads((tmp_path / "report.json").read_text())["issues"]
    assert "pisama: " in told
    assert "loop" in [issue["type"] for issue in found]
    assert running.returncode == 1


def test_nothing_to_watch_is_wrong_usage() -> None:
    done = watch()
    assert done.returncode == 2
    assert done.stderr == "pisama: there is nothing to watch: give a command, or files with --follow\n"
