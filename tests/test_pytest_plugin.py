"""The pytest plugin as installed, in runs of pytest of their own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as Xml

import numpy as np  # noqa: F401 - runs inside this process forget what they import, and numpy loads only once
import pytest

pytest_plugins = ["pytester"]

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    for name in ("failing-tool", "healthy"):
        shutil.copy(EXAMPLES / f"{name}.messages.json", pytester.path / f"{name}.json")
    pytester.makeini("[pytest]\naddopts = --strict-markers\n")
    return pytester


def run(project: pytest.Pytester, tests: str, *arguments: str) -> tuple[int, str]:
    (project.path / "test_agent.py").write_text(tests)
    done = project.runpytest_inprocess(
        "-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", *arguments
    )
    return int(done.ret), f"{done.stdout}\n{done.stderr}"


def test_a_trace_with_failures_fails_the_test_and_says_why(project: pytest.Pytester) -> None:
    tests = """
def test_books(pisama):
    report = pisama.check("failing-tool.json")
    assert [issue.type for issue in report.issues][:2] == ["hallucination", "loop"]
    pisama.assert_no_issues()
"""
    code, told = run(project, tests)
    assert code == 1
    assert "critical hallucination step 14 [" in told
    assert "fix: " in told
    assert "1 failed" in told


def test_what_a_trace_says_controls_no_terminal_and_no_runner(project: pytest.Pytester) -> None:
    tests = """
CALL = {"id": "c", "type": "function", "function": {"name": "\\x1b[2J::add-mask::x\\n##[add-path]y", "arguments": "{}"}}
TURN = [{"role": "assistant", "content": "", "tool_calls": [CALL]}, {"role": "tool", "tool_call_id": "c", "content": "Error: no"}]

def test_hostile(pisama):
    pisama.check([{"role": "user", "content": "Go"}, *TURN * 6])
    pisama.assert_no_issues(level="low")
"""
    code, told = run(project, tests, "--tb=short")
    assert code == 1
    assert "[2J::add-mask::x #·[add-path]y" in told
    assert "\x1b[2J" not in told
    assert not [line for line in told.splitlines() if line.lstrip().startswith("::") or "##[" in line]


def test_a_healthy_trace_and_what_is_ignored_or_below_the_level_pass(project: pytest.Pytester) -> None:
    tests = """
def test_healthy(pisama):
    pisama.check("healthy.json")
    pisama.assert_no_issues(level="info")

def test_ignored(pisama):
    serious = {issue.type for issue in pisama.check("failing-tool.json").issues if issue.severity >= 60}
    pisama.assert_no_issues(ignore=serious)

def test_one_fingerprint(pisama):
    (worst, *_) = pisama.check("failing-tool.json").issues
    pisama.assert_no_issues(level="critical", ignore=[worst.fingerprint])

def test_decoded(pisama):
    pisama.check([{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hello! What can I do?"}])
    pisama.assert_no_issues()
"""
    code, told = run(project, tests)
    assert code == 0
    assert "4 passed" in told


def test_what_was_not_examined_is_not_clean(project: pytest.Pytester) -> None:
    tests = """
def test_nothing(pisama):
    pisama.assert_no_issues()

def test_unreadable(pisama):
    pisama.check("absent.json")
    pisama.assert_no_issues()
"""
    _, told = run(project, tests)
    assert "no trace was checked: call pisama.check(trace) first" in told
    assert "not readable: absent.json" in told
    assert "2 failed" in told


def test_the_marker_asserts_when_the_test_is_done(project: pytest.Pytester) -> None:
    tests = """
import pytest

@pytest.mark.pisama(level="critical")
def test_marked(pisama):
    pisama.check("failing-tool.json")

@pytest.mark.pisama(level="critical", ignore=["hallucination"])
def test_excused(pisama):
    pisama.check("failing-tool.json")

@pytest.mark.pisama
def test_without_the_fixture():
    pass
"""
    _, told = run(project, tests)
    assert "FAILED test_agent.py::test_marked" in told
    assert "needs a test that takes the fixture `pisama`" in told
    assert "2 failed, 1 passed" in told


def test_a_detector_that_does_not_exist_is_a_mistake_with_a_suggestion(project: pytest.Pytester) -> None:
    tests = """
def test_misspelt(pisama):
    pisama.check("healthy.json")
    pisama.assert_no_issues(ignore=["lop"])
"""
    assert "there is no detector 'lop', did you mean 'loop'?" in run(project, tests)[1]


def test_the_settings_of_the_project_hold(project: pytest.Pytester) -> None:
    (project.path / "pisama.toml").write_text('fail_on = "critical"\nignore = ["hallucination"]\n')
    tests = """
def test_books(pisama):
    pisama.check("failing-tool.json")
    pisama.assert_no_issues()
"""
    assert run(project, tests)[0] == 0


@pytest.mark.parametrize("name", ["report.json", "report.xml"])
def test_the_report_holds_all_that_was_checked(project: pytest.Pytester, name: str) -> None:
    tests = """
def test_one(pisama):
    pisama.check("failing-tool.json")

def test_other(pisama):
    pisama.check("healthy.json")
"""
    assert run(project, tests, "--pisama-report", name)[0] == 0
    text = (project.path / name).read_text()
    if name.endswith("json"):
        assert [trace["verdict"] for trace in json.loads(text)["traces"]] == ["failed", "nothing found"]
    else:
        assert len(Xml.fromstring(text)) == 2  # noqa: S314 - written above


def test_a_report_of_no_known_format_is_a_usage_error(project: pytest.Pytester) -> None:
    code, told = run(project, "def test_nothing(): pass", "--pisama-report", "report.pdf")
    assert code == 4
    assert "use one of the extensions .json, " in told


def test_the_plugin_is_light_at_import() -> None:
    program = "import sys, pytest, pisama.pytest_plugin; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    heavy = {"pydantic", "numpy", "rapidfuzz", "rich", "orjson", "mcp", "typer", "pisama.api", "pisama.trace"}
    assert heavy & set(done.stdout.split()) == set()
