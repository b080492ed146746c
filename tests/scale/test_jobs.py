"""Several processes: the same bytes as one, and what becomes of the rest when one of them dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

import pisama as library
from pisama.output import as_json
from tests.scale.made import EXAMPLES, command, deadly, environment, failing_line, many, pisama

CHEAP = ("--select", "loop,hallucination", "--isolated")


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A folder with one large file of many runs, several small files, and one that cannot be read."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    many(folder / "many.jsonl")
    for number in range(5):
        (folder / f"small-{number}.jsonl").write_text(failing_line(number) * 2)
    (folder / "bad.json").write_text("{ not json")
    (folder / "notes.md").write_text("# Notes\n")
    return folder


@pytest.mark.parametrize("form", ["jsonl", "text"])
def test_the_output_is_the_same_for_any_number_of_processes(mixed: Path, form: str) -> None:
    one, three = (
        pisama("analyze", mixed, EXAMPLES / "healthy.messages.json", "-f", form, "-j", jobs, *CHEAP)
        for jobs in ("1", "3")
    )
    assert (one.returncode, one.stderr) == (three.returncode, three.stderr)
    assert one.returncode == 3
    assert one.stdout == three.stdout
    assert one.stdout


def test_the_library_takes_jobs_too(mixed: Path) -> None:
    config = library.Config(select=frozenset({"loop"}), plugins=False)
    one, two = (as_json.render(library.analyze(mixed, config=config, jobs=jobs)) for jobs in (1, 2))
    assert one == two
    assert json.loads(one)["issues"]


@pytest.mark.parametrize(
    ("task", "how"),
    [
        ("EXIT now", "ended with exit code 7"),
        ("KILL it", "was ended by SIGKILL (exit code -9), as happens when memory runs out"),
    ],
)
def test_a_trace_that_kills_its_process_is_the_only_one_lost(tmp_path: Path, task: str, how: str) -> None:
    file = many(tmp_path / "many.jsonl", {40: task})
    done = pisama("analyze", file, "-f", "jsonl", "-j", "2", "--select", "deadly", installed=deadly(tmp_path))
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["trace"] for row in rows if row["kind"] == "trace"] == [
        f"run-{number}" for number in range(90) if number != 40
    ]
    (error,) = (row for row in rows if row["kind"] == "error")
    assert rows.index(error) == 80
    assert error["line"] == 41
    assert error["reason"] == f"the process that examined this trace {how}; it is lost"
    assert done.stderr == f"pisama: {file}:41: {error['reason']}\n"
    assert done.returncode == 3


def test_every_file_but_the_deadly_trace_survives_where_processes_read_files_themselves(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(4):
        many(folder / f"{number}.jsonl", {5: "EXIT"} if number == 1 else None, count=30)
    done = pisama(
        "analyze", folder, "-f", "jsonl", "-j", "2", "--select", "deadly", installed=deadly(tmp_path)
    )
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    found = [(Path(row["path"]).name, row["line"]) for row in rows if row["kind"] == "trace"]
    assert found == [(f"{n}.jsonl", m) for n in range(4) for m in range(1, 31) if (n, m) != (1, 6)]
    assert sum(row["kind"] == "error" for row in rows) == 1


def _interrupted(tmp_path: Path, jobs: str, *options: str | Path) -> subprocess.CompletedProcess[str]:
    """The program, with Ctrl-C once it waits in the 61st of 90 traces."""
    door = tmp_path / "door"
    os.mkfifo(door)
    file = many(tmp_path / "many.jsonl", {60: "WAIT"})
    started = subprocess.Popen(
        command("analyze", file, "-j", jobs, "--select", "deadly", *options),
        env=environment(deadly(tmp_path), DOOR=str(door)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert door.read_text() == "here"
    os.killpg(started.pid, signal.SIGINT)
    out, err = started.communicate()
    return subprocess.CompletedProcess(started.args, started.returncode, out, err)


def test_an_interrupt_keeps_what_is_done(tmp_path: Path) -> None:
    done = _interrupted(tmp_path, "2", "-f", "json")
    assert done.returncode == 130
    report = json.loads(done.stdout)
    kept = [int(trace["id"].removeprefix("run-")) for trace in report["traces"]]
    # The other process may have been in the middle of its share.
    assert len(kept) >= 30
    assert kept == sorted(set(kept) - {60})
    (error,) = report["errors"]
    assert error["reason"] == "interrupted; the rest was not examined"
    assert done.stderr == f"pisama: {error['at']['path']}: {error['reason']}\n"


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_folder_of_results_is_gone_on_with_where_it_was_interrupted(tmp_path: Path, jobs: str) -> None:
    out = tmp_path / "out"
    first = _interrupted(tmp_path, jobs, "-f", "jsonl", "-o", out)
    assert first.returncode == 130
    assert "the same command goes on from here" in first.stderr
    again = ("analyze", tmp_path / "many.jsonl", "-f", "jsonl", "--select", "deadly")
    second = pisama(*again, "-j", jobs, "-o", out, installed=tmp_path / "installed")
    new = int(second.stderr.split(" of them new")[0].split()[-1])
    # Of two processes the other may have been in the middle of its share.
    assert new == 30 if jobs == "1" else 30 <= new <= 60
    whole = tmp_path / "whole"
    assert pisama(*again, "-o", whole, installed=tmp_path / "installed").returncode == second.returncode
    for table in ("traces", "issues", "errors"):
        parts = sorted((out / table).iterdir())
        assert b"".join(map(Path.read_bytes, parts)) == (whole / table / "part-00000.jsonl").read_bytes()
    third = pisama(*again, "-j", jobs, "-o", out, installed=tmp_path / "installed")
    assert "0 of them new" in third.stderr


@pytest.mark.parametrize("jobs", ["0", "-1", "many", "9999"])
def test_a_number_of_jobs_that_makes_no_sense_is_wrong_usage(jobs: str) -> None:
    done = pisama("analyze", EXAMPLES / "healthy.messages.json", f"--jobs={jobs}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"pisama: --jobs {jobs}: say a number from 1 to 1024, or auto\n"
