"""`pisama watch` around real programs, with a scripted provider on loopback."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.watch.provider import HANG, RESET, Failure, Turn, serving
from tests.watch.running import PROGRAMS, WATCH, environment, issues_of, program, spans_in, watch

LISTING: Turn = {"name": "list_files", "arguments": {"path": "/data"}}
GIVEN_UP = "There is no folder /data, so there is nothing to count."


def needs_node() -> None:
    node = shutil.which("node")
    asked = [node or "", "-e", "require.resolve('openai', {paths: [process.argv[1]]})", str(PROGRAMS)]
    if node is None or subprocess.run(asked, capture_output=True, check=False).returncode:
        pytest.skip("node or its package openai is not there: npm install openai, and NODE_PATH")


@pytest.mark.parametrize(
    "command",
    [
        program("with_openai"),
        program("with_openai", "stream"),
        program("with_anthropic"),
        ("node", str(PROGRAMS / "with_openai.cjs")),
    ],
    ids=["openai", "openai streaming", "anthropic streaming", "openai on Node"],
)
def test_a_loop_is_told_and_the_command_stopped_before_two_further_calls(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    if command[0] == "node":
        needs_node()
    trail = tmp_path / "trail.jsonl"
    with serving(LISTING) as provider:
        done = watch("--stop-on", "high", "--save", trail, "--", *command, env=environment(provider.url))
    told = [line for line in done.stderr.splitlines() if line.startswith("pisama: high loop")]
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(told) == 1
    # The fourth failure makes it high, which the fifth call brings; a seventh is never made.
    assert len(provider.requests) <= 6
    assert "pisama: the command was stopped: high loop" in done.stderr


def test_a_loop_is_told_while_the_command_runs() -> None:
    with serving(*[LISTING] * 6, HANG) as provider:
        running = subprocess.Popen(
            [*WATCH, "--no-save", "--", *program("with_openai")],
            env=environment(provider.url),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert running.stderr is not None
        told = next(line for line in running.stderr if " loop at step " in line)
        assert provider.hung.wait(60)
        assert running.poll() is None
        provider.release.set()
        running.communicate(timeout=60)
    assert "list_files was called" in told


def test_the_saved_file_says_the_same_as_the_report(tmp_path: Path) -> None:
    trail, report = tmp_path / "trail.jsonl", tmp_path / "report.json"
    with serving(*[LISTING] * 6, GIVEN_UP) as provider:
        done = watch(
            *("--save", trail, "--format", "json", "--output", report, "--", *program("with_openai")),
            env=environment(provider.url),
        )
    found = [issue["fingerprint"] for issue in json.loads(report.read_text())["issues"]]
    assert (done.stdout, done.returncode) == (f"{GIVEN_UP}\n", 1)
    assert found == issues_of(trail) != []


def test_the_report_is_written_in_every_form_that_is_asked_for(tmp_path: Path) -> None:
    also = [f"--also={name}={tmp_path / name}" for name in ("json", "sarif", "markdown")]
    with serving(*[LISTING] * 4, GIVEN_UP) as provider:
        done = watch("--no-save", *also, "--", *program("with_openai"), env=environment(provider.url))
    assert "list_files was called 4 times" in done.stderr
    assert "was called 4 times" in (tmp_path / "markdown").read_text()
    assert json.loads((tmp_path / "json").read_text())["issues"][0]["type"] == "loop"
    assert json.loads((tmp_path / "sarif").read_text())["runs"][0]["results"][0]["ruleId"].startswith("loop")


def test_a_form_or_a_detector_that_there_is_not_is_wrong_usage_before_anything_runs() -> None:
    for options in (("--also", "pdf=x"), ("--select", "lop"), ("--stop-on", "hihg")):
        done = watch("--no-save", *options, "--", sys.executable, "-c", "print('it ran')")
        assert (done.returncode, done.stdout) == (2, "")


def test_calls_at_the_same_time_and_of_programs_the_command_starts_are_all_recorded(tmp_path: Path) -> None:
    trail = tmp_path / "trail.jsonl"
    code = (
        "import asyncio, openai, subprocess, sys\n"
        "client = openai.AsyncOpenAI()\n"
        "async def ask(n):\n"
        "    asked = [{'role': 'user', 'content': f'Question {n}'}]\n"
        "    await client.chat.completions.create(model='gpt-4o-mini', messages=asked)\n"
        "async def main(): await asyncio.gather(*map(ask, range(8)))\n"
        "sys.stdin.close()\n"
        "if sys.argv[1:]: asyncio.run(main())\n"
        "else:\n"
        "    asyncio.run(main())\n"
        "    subprocess.run([sys.executable, '-c', f'CODE = {CODE!r}\\n{CODE}', 'inner'], check=True)\n"
    )
    code = f"CODE = {code!r}\n{code}"
    with serving("Fine.") as provider:
        done = watch("--save", trail, "--", sys.executable, "-c", code, env=environment(provider.url))
    calls = [span for span in spans_in(trail) if span["name"].startswith("chat ")]
    assert (done.returncode, len(calls), len(provider.requests)) == (0, 16, 16)
    assert len({span["traceId"] for span in calls}) == 16


def test_what_a_command_leaves_running_does_not_keep_us(tmp_path: Path) -> None:
    code = (
        "import openai, os, sys, time\n"
        "asked = [{'role': 'user', 'content': 'Hello'}]\n"
        "openai.OpenAI().chat.completions.create(model='gpt-4o-mini', messages=asked)\n"
        "if os.fork(): os._exit(5)\n"
        "os.setsid()\n"
        "for number in range(3): os.close(number)\n"
        "time.sleep(60)\n"
        "open(sys.argv[1], 'w')\n"
    )
    late = tmp_path / "late"
    with serving("Hello.") as provider:
        done = watch("--no-save", "--", sys.executable, "-c", code, late, env=environment(provider.url))
    assert (done.returncode, late.exists()) == (5, False)
    assert "1 step" in done.stderr


def test_a_healthy_program_behaves_as_without_us(tmp_path: Path) -> None:
    with serving("Hello yourself.") as provider:
        code = (
            "import openai, os, sys\n"
            "client = openai.OpenAI()\n"
            "asked = [{'role': 'user', 'content': sys.stdin.read()}]\n"
            "answer = client.chat.completions.create(model='gpt-4o-mini', messages=asked)\n"
            "print(answer.choices[0].message.content, os.getcwd() == sys.argv[1])\n"
            "print('to the other stream', file=sys.stderr)\n"
            "sys.exit(7)\n"
        )
        done = watch(
            *("--no-save", "--", sys.executable, "-c", code, str(Path.cwd())),
            stdin=b"Say hello.",
            env=environment(provider.url),
        )
    assert (done.stdout, done.returncode) == ("Hello yourself. True\n", 7)
    assert "to the other stream\n" in done.stderr
    assert provider.requests[0]["messages"] == [{"role": "user", "content": "Say hello."}]
    assert provider.paths == ["/v1/chat/completions"]
    assert provider.headers[0]["host"] == provider.url.removeprefix("http://")
    assert provider.headers[0]["authorization"] == "Bearer sk-proj-0123456789abcdefghijklmn"


@pytest.mark.parametrize(
    ("failure", "seen"),
    [
        (Failure(429), "RateLimitError 429 scripted failure 429\n"),
        (Failure(500), "InternalServerError 500 scripted failure 500\n"),
        (RESET, "APIConnectionError ReadError\n"),
        (HANG, "APITimeoutError ReadTimeout\n"),
    ],
    ids=["429", "500", "reset", "hang"],
)
def test_the_program_sees_the_failures_of_the_provider_as_they_are(
    failure: Failure, seen: str, tmp_path: Path
) -> None:
    trail = tmp_path / "trail.jsonl"
    with serving(failure) as provider:
        env = environment(provider.url)
        alone = subprocess.run(program("failing"), env=env, capture_output=True, text=True, check=True)
        done = watch("--save", trail, "--", *program("failing"), env=env)
    assert alone.stdout == done.stdout == seen
    call = spans_in(trail)[0]
    assert call["status"]["code"] == 2


def test_keys_are_never_written_and_secrets_are_redacted_unless_kept(tmp_path: Path) -> None:
    code = (
        "import openai\n"
        "asked = [{'role': 'user', 'content': 'The database is at postgres://app:hunter22@db/main'}]\n"
        "openai.OpenAI().chat.completions.create(model='gpt-4o-mini', messages=asked)\n"
    )
    trails = [tmp_path / "redacted.jsonl", tmp_path / "kept.jsonl"]
    with serving("I see.") as provider:
        env = environment(provider.url)
        watch("--save", trails[0], "--", sys.executable, "-c", code, env=env)
        watch("--save", trails[1], "--keep-secrets", "--", sys.executable, "-c", code, env=env)
    redacted, kept = (trail.read_text() for trail in trails)
    assert "hunter22" not in redacted
    assert "hunter22" in kept
    assert "sk-proj" not in redacted + kept


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        (("--max-steps", "3"), "3 steps reach the limit of 3"),
        (("--max-tokens", "150"), "180 tokens reach the limit of 150"),
        (("--max-cost", "0.00001"), "$0.0000 reach the limit of $0.0000"),
        (("--timeout", "0.5"), "0.5 seconds have passed"),
    ],
)
def test_limits_stop_the_command_and_say_why(option: tuple[str, str], reason: str) -> None:
    with serving(LISTING) as provider:
        done = watch("--no-save", *option, "--", *program("with_openai"), env=environment(provider.url))
    assert "the command was stopped: " in done.stderr
    if option[0] != "--timeout":
        assert done.returncode == 1
        assert f"the command was stopped: {reason}" in done.stderr
        assert len(provider.requests) <= 4


def test_nothing_captured_is_said_loudly() -> None:
    done = watch("--no-save", "--", sys.executable, "-c", "print('no model here')")
    assert done.stdout == "no model here\n"
    assert done.returncode == 3
    assert "NOTHING WAS CAPTURED" in done.stderr
    assert "proxy: anthropic, gemini, openai" in done.stderr
    assert "pip install 'pisama[watch]'" in done.stderr


def test_a_command_that_does_not_exist_is_an_error_of_its_own() -> None:
    done = watch("--no-save", "--", "no-such-program")
    assert (done.stdout, done.returncode) == ("", 127)
    assert done.stderr == "pisama: no-such-program: No such file or directory\n"


def test_what_was_captured_survives_a_kill_of_either_side(tmp_path: Path) -> None:
    trail = tmp_path / "trail.jsonl"
    with serving(*[LISTING] * 5, HANG) as provider:
        running = subprocess.Popen(
            [*WATCH, "--save", trail, "--", *program("with_openai")],
            env=environment(provider.url),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert provider.hung.wait(60)
        running.send_signal(signal.SIGKILL)
        # The pipes end when the last process that holds them has gone: the command, whose provider is away.
        provider.release.set()
        running.communicate(timeout=60)
    calls = [span["attributes"]["gen_ai.output.messages"] for span in spans_in(trail)]
    assert [json.loads(call)[0]["parts"][0]["name"] for call in calls[:5]] == ["list_files"] * 5
    assert len(issues_of(trail)) == 1


def test_signals_reach_the_command_and_its_end_is_reported() -> None:
    with serving(LISTING, HANG) as provider:
        running = subprocess.Popen(
            [*WATCH, "--no-save", "--", *program("with_openai")],
            env=environment(provider.url),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert provider.hung.wait(60)
        running.send_signal(signal.SIGTERM)
        _, said = running.communicate(timeout=60)
    assert running.returncode == 128 + signal.SIGTERM
    assert "2 steps" in said


def test_a_command_that_is_killed_leaves_its_record_and_its_exit_code(tmp_path: Path) -> None:
    trail = tmp_path / "trail.jsonl"
    code = (
        "import openai, os, signal\n"
        "asked = [{'role': 'user', 'content': 'Say hello.'}]\n"
        "openai.OpenAI().chat.completions.create(model='gpt-4o-mini', messages=asked)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    with serving("Hello.") as provider:
        done = watch("--save", trail, "--", sys.executable, "-c", code, env=environment(provider.url))
    assert done.returncode == 128 + signal.SIGKILL
    assert [span["name"] for span in spans_in(trail)] == ["chat gpt-4o-mini"]
    assert "still being written" in done.stderr


def test_two_sessions_side_by_side_do_not_meet(tmp_path: Path) -> None:
    trails = [tmp_path / "one.jsonl", tmp_path / "two.jsonl"]
    with serving(LISTING, "One.") as one, serving(LISTING, "Two.") as two:
        running = [
            subprocess.Popen(
                [*WATCH, "--save", trail, "--", *program("with_openai")],
                env=environment(provider.url),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            for trail, provider in zip(trails, (one, two), strict=True)
        ]
        said = [each.communicate(timeout=120)[0] for each in running]
    assert said == ["One.\n", "Two.\n"]
    for trail in trails:
        assert len([span for span in spans_in(trail) if span["name"].startswith("chat ")]) == 2
