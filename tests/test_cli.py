"""The command line, run as a user runs it: the installed program, in a process of its own."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pisama.version import __version__

PROGRAM = Path(sys.executable).with_name("pisama")
EXAMPLES = Path(__file__).parent.parent / "examples"
FAILING = (
    "failing-tool.genai.otlp.json",
    "failing-tool.openinference.otlp.json",
    "failing-tool.claude-code.jsonl",
    "failing-tool.messages.json",
    "failing-tool.messages.jsonl",
    "failing-tool.atif.json",
    "failing-tool.conversation.json",
)


def pisama(
    *arguments: str | Path, stdin: bytes | None = None, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [PROGRAM, *map(str, arguments)],
        input=stdin if stdin is not None else b"",
        capture_output=True,
        check=False,
        env={**os.environ, "COLUMNS": "100", **environment},
    )


def report(*arguments: str | Path, stdin: bytes | None = None) -> dict[str, list[dict[str, object]]]:
    done = pisama("analyze", "--format", "json", *arguments, stdin=stdin)
    assert done.stdout, done.stderr
    value: dict[str, list[dict[str, object]]] = json.loads(done.stdout)
    return value


def _serious(path: Path) -> set[object]:
    return {issue["type"] for issue in report(path)["issues"] if issue["level"] in ("high", "critical")}


@pytest.mark.parametrize("name", FAILING)
def test_six_failing_calls_and_a_false_success_are_found_in_every_format(name: str) -> None:
    done = pisama("analyze", EXAMPLES / name)
    assert done.returncode == 1
    assert done.stderr == b""
    found = {issue["type"]: issue for issue in report(EXAMPLES / name)["issues"]}
    assert {"loop", "hallucination"} <= _serious(EXAMPLES / name)
    assert "6" in str(found["loop"]["summary"]) or "six" in str(found["loop"]["summary"])
    tool = "python" if "conversation" in name else "book_flight"
    assert tool in str(found["loop"]["summary"])
    assert "is booked" in str(found["hallucination"]["evidence"])


@pytest.mark.parametrize("name", ["healthy.messages.json", "six-files.messages.json"])
def test_an_agent_that_does_it_right_raises_no_alarm(name: str) -> None:
    done = pisama("analyze", EXAMPLES / name)
    assert (done.returncode, done.stderr) == (0, b"")
    assert _serious(EXAMPLES / name) == set()


def test_the_same_trace_is_read_from_a_file_from_gzip_and_from_standard_input(tmp_path: Path) -> None:
    plain = EXAMPLES / "failing-tool.messages.json"
    packed = tmp_path / "trace.bin"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    prints = [
        [issue["fingerprint"] for issue in report(*given, stdin=stdin)["issues"]]
        for given, stdin in (((plain,), None), ((packed,), None), (("-",), plain.read_bytes()))
    ]
    assert prints[0]
    assert prints[0] == prints[1] == prints[2]


def test_one_unreadable_file_does_not_stop_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{ not json")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.json").write_bytes((EXAMPLES / "healthy.messages.json").read_bytes())
    done = pisama("analyze", tmp_path)
    assert done.returncode == 3
    assert len(done.stderr.decode().splitlines()) == 1
    assert str(tmp_path / "a.json") in done.stderr.decode()
    assert b"travel" in done.stdout or b"nothing found" in done.stdout.lower()


def test_a_pipe_in_a_folder_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "run.json").write_bytes((EXAMPLES / "healthy.messages.json").read_bytes())
    done = pisama("analyze", tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"hello, this is not a trace\n", "JSON"),
        (b'{"name": "package", "version": 3}', "version"),
        (b'{"messages": [{"role": "user", "content": "hi"}', "complete"),
        ('{"messages": []}'.encode("utf-16"), "UTF-16"),
        (b"[" * 5000 + b"]" * 5000, "deep"),
        (b"SQLite format 3\x00" + b"\x00" * 100, "SQLite"),
        (b"\x1f\x8b\x08garbage", "gzip"),
    ],
)
def test_what_cannot_be_read_is_one_line_with_exit_code_3(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    file = tmp_path / "input.json"
    file.write_bytes(content)
    done = pisama("analyze", file)
    assert done.returncode == 3
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith(f"pisama: {file}")
    assert reason in line


def test_a_missing_file_is_one_line_with_exit_code_3(tmp_path: Path) -> None:
    done = pisama("analyze", tmp_path / "absent.json")
    assert done.returncode == 3
    assert len(done.stderr.decode().splitlines()) == 1


def test_select_and_ignore_choose_detectors() -> None:
    trace = EXAMPLES / "failing-tool.messages.json"
    assert {issue["type"] for issue in report(trace, "--select", "loop,tool_error")["issues"]} <= {
        "loop",
        "tool_error",
    }
    assert "loop" not in {issue["type"] for issue in report(trace, "--ignore", "loop")["issues"]}


def test_an_unknown_detector_is_a_usage_error_with_a_suggestion() -> None:
    done = pisama("analyze", EXAMPLES / "healthy.messages.json", "--select", "lop")
    assert done.returncode == 2
    assert (
        done.stderr.decode()
        == "pisama: there is no detector 'lop', did you mean 'loop'?; `pisama detectors` lists them\n"
    )


def test_the_threshold_and_exit_zero_decide_the_exit_code() -> None:
    trace = EXAMPLES / "failing-tool.messages.json"
    assert pisama("analyze", trace, "--exit-zero").returncode == 0
    assert pisama("analyze", trace, "--select", "loop", "--fail-on", "critical").returncode == 0
    assert pisama("analyze", trace, "--fail-on", "info").returncode == 1


def test_hidden_issues_are_counted() -> None:
    trace = EXAMPLES / "failing-tool.messages.json"
    all_shown = report(trace, "--min-severity", "info", "--min-confidence", "0")
    none_shown = report(trace, "--min-confidence", "1")
    covered = all_shown["traces"][0]["covered"]
    assert isinstance(covered, int)
    assert none_shown["issues"] == []
    assert none_shown["traces"][0]["hidden"] == len(all_shown["issues"]) + covered


def test_the_report_can_be_written_to_a_file(tmp_path: Path) -> None:
    target = tmp_path / "report.json"
    done = pisama("analyze", EXAMPLES / "healthy.messages.json", "-f", "json", "-o", target)
    assert (done.returncode, done.stdout) == (0, b"")
    assert json.loads(target.read_text())["schema"] == 1


def test_an_output_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    done = pisama("analyze", EXAMPLES / "healthy.messages.json", "-o", tmp_path / "no" / "report.txt")
    assert done.returncode == 2
    assert len(done.stderr.decode().splitlines()) == 1


def test_every_detector_explains_itself() -> None:
    listed = pisama("detectors").stdout.decode().splitlines()
    assert len(listed) == 20
    page = pisama("detectors", "loop").stdout.decode()
    assert page.startswith("# loop\n")
    assert "## Fires on" in page
    done = pisama("detectors", "hallucinations")
    assert done.returncode == 2
    assert "did you mean 'hallucination'" in done.stderr.decode()


def test_formats_are_listed() -> None:
    text = pisama("formats").stdout.decode()
    assert "by lines with camel-case `sessionId` and `uuid`" in text
    listed = [line.split()[0] for line in text.splitlines() if line]
    assert {
        "otlp",
        "openinference-tree",
        "claude-code",
        "openai-chat",
        "anthropic",
        "atif",
        "conversation",
        "zip",
        "SQLite",
    } <= set(listed)


def test_a_closed_pipe_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [PROGRAM, "analyze", EXAMPLES / "failing-tool.messages.json", "--exit-zero"],
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writer)
    assert b"Traceback" not in done.stderr


def test_colour_follows_the_environment() -> None:
    trace = EXAMPLES / "healthy.messages.json"
    assert b"\x1b[" not in pisama("analyze", trace).stdout
    assert b"\x1b[" in pisama("analyze", trace, FORCE_COLOR="1").stdout
    assert b"\x1b[" not in pisama("analyze", trace, FORCE_COLOR="1", NO_COLOR="1").stdout


def test_one_run_can_write_several_formats(tmp_path: Path) -> None:
    trace = EXAMPLES / "failing-tool.messages.json"
    files = {name: tmp_path / name for name in ("sarif", "junit")}
    done = pisama(
        "analyze",
        trace,
        "-f",
        "github",
        *(flag for name in files for flag in ("--also", f"{name}={files[name]}")),
    )
    assert (done.returncode, done.stdout[:8]) == (1, b"::error ")
    assert json.loads(files["sarif"].read_text())["version"] == "2.1.0"
    assert files["junit"].read_text().startswith("<?xml")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("analyze",), "say which traces to analyse: files, folders, or - for standard input"),
        (("analyze", "x", "--also", "pdf=x.pdf"), "--also pdf=x.pdf: say it as FORMAT=FILE"),
        (("analyze", "x", "--option", "loop"), "--option loop: say it as ID.NAME=VALUE"),
        (("analyze", "x", "--option", "loop.min_repeat=3"), "did you mean 'min_repeats'?"),
        (("analyze", "x", "--config", "absent.toml"), "absent.toml: No such file or directory"),
        (("baseline", "x", "--select", "lop"), "did you mean 'loop'?"),
        (("mcp-server", "--config", "absent.toml"), "absent.toml: No such file or directory"),
    ],
)
def test_wrong_usage_is_one_line_with_exit_code_2(arguments: tuple[str, ...], reason: str) -> None:
    done = pisama(*arguments)
    (line,) = done.stderr.decode().splitlines()
    assert (done.returncode, done.stdout) == (2, b"")
    assert line.startswith("pisama: ")
    assert reason in line


def test_the_version_is_told_without_a_command() -> None:
    done = pisama("--version")
    assert (done.returncode, done.stdout.decode(), done.stderr) == (0, f"pisama {__version__}\n", b"")


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_the_package_runs_as_the_command_does(jobs: str) -> None:
    arguments = (
        "analyze",
        *(str(EXAMPLES / name) for name in FAILING),
        "--format",
        "markdown",
        "--jobs",
        jobs,
    )
    done = subprocess.run([sys.executable, "-m", "pisama", *arguments], capture_output=True, check=False)
    command = pisama(*arguments)
    assert command.returncode == 1
    assert (done.returncode, done.stdout, done.stderr) == (1, command.stdout, b"")


def test_the_settings_in_force_are_shown_with_where_they_come_from(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text("min_confidence = 0.6\n")
    done = pisama(
        "analyze", "--config", file, "--option", "loop.min_repeats=4", "--show-config", PISAMA_FAIL_ON="low"
    )
    assert done.stdout.decode() == (
        "# select is not set  # default\n"
        "ignore = []  # default\n"
        'min_severity = "low"  # default\n'
        f"min_confidence = 0.6  # {file}\n"
        'fail_on = "low"  # PISAMA_FAIL_ON\n'
        "detector_seconds = 60.0  # default\n"
        "plugins = true  # default\n"
        "# baseline is not set  # default\n"
        "# model is not set  # default\n"
        "# base_url is not set  # default\n"
        'tier = "heuristic"  # default\n'
        'escalate = "unsure"  # default\n'
        "max_cost = 1.0  # default\n"
        "# max_traces is not set  # default\n"
        "judge_timeout = 180.0  # default\n"
        "stream = false  # default\n"
        "cache = true  # default\n"
        "\n"
        "[limits]\n"
        'file = "512MB"  # default\n'
        'record = "512MB"  # default\n'
        'text = "64MB"  # default\n'
        "nesting = 1024  # default\n"
        "growth = 200  # default\n"
        "files = 200000  # default\n"
        "seconds = 600  # default\n"
        "\n"
        "[watch]\n"
        "# stop_on is not set  # default\n"
        "# max_cost is not set  # default\n"
        "# max_tokens is not set  # default\n"
        "# max_steps is not set  # default\n"
        "# timeout is not set  # default\n"
        "\n"
        "[options.loop]\n"
        "min_repeats = 4  # --option\n"
    )
