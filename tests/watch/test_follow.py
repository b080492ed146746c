"""Session files that grow, followed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import pisama
from pisama.config import Config
from pisama.report import LoadError, Report
from pisama.selection import chosen
from pisama.trace import Trace
from pisama.watch.counting import Counter
from pisama.watch.engine import Engine
from pisama.watch.follow import Followed
from tests.watch.running import WATCH, environment, watch
from tests.watch.session_files import WRITERS, Versions

PLAIN = Config(plugins=False)
DETECTORS = chosen(PLAIN)
EXAMPLE = Path(__file__).parents[2] / "examples" / "failing-tool.claude-code.jsonl"


def test_a_file_is_looked_at_again_only_when_a_line_has_come(tmp_path: Path) -> None:
    lines = EXAMPLE.read_bytes().splitlines(keepends=True)
    path = tmp_path / "session.jsonl"
    path.write_bytes(b"".join(lines[:5]))
    followed = Followed([str(path)], {})
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
    followed = Followed([str(tmp_path)], {old: old.stat().st_size})
    assert list(followed.grown()) == []
    (tmp_path / "new.jsonl").write_bytes(b"".join(lines))
    assert [file.path.name for file in followed.grown()] == ["new.jsonl"]


def test_the_window_of_a_short_file_is_all_of_it() -> None:
    file = next(Followed([str(EXAMPLE)], {}).grown())
    whole = [trace for trace in file.whole() if isinstance(trace, Trace)]
    assert [trace.steps for trace in file.window(24)] == [trace.steps for trace in whole]
    assert not any(isinstance(item, LoadError) for item in file.whole())


def test_a_path_where_nothing_is_is_a_problem_told(tmp_path: Path) -> None:
    followed = Followed([str(tmp_path / "absent.jsonl")], {})
    assert list(followed.grown()) == []
    assert followed.problems == (f"{tmp_path / 'absent.jsonl'}: nothing there to follow",)


def told(path: Path, versions: Versions, old: int = 0) -> tuple[list[str], Report, int]:
    """What is told while a file goes through its versions, the first of which are older; the report; the acts."""
    for version in versions[:old]:
        path.write_bytes(version)
    followed = Followed([str(path.parent)], {path: path.stat().st_size} if old else {})
    counter, last, engine = Counter(), None, None
    found: list[str] = []
    for version in versions[old:]:
        if len(version) > 9 + (path.stat().st_size if path.exists() else 0):
            path.write_bytes(version[:-9])
            list(followed.grown())
        path.write_bytes(version)
        for file in followed.grown():
            engine = engine or Engine(file, DETECTORS, PLAIN)
            found += [issue.type for issue, worse in engine.look() if not worse]
            acts = [step for trace in engine.latest for step in trace.steps]
            last = counter.add_acts(acts, file.before if last is None else last)
    assert engine is not None
    return found, engine.report(whole=True), counter.tally.steps


@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize("acts", [6, 60])
def test_a_session_of_every_agent_is_judged_as_it_grows(
    writer: tuple[str, Callable[[int], Versions]], acts: int, tmp_path: Path
) -> None:
    name, write = writer
    path = tmp_path / name
    found, report, counted = told(path, write(acts))
    assert found == ["loop"]
    assert counted == acts
    whole = pisama.analyze(path, config=PLAIN)
    assert [issue.fingerprint for issue in report.issues] == [issue.fingerprint for issue in whole.issues]


@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
def test_from_now_on_what_had_failed_before_is_neither_told_nor_counted(
    writer: tuple[str, Callable[[int], Versions]], tmp_path: Path
) -> None:
    name, write = writer
    versions = write(8)
    old = len(versions) - 2
    found, report, counted = told(tmp_path / name, versions, old)
    assert counted in (1, 2)
    # The loop goes on.
    assert found == ["loop"]
    assert "loop" in [issue.type for issue in report.issues]
    done = tmp_path / "done" / name
    done.parent.mkdir()
    over = [*versions, versions[-1] + b"\n"]
    found, report, counted = told(done, over, len(versions))
    assert (found, report.issues, counted) == ([], (), 0)
    assert [trace.suppressed[0].reason for trace in report.traces] == ["older than the watch"]


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


def test_a_file_that_appears_in_a_folder_is_followed_beside_a_command(tmp_path: Path) -> None:
    sessions = tmp_path / "sessions"
    day = sessions / "2026" / "02" / "03"
    day.mkdir(parents=True)
    name, write = WRITERS["Codex"]
    versions = write(6)
    (day / "rollout-old.jsonl").write_bytes(versions[-1])
    (tmp_path / "new.jsonl").write_bytes(versions[-1])
    code = (
        "import pathlib, sys\n"
        "lines = pathlib.Path(sys.argv[1]).read_bytes().splitlines(keepends=True)\n"
        "with open(sys.argv[2], 'ab', buffering=0) as session:\n"
        "    for line in lines: session.write(line)\n"
    )
    done = watch(
        *("--no-save", "--follow", sessions, "--format", "json", "--output", tmp_path / "report.json", "--"),
        *(sys.executable, "-c", code, tmp_path / "new.jsonl", day / name),
    )
    report = json.loads((tmp_path / "report.json").read_text())
    assert done.returncode == 1
    assert "pisama: " in done.stderr
    assert [trace["totals"]["steps"] for trace in report["traces"]] == [6]
    assert "loop" in [issue["type"] for issue in report["issues"]]


def test_a_followed_file_is_read_up_to_the_limits_that_were_set(tmp_path: Path) -> None:
    session = tmp_path / "session.jsonl"
    code = (
        "import pathlib, sys; pathlib.Path(sys.argv[2]).write_bytes(pathlib.Path(sys.argv[1]).read_bytes())"
    )
    longest = max(map(len, EXAMPLE.read_bytes().splitlines()))
    done = watch(
        *("--no-save", "--exit-zero", "--follow", session, "--limit", f"record={longest - 1}"),
        *("--format", "json", "--output", tmp_path / "report.json", "--"),
        *(sys.executable, "-c", code, EXAMPLE, session),
    )
    errors = json.loads((tmp_path / "report.json").read_text())["errors"]
    assert [f"a line of more than {longest - 1} bytes" in error["reason"] for error in errors] == [True], (
        done.stderr
    )


def test_nothing_to_watch_is_wrong_usage() -> None:
    done = watch()
    assert done.returncode == 2
    assert done.stderr == "pisama: there is nothing to watch: give a command, or files with --follow\n"
