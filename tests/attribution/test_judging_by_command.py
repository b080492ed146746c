"""Asking a model from the command line: `pisama analyze --attribute`, in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.attribution.judging import (
    CLAUDE,
    HERONS,
    PROGRAM,
    answer,
    environment,
    pisama,
    run,
    written,
)
from tests.watch.provider import HANG, serving

ISSUE = {
    "kind": "made_up_source",
    "step": 2,
    "summary": "Counter names no source.",
    "quote": "as typically estimated",
    "severity": "high",
    "confidence": 0.9,
    "recommendation": "Have Counter name its source.",
}
MODEL = ("--model", CLAUDE, "--escalate", "always")


@dataclass(frozen=True)
class Session:
    """What a user does one after another: a dry run, a run, the same again, a dry run."""

    before: subprocess.CompletedProcess[str]
    first: subprocess.CompletedProcess[str]
    again: subprocess.CompletedProcess[str]
    after: subprocess.CompletedProcess[str]
    requests: tuple[int, ...]
    """Calls that the provider had got after each."""
    reports: dict[str, str]
    """Of the run, by format."""


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    folder = tmp_path_factory.mktemp("session")
    files = written(folder, one=HERONS, two=run("I count 4,882 herons, as typically estimated."))
    formats = {name: folder / f"report.{name}" for name in ("json", "sarif", "junit", "github", "markdown")}
    also = [part for name, path in formats.items() for part in ("--also", f"{name}={path}")]
    done: list[subprocess.CompletedProcess[str]] = []
    requests: list[int] = []
    with serving(answer(issues=[ISSUE])) as provider:
        asking = (*files, *MODEL, "--base-url", provider.url, "--tier", "llm")
        bounds = ("--dry-run", "--max-cost", "0.05", "--max-traces", "1")
        for more in (bounds, also, (), ("--dry-run",)):
            done.append(pisama(folder / "cache", *asking, *more))
            requests.append(len(provider.requests))
    reports = {name: path.read_text() for name, path in formats.items()}
    before, first, again, after = done
    return Session(before, first, again, after, tuple(requests), reports)


def test_only_the_run_itself_calls_the_model(session: Session) -> None:
    assert session.requests == (0, 2, 2, 2)


def test_a_dry_run_says_what_asking_would_take(session: Session) -> None:
    assert (session.before.returncode, session.before.stderr) == (0, "")
    lines = session.before.stdout.splitlines()
    assert lines[0].split() == ["trace", "tokens", "in", "out", "at", "most", "at", "most"]
    each = [line.split() for line in lines[1:3]]
    assert [(line[0][-8:], line[2], line[4]) for line in each] == [
        ("one.json", "4,000", "USD"),
        ("two.json", "4,000", "USD"),
    ]
    tokens = [int(line[1].replace(",", "")) for line in each]
    # 2 and 10 USD for a million tokens in and out.
    cost = (2 * sum(tokens) + 10 * 8_000) / 1_000_000
    assert [float(line[3]) for line in each] == [
        pytest.approx((2 * each + 40_000) / 1_000_000, abs=1e-4) for each in tokens
    ]
    assert lines[3:] == [
        "",
        f"{CLAUDE}: 2 calls for 2 of 2 traces, {sum(tokens):,} tokens in, estimated from the length, "
        f"at most 8,000 out, at most {cost:.4f} USD.",
        "An answer that cannot be true of its trace takes a second call. Nothing was sent.",
        "max_cost is 0.05 USD: no call is made that could take the cost above it.",
        "max_traces is 1: no more traces than that are sent.",
    ]


def test_a_dry_run_knows_what_was_answered_before(session: Session) -> None:
    lines = session.after.stdout.splitlines()
    assert [line.split()[1:] for line in lines[1:3]] == [["answered", "before"]] * 2
    assert ": 0 calls for 2 of 2 traces, 0 tokens in, " in lines[4]


def test_a_run_says_who_and_when_and_what_it_took_and_a_rerun_costs_nothing(session: Session) -> None:
    assert session.first.returncode == session.again.returncode == 1
    assert session.first.stdout == session.again.stdout
    words = " ".join(session.first.stdout.split())
    assert "most likely cause: Counter at step 2, because Nobody gave it these figures." in words
    assert f"(confidence 0.80, says {CLAUDE}; next " in words
    assert "high made_up_source Counter, step 2 · severity 70, confidence 0.90 · tier llm" in words
    answered = f"pisama: {CLAUDE}: 2 of 2 traces answered, 100 tokens in, 20 out"
    assert session.first.stderr == f"{answered}, 0.000400 USD\n"
    assert session.again.stderr == f"{answered}, 0.0000 USD; 2 of 2 answers were kept from before\n"


def test_every_format_tells_the_tier(session: Session) -> None:
    report: dict[str, Any] = json.loads(session.reports["json"])
    tiers = {issue["type"]: issue["tier"] for issue in report["issues"]}
    assert tiers["made_up_source"] == "llm"
    found = report["attribution"]
    assert (found["tier"], found["agent"], found["step"], found["cited"]) == ("llm", "Counter", 2, [1, 2])
    usage = {
        "model": CLAUDE,
        "calls": 1,
        "input_tokens": 50,
        "output_tokens": 10,
        "cost": 0.0002,
        "estimated": False,
        "cached": 0,
    }
    assert found["usage"] == usage
    assert report["judged"] == {
        "usage": {**usage, "calls": 2, "input_tokens": 100, "output_tokens": 20, "cost": 0.0004},
        "asked": 2,
        "answered": 2,
        "sure": 0,
        "spent": 0.0004,
        "notes": [],
        "interrupted": False,
    }
    (log,) = json.loads(session.reports["sarif"])["runs"]
    assert {result["ruleId"]: result["properties"]["tier"] for result in log["results"]} == tiers
    assert set(tiers.values()) == {"llm", "heuristic"}
    assert 'name="made_up_source"' in session.reports["junit"]
    assert "made_up_source (high%2C confidence 0.90%2C tier llm)" in session.reports["github"]
    assert "tier llm: a model says so" in session.reports["markdown"]


def test_a_budget_that_is_used_up_is_said_and_the_rest_goes_without_a_model(tmp_path: Path) -> None:
    files = written(tmp_path, **{f"run{number}": run(f"I count {number} herons.") for number in range(3)})
    with serving(answer()) as provider:
        done = pisama(tmp_path, *files, *MODEL, "--base-url", provider.url, "--max-cost", "0.01")
        assert provider.requests == []
    (line,) = done.stderr.splitlines()
    assert line.startswith(
        f"pisama: 3 of 3 without {CLAUDE}: max_cost is 0.01 USD, 0.000000 are spent, and one more call may cost 0.04"
    )
    assert done.stdout.count("most likely cause: ") == 3


def test_an_interrupt_keeps_what_was_answered(tmp_path: Path) -> None:
    files = written(tmp_path, one=HERONS, two=run("I count 4,882 herons."))
    with serving(answer(), HANG) as provider:
        command = [*PROGRAM, "analyze", "--attribute", *map(str, files), *MODEL, "--base-url", provider.url]
        env = environment(tmp_path)
        process = subprocess.Popen(
            [*command, "--format", "json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
        )
        assert provider.hung.wait(60)
        # The one that is not held back has been sent its answer; it is read before the signal is looked at.
        while not list(tmp_path.glob("pisama/answers/*.json")):
            os.sched_yield()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    report = json.loads(out)
    tiers = {trace["attribution"]["tier"]: trace["attribution"] for trace in report["traces"]}
    assert set(tiers) == {"llm", "heuristic"}
    assert tiers["heuristic"]["note"] == f"without {CLAUDE}: interrupted"
    assert report["judged"]["interrupted"] is True
    assert err.splitlines()[-1] == "pisama: interrupted: the report has what was answered until then"
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--model", CLAUDE), "--model goes with --attribute, which asks a model"),
        (("--max-cost", "1"), "--max-cost goes with --attribute, which asks a model"),
        (("--dry-run",), "--dry-run goes with --attribute, which asks a model"),
        (("--attribute",), "--attribute asks a model: say which, as --model PROVIDER:NAME"),
        (
            ("--attribute", "--model", "claude"),
            "model: 'claude' is not PROVIDER:NAME, for example anthropic:claude-sonnet-5",
        ),
    ],
)
def test_wrong_usage_is_one_line(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    (file,) = written(tmp_path, one=HERONS)
    done = subprocess.run(
        [*PROGRAM, "analyze", file, *arguments], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"pisama: {message}\n")


def test_a_missing_key_is_one_line(tmp_path: Path) -> None:
    (file,) = written(tmp_path, one=HERONS)
    env = {name: value for name, value in environment(tmp_path).items() if name != "ANTHROPIC_API_KEY"}
    done = subprocess.run(
        [*PROGRAM, "analyze", file, "--attribute", *MODEL],
        capture_output=True,
        text=True,
        check=False,
        env=env,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"pisama: model {CLAUDE}: Set the `ANTHROPIC_API_KEY` environment variable")
    assert done.stderr.count("\n") == 1


def test_a_missing_extra_is_one_line_that_names_it(tmp_path: Path) -> None:
    (file,) = written(tmp_path, one=HERONS)
    program = "import sys; sys.modules['pydantic_ai'] = None; from pisama.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "analyze", file, "--attribute", *MODEL],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "pisama: asking a model needs the extra llm: pip install 'pisama[llm]'\n"


def test_a_file_of_settings_chooses_the_model_but_neither_asks_it_nor_says_where_it_is(
    tmp_path: Path,
) -> None:
    (file,) = written(tmp_path, one=HERONS)
    settings = tmp_path / "pisama.toml"
    settings.write_text(f'model = "{CLAUDE}"\nescalate = "always"\ntier = "llm"\nmax_cost = inf\n')
    with serving(answer()) as provider:
        env = environment(tmp_path, PISAMA_BASE_URL=provider.url)

        def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
            command = [*PROGRAM, "analyze", *arguments]
            return subprocess.run(command, capture_output=True, text=True, check=False, env=env, cwd=tmp_path)

        assert analyze(str(file)).stderr == ""
        assert provider.requests == []
        assert f"{CLAUDE}: 1 of 1 trace answered" in analyze(str(file), "--attribute").stderr
        assert len(provider.requests) == 1
        shown = analyze("--show-config").stdout
        assert "max_cost = inf  # " in shown
        settings.write_text('base_url = "http://elsewhere.example"\n')
        refused = analyze(str(file), "--attribute")
    assert refused.returncode == 2
    assert refused.stderr == (
        f"pisama: {settings}: base_url is no setting of a file; say --base-url, or PISAMA_BASE_URL\n"
    )


def test_an_analysis_without_a_model_loads_nothing_for_one(tmp_path: Path) -> None:
    (file,) = written(tmp_path, one=HERONS)
    program = (
        "import sys, pisama; pisama.analyze(sys.argv[1]); "
        "print(*(name for name in sys.modules if name.split('.')[0] in "
        "('pydantic_ai', 'genai_prices', 'platformdirs', 'openai', 'anthropic', 'google', 'asyncio')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, file], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.split() == []
