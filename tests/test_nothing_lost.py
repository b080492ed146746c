"""What goes wrong around the program is one line on standard error and the right exit code, and destroys nothing."""

from __future__ import annotations

import errno
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pisama.baseline import read_baseline, write_baseline
from pisama.file_writing import replace_file
from pisama.output.as_json import render
from tests.output.reports import FAILED

PROGRAM = Path(sys.executable).with_name("pisama")
FAILING = Path(__file__).parent.parent / "examples" / "failing-tool.messages.json"

if sys.platform == "win32":
    pytest.skip("full disks and lost permissions are made with the means of POSIX", allow_module_level=True)


def run(*arguments: str | Path, before: Callable[[], None] | None = None) -> tuple[int, bytes, str]:
    done = subprocess.run(
        [PROGRAM, "analyze", "--isolated", *arguments],
        capture_output=True,
        check=False,
        preexec_fn=before,
    )
    return done.returncode, done.stdout, done.stderr.decode()


def disk_is_full() -> None:
    """No file of this process may grow beyond 512 bytes."""
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512))


@pytest.mark.parametrize("name", ["json", "jsonl", "sarif"])
def test_a_full_disk_leaves_the_old_report_as_it_was(name: str, tmp_path: Path) -> None:
    old = tmp_path / f"report.{name}"
    old.write_text("of yesterday")
    code, _, told = run(FAILING, "-f", name, "-o", old, before=disk_is_full)
    assert (code, told) == (2, f"pisama: {old}: File too large\n")
    assert old.read_text() == "of yesterday"
    assert list(tmp_path.iterdir()) == [old]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
@pytest.mark.parametrize(
    "arguments",
    [
        ("analyze", "--isolated", FAILING),
        ("analyze", "--isolated", FAILING, "-f", "jsonl"),
        ("analyze", "--isolated", "--show-config"),
        ("analyze", "--help"),
        ("detectors",),
        ("detectors", "loop"),
        ("formats",),
        ("--version",),
    ],
    ids=lambda arguments: " ".join(map(str, arguments)),
)
def test_standard_output_that_takes_no_more_is_told(arguments: tuple[str | Path, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([PROGRAM, *arguments], stdout=full, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (2, b"pisama: standard output: No space left on device\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_standard_error_that_takes_no_more_changes_no_exit_code(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        arguments: list[str | Path] = [
            PROGRAM,
            "analyze",
            "--isolated",
            FAILING,
            tmp_path / "gone.json",
            "-f",
            "json",
        ]
        done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=full, check=False)
    assert done.returncode == 3
    assert len(json.loads(done.stdout)["issues"]) == 2


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (("analyze", "loop", "-o", "report.txt"), 3, errno.ELOOP),
        (("analyze", FAILING, "-o", "loop"), 2, errno.ELOOP),
        (("analyze", FAILING, "-o", "loop", "-f", "jsonl"), 2, errno.EEXIST),
        (("baseline", FAILING, "-o", "loop"), 2, errno.ELOOP),
        (("analyze", FAILING, "--baseline", "loop"), 2, errno.ELOOP),
    ],
)
def test_links_that_go_in_circles_are_told_wherever_they_stand(
    arguments: tuple[str | Path, ...], code: int, problem: int, tmp_path: Path
) -> None:
    (tmp_path / "loop").symlink_to("loop")
    command = [PROGRAM, arguments[0], "--isolated", *arguments[1:]]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (code, f"pisama: loop: {os.strerror(problem)}\n")
    assert (tmp_path / "loop").is_symlink()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_baseline_is_not_read_from_the_device_it_is_written_to() -> None:
    done = subprocess.run(
        [PROGRAM, "baseline", "--isolated", FAILING, "-o", "/dev/full"], capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (2, b"pisama: /dev/full: No space left on device\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("analyze", "{trace}", "-f", "json", "-o", "{trace}"),
        ("analyze", "{trace}", "-f", "jsonl", "-o", "{link}"),
        ("analyze", "{folder}/tr*.json", "--also", "html={folder}/./trace.json"),
        ("stats", "{trace}", "-f", "csv", "-o", "{trace}"),
        ("stats", "{trace}", "--picture", "{link}"),
    ],
    ids=" ".join,
)
def test_a_trace_is_not_overwritten_by_what_is_said_about_it(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    trace, link = tmp_path / "trace.json", tmp_path / "link.svg"
    trace.write_bytes(FAILING.read_bytes())
    link.symlink_to(trace)
    given = [each.format(trace=trace, link=link, folder=tmp_path) for each in arguments]
    done = subprocess.run([PROGRAM, *given, "--isolated"], capture_output=True, check=False)
    assert done.returncode == 2
    assert done.stderr.endswith(b"it is read too, and would be lost; write to another file\n")
    assert trace.read_bytes() == FAILING.read_bytes()


def test_two_reports_do_not_go_to_one_file(tmp_path: Path) -> None:
    place = tmp_path / "report"
    code, _, told = run(FAILING, "-f", "json", "-o", place, "--also", f"html={place}")
    assert (code, told) == (
        2,
        f"pisama: {place}: it is written too, and would be lost; write to another file\n",
    )
    assert not place.exists()


@pytest.mark.parametrize("form", ["json", "jsonl"])
@pytest.mark.parametrize(("name", "code"), [(FAILING.name, 1), ("healthy.messages.json", 0)])
def test_a_reader_that_goes_away_changes_no_exit_code(name: str, code: int, form: str) -> None:
    files = f"{FAILING.with_name(name)} " * 60
    writing = f"{PROGRAM} analyze --isolated -f {form} {files}; echo $? >&2"
    done = subprocess.run(["sh", "-c", f"({writing}) | head -c 1"], capture_output=True, check=False)
    assert (done.stdout, done.stderr) == (b"{", f"{code}\n".encode())


def test_a_folder_that_is_not_there_or_is_a_file_cannot_hold_a_report(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place, why in (
        ("none/report.json", "No such file or directory"),
        ("file/report.json", "Not a directory"),
    ):
        code, _, told = run(FAILING, "-f", "json", "-o", tmp_path / place)
        assert (code, told) == (2, f"pisama: {tmp_path / place}: {why}\n")


@pytest.mark.skipif(
    not Path("/proc/self").exists(), reason="this system has no folder where nobody may write"
)
def test_a_folder_where_even_the_superuser_may_not_write_cannot_hold_a_report() -> None:
    code, _, told = run(FAILING, "-f", "json", "-o", "/proc/self/report.json")
    assert code == 2
    assert told == "pisama: /proc/self/report.json: No such file or directory\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_read_only_folder_cannot_hold_a_report(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    code, _, told = run(FAILING, "-f", "json", "-o", tmp_path / "report.json")
    assert (code, told) == (2, f"pisama: {tmp_path / 'report.json'}: Permission denied\n")


def test_a_file_that_vanishes_costs_one_line_and_the_others_are_examined(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(FAILING.read_bytes())
    (tmp_path / "gone.json").symlink_to(tmp_path / "nowhere.json")
    code, out, told = run(tmp_path / "a.json", tmp_path / "gone.json", "-f", "json")
    assert code == 3
    assert told == f"pisama: {tmp_path / 'gone.json'}: No such file or directory\n"
    assert len(json.loads(out)["issues"]) == 2


def test_a_name_that_is_no_text_is_shown_with_marks_for_its_bytes(tmp_path: Path) -> None:
    odd = os.fsencode(tmp_path) + b"/\xff.json"
    Path(os.fsdecode(odd)).write_bytes(FAILING.read_bytes())
    for name in ("json", "sarif", "junit", "markdown", "github", "jsonl"):
        code, out, told = run(tmp_path, "-f", name)
        assert (code, told) == (1, ""), name
        assert out.decode()


def test_a_report_goes_through_a_link_and_into_a_pipe_and_keeps_the_rights_of_the_file(
    tmp_path: Path,
) -> None:
    real, link = tmp_path / "real.json", tmp_path / "link.json"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    replace_file(link, b"new")
    assert link.is_symlink()
    assert (real.read_text(), real.stat().st_mode & 0o777) == ("new", 0o640)
    code, out, _ = run(FAILING, "-f", "json", "-o", "/dev/stdout")
    assert code == 1
    assert json.loads(out)["issues"]


def test_a_write_that_is_broken_off_leaves_no_trace_of_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "kept.json"
    kept.write_text("old")

    def interrupted(_handle: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        replace_file(kept, render(FAILED).encode())
    assert kept.read_text() == "old"
    assert list(tmp_path.iterdir()) == [kept]


def test_many_who_write_one_baseline_at_once_leave_a_whole_one(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    file = tmp_path / "baseline.json"
    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(lambda _: write_baseline(file, FAILED), range(40)))
    assert counts == [2] * 40
    assert len(read_baseline(file).entries) == 2
    assert list(tmp_path.iterdir()) == [file]
