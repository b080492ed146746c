"""The baseline and the suppressions of the configuration, through `analyze` and the command line."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import pisama
from pisama import Config, ConfigError, Suppression
from pisama.baseline import Entry, read_baseline, write_baseline
from pisama.report import Stale
from tests.output.reports import CLAIM, FAILED

PROGRAM = Path(sys.executable).with_name("pisama")
EXAMPLES = Path(__file__).parent.parent / "examples"
CLAIMED, REPEATED = "hallucination", "loop"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "traces" / "old").mkdir(parents=True)
    shutil.copy(EXAMPLES / "failing-tool.messages.json", tmp_path / "traces" / "old" / "run.json")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=False)


def types(path: str, *rules: Suppression) -> tuple[list[str], list[tuple[str, ...]]]:
    (trace,) = pisama.analyze(path, config=Config(suppress=rules)).traces
    gone: list[tuple[str, ...]] = [(item.issue.type, item.by, item.reason) for item in trace.suppressed]
    return [issue.type for issue in trace.issues], gone


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        ({"detector": "loop"}, True),
        ({"detector": "loop.failing"}, True),
        ({"detector": "loop.cycle"}, False),
        ({"detector": "loop", "path": "run.json"}, True),
        ({"detector": "loop", "path": "*.json"}, True),
        ({"detector": "loop", "path": "traces"}, True),
        ({"detector": "loop", "path": "old"}, True),
        ({"detector": "loop", "path": "traces/"}, True),
        ({"detector": "loop", "path": "traces/*/run.json"}, True),
        ({"detector": "loop", "path": "traces/**/run.json"}, True),
        ({"detector": "loop", "path": "**/old/*.json"}, True),
        ({"detector": "loop", "path": "/traces/old/r?n.json"}, True),
        ({"detector": "loop", "path": "traces/*.json"}, False),
        ({"detector": "loop", "path": "old/run.json"}, False),
        ({"detector": "loop", "path": "un.json"}, False),
        ({"detector": "loop", "path": "run.jso"}, False),
        ({"detector": "loop", "path": "run[.]json"}, False),
        ({"detector": "loop", "fingerprint": "0" * 16}, False),
    ],
)
def test_a_suppression_takes_out_what_all_its_parts_hold_for(
    project: Path, rule: dict[str, str], holds: bool
) -> None:
    kept, gone = types("traces/old/run.json", Suppression(**rule, reason="known"))
    expected = ([CLAIMED], [(REPEATED, "rule", "known")]) if holds else ([CLAIMED, REPEATED], [])
    assert (kept, gone) == expected


def test_one_issue_can_be_suppressed_by_its_fingerprint(project: Path) -> None:
    worst, _ = pisama.analyze("traces/old/run.json").issues
    rule = Suppression(fingerprint=worst.fingerprint, reason="known")
    assert types("traces/old/run.json", rule) == ([REPEATED], [(CLAIMED, "rule", "known")])


def test_a_run_of_which_all_failures_are_left_out_has_no_cause(project: Path) -> None:
    assert pisama.analyze("traces").attribution is not None
    rule = Suppression(path="traces", reason="known")
    assert pisama.analyze("traces", config=Config(suppress=(rule,))).attribution is None


def test_paths_are_relative_to_the_folder_of_the_configuration(project: Path) -> None:
    (project / "traces" / "pisama.toml").write_text('[[suppress]]\npath = "old/run.json"\nreason = "old"\n')
    config = pisama.load_config(project / "traces" / "old")
    assert pisama.analyze("traces/old/run.json", config=config).issues == ()


def test_what_is_in_the_baseline_passes_and_what_is_new_fails(project: Path) -> None:
    wrote = run("baseline", "traces", "--select", "loop")
    assert (wrote.returncode, wrote.stdout) == (0, "")
    assert wrote.stderr == "pisama: 1 entry written to .pisama-baseline.json\n"
    flags = ("--baseline", ".pisama-baseline.json")
    known = run("analyze", "traces", "--select", "loop", *flags)
    assert known.returncode == 0
    assert "suppressed      1 issue: 1 by the baseline" in known.stdout
    new = run("analyze", "traces", "--format", "json", *flags)
    assert new.returncode == 1
    found = json.loads(new.stdout)
    assert [issue["type"] for issue in found["issues"]] == [CLAIMED]
    assert (found["traces"][0]["suppressed"], found["stale"]) == (1, [])


def test_the_baseline_holds_for_the_same_failure_in_another_run(project: Path) -> None:
    report = pisama.analyze("traces/old/run.json")
    write_baseline(project / "known.json", report)
    shutil.copy(EXAMPLES / "failing-tool.messages.json", project / "other.json")
    again = pisama.analyze("other.json", config=Config(baseline=Path("known.json")))
    assert (again.issues, len(again.traces[0].suppressed), again.stale) == ((), 2, ())


def test_an_entry_is_stale_when_its_trace_was_examined_and_does_not_show_it(project: Path) -> None:
    report = pisama.analyze("traces/old/run.json")
    write_baseline(project / "known.json", report)
    config = Config(baseline=Path("known.json"))
    shutil.copy(EXAMPLES / "healthy.messages.json", "traces/old/run.json")
    stale = tuple(
        Stale(issue.fingerprint, issue.type, "traces/old/run.json", issue.summary) for issue in report.issues
    )
    assert pisama.analyze("traces", config=config).stale == stale
    only_loop = config.model_copy(update={"select": frozenset({"loop"})})
    assert pisama.analyze("traces", config=only_loop).stale == stale[1:]
    assert pisama.analyze(EXAMPLES / "healthy.messages.json", config=config).stale == ()
    assert (
        "stale           2 entries of the baseline are no longer found"
        in run("analyze", "traces", "--baseline", "known.json").stdout
    )


def test_what_is_hidden_by_a_threshold_is_not_stale(project: Path) -> None:
    write_baseline(project / "known.json", pisama.analyze("traces"))
    config = Config(baseline=Path("known.json"), min_confidence=1.0)
    assert pisama.analyze("traces", config=config).stale == ()


def test_reasons_that_people_wrote_are_kept_and_shown(project: Path) -> None:
    file = project / "known.json"
    assert write_baseline(file, FAILED) == 2
    value = json.loads(file.read_text())
    assert value["issues"][0]["fingerprint"] == CLAIM.fingerprint
    value["issues"][0]["reason"] = "The service is being replaced."
    file.write_text(json.dumps(value))
    write_baseline(file, FAILED)
    assert read_baseline(file).entries[0] == Entry(
        fingerprint=CLAIM.fingerprint,
        type="hallucination",
        summary=CLAIM.summary,
        reason="The service is being replaced.",
    )
    assert [path.name for path in project.glob("known*")] == ["known.json"]


@pytest.mark.parametrize("old", [["0123456789abcdef"], {"schema": 1, "fingerprints": ["0123456789abcdef"]}])
def test_a_baseline_of_schema_1_is_read_and_written_anew_as_the_current_one(
    project: Path, old: object
) -> None:
    file = project / "known.json"
    file.write_text(json.dumps(old))
    assert read_baseline(file).entries == (Entry(fingerprint="0123456789abcdef"),)
    write_baseline(file, FAILED)
    assert json.loads(file.read_text())["schema"] == 2


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "not JSON"),
        ("3", "not a baseline; `pisama baseline FILE` writes one"),
        ("{}", "not a baseline; `pisama baseline FILE` writes one"),
        ('{"schema": 99, "issues": []}', "a baseline of schema 99, which this version does not know"),
        ('{"schema": 2}', "not a baseline: it has no list of issues"),
        ('{"schema": 2, "issues": [{"fingerprint": "xyz"}]}', "not a baseline: issues.0.fingerprint: "),
    ],
)
def test_what_is_no_baseline_is_an_error_and_is_not_overwritten(
    project: Path, content: str, reason: str
) -> None:
    file = project / "known.json"
    file.write_text(content)
    with pytest.raises(ConfigError, match=re.escape(reason)):
        pisama.analyze("traces", config=Config(baseline=file))
    with pytest.raises(ConfigError):
        write_baseline(file, FAILED)
    assert file.read_text() == content


def test_a_missing_baseline_is_a_usage_error_of_one_line(project: Path) -> None:
    done = run("analyze", "traces", "--baseline", "absent.json")
    assert (done.returncode, done.stderr) == (2, "pisama: absent.json: No such file or directory\n")


def test_a_baseline_of_a_folder_with_unreadable_input_says_so(project: Path) -> None:
    (project / "traces" / "broken.json").write_text("{ not json")
    done = run("baseline", "traces", "-o", "known.json")
    assert done.returncode == 3
    assert len(json.loads((project / "known.json").read_text())["issues"]) == 2
