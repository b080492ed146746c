"""What runs in the pipelines of others: the steps of action.yml, and the hook for pre-commit."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"]}


@pytest.fixture
def runner(tmp_path: Path) -> Path:
    """A folder as a runner has it, with the installed program where the action puts it."""
    programs = tmp_path / "temp" / "pisama" / "bin"
    programs.mkdir(parents=True)
    (programs / "pisama").symlink_to(Path(sys.executable).with_name("pisama"))
    for name in ("failing-tool", "healthy"):
        shutil.copy(ROOT / "examples" / f"{name}.messages.json", tmp_path / f"a {name}.json")
    return tmp_path


def step(
    runner: Path, name: str, **environment: str
) -> tuple[subprocess.CompletedProcess[str], dict[str, str]]:
    """Run a step of the action as the runner does, and return its outputs too."""
    files = {"GITHUB_OUTPUT": runner / "output", "GITHUB_STEP_SUMMARY": runner / "summary"}
    given = dict.fromkeys(STEPS[name].get("env", {}), "")
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS[name]["run"]],
        cwd=runner,
        env={
            **os.environ,
            **given,
            **{key: str(file) for key, file in files.items()},
            "RUNNER_TEMP": str(runner / "temp"),
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    output = files["GITHUB_OUTPUT"]
    lines = output.read_text().splitlines() if output.exists() else []
    return done, dict(line.split("=", 1) for line in lines)


def test_a_failing_trace_is_annotated_summed_up_and_handed_to_code_scanning(runner: Path) -> None:
    done, outputs = step(runner, "Analyze", INPUT_PATHS="a failing-tool.json\na healthy.json\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("::error file=a failing-tool.json,")
    results = json.loads(Path(outputs["sarif"]).read_text())["runs"][0]["results"]
    assert [result["ruleId"] for result in results] == ["hallucination", "loop"]
    assert (runner / "summary").read_text().startswith("## pisama\n")
    assert step(runner, "Fail on issues", STATUS=outputs["exit-code"])[0].returncode == 1


def test_a_clean_trace_passes(runner: Path) -> None:
    done, outputs = step(runner, "Analyze", INPUT_PATHS="a healthy.json")
    assert (done.returncode, outputs["exit-code"]) == (0, "0")
    assert step(runner, "Fail on issues", STATUS="0")[0].returncode == 0


def test_the_level_the_baseline_and_the_configuration_are_passed_on(runner: Path) -> None:
    (runner / "own.toml").write_text('ignore = ["hallucination"]\n')
    (runner / "known.json").write_text('{"schema": 2, "issues": []}')
    _, outputs = step(
        runner,
        "Analyze",
        INPUT_PATHS="a failing-tool.json",
        INPUT_FAIL_ON="critical",
        INPUT_BASELINE="known.json",
        INPUT_CONFIG="own.toml",
    )
    assert outputs["exit-code"] == "0"


def test_wrong_usage_fails_and_uploads_nothing(runner: Path) -> None:
    done, outputs = step(runner, "Analyze", INPUT_PATHS="a healthy.json", INPUT_FAIL_ON="awful")
    assert "awful" in done.stderr
    assert outputs == {"exit-code": "2"}


def test_a_path_is_never_taken_for_a_flag_or_a_command(runner: Path) -> None:
    done, outputs = step(runner, "Analyze", INPUT_PATHS="--version\n$(touch pwned)\n`touch pwned`")
    assert outputs["exit-code"] == "3"
    assert "pisama 0" not in done.stdout
    assert not (runner / "pwned").exists()


def test_no_step_pastes_an_input_into_its_script() -> None:
    assert [name for name, entry in STEPS.items() if "${{" in entry.get("run", "")] == []
    declared = set(ACTION["inputs"])
    used = set(re.findall(r"inputs\.([a-z-]+)", (ROOT / "action.yml").read_text()))
    assert used == declared


def test_the_hook_fails_on_a_trace_with_failures(runner: Path) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert hook["language"] == "python"
    program, *arguments = hook["entry"].split()
    command = [Path(sys.executable).with_name(program), *arguments]
    codes = [
        subprocess.run([*command, f"a {name}.json"], cwd=runner, capture_output=True, check=False).returncode
        for name in ("failing-tool", "healthy")
    ]
    assert codes == [1, 0]
    assert re.search(hook["files"], "tests/traces/run.json")
