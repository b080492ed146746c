from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from pisama import Config, ConfigError, Level, Suppression, load_config
from pisama.config import Watching
from pisama.detectors import BUILT_IN
from pisama.output.config_reference import config_schema
from pisama.output.settings_toml import settings_toml
from pisama.selection import chosen
from pisama.settings import load_settings

EVERY_SETTING = """
select = ["loop", "tool_error"]
ignore = ["tool_error"]
min_severity = "medium"
min_confidence = 0.5
fail_on = "critical"
plugins = false
baseline = "known.json"

[options.loop]
min_repeats = 4
same_words = 0.8

[[suppress]]
detector = "loop.identical"
path = "old/**"
fingerprint = "0123456789abcdef"
reason = "Accepted \\"for now\\"."
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "a" / "b").mkdir(parents=True)
    return tmp_path


def test_every_setting_is_read_from_a_file(project: Path) -> None:
    (project / "pisama.toml").write_text(EVERY_SETTING)
    rule = Suppression(
        detector="loop.identical", path="old/**", fingerprint="0123456789abcdef", reason='Accepted "for now".'
    )
    assert load_config(project / "a") == Config(
        select=frozenset({"loop", "tool_error"}),
        ignore=frozenset({"tool_error"}),
        min_severity=Level.MEDIUM,
        min_confidence=0.5,
        fail_on=Level.CRITICAL,
        plugins=False,
        baseline=project / "known.json",
        suppress=(rule,),
        options={"loop": {"min_repeats": 4, "same_words": 0.8}},
        folder=project,
    )


def test_the_nearest_file_counts_and_pisama_toml_comes_first(project: Path) -> None:
    (project / "pisama.toml").write_text("min_confidence = 0.1")
    (project / "a" / "pyproject.toml").write_text("[tool.pisama]\nmin_confidence = 0.2")
    (project / "a" / "b" / "pyproject.toml").write_text("[tool.other]\nmin_confidence = 0.3")
    assert load_config(project / "a" / "b").min_confidence == 0.2
    (project / "a" / "pisama.toml").write_text("min_confidence = 0.4")
    assert load_config(project / "a" / "b").min_confidence == 0.4
    assert load_config(project).min_confidence == 0.1


def test_a_flag_goes_before_the_environment_and_that_before_the_file(project: Path) -> None:
    file = project / "pisama.toml"
    file.write_text(
        'min_confidence = 0.1\nmin_severity = "info"\nfail_on = "low"\n[options.loop]\nmin_repeats = 9'
    )
    settings = load_settings(
        project,
        environment={"PISAMA_MIN_SEVERITY": "medium", "PISAMA_FAIL_ON": "medium", "HOME": "/root"},
        flags={"fail_on": "critical", "select": None, "options": {"loop": {"retry_limit": 7}}},
    )
    config = settings.config
    assert (config.min_confidence, config.min_severity, config.fail_on) == (0.1, Level.MEDIUM, Level.CRITICAL)
    assert config.options == {"loop": {"min_repeats": 9, "retry_limit": 7}}
    assert settings.origins == {
        "min_confidence": str(file),
        "min_severity": "PISAMA_MIN_SEVERITY",
        "fail_on": "--fail-on",
        "options.loop.min_repeats": str(file),
        "options.loop.retry_limit": "--option",
    }


def test_what_is_made_without_a_check_is_what_a_check_makes(tmp_path: Path) -> None:
    config = load_settings(tmp_path, environment={}).config
    assert config == Config()
    assert config.model_dump() == Config().model_dump()
    assert chosen(config)[: len(BUILT_IN)] == tuple(kind() for kind in BUILT_IN)


def test_a_command_without_settings_does_not_build_what_would_check_them(tmp_path: Path) -> None:
    asked = (
        "import sys\n"
        "from pisama.cli import app\n"
        "app(['analyze', '-'], standalone_mode=False)\n"
        "from pisama.config import Config\n"
        "print(Config.__pydantic_complete__, file=sys.stderr)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", asked],
        cwd=tmp_path,
        input='[{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hello"}]',
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.stderr == "False\n", run.stdout


def test_the_environment_holds_lists_truth_values_and_options(project: Path) -> None:
    environment = {
        "PISAMA_SELECT": "loop, tool_error",
        "PISAMA_PLUGINS": "0",
        "PISAMA_OPTIONS__LOOP__MIN_REPEATS": "4",
    }
    config = load_settings(project, environment=environment).config
    assert config.select == frozenset({"loop", "tool_error"})
    assert config.plugins is False
    assert [detector.model_dump()["min_repeats"] for detector in chosen(config) if detector.id == "loop"] == [
        4
    ]


def test_a_file_can_be_named_and_all_of_them_left_out(project: Path) -> None:
    (project / "pisama.toml").write_text("min_confidence = 0.1")
    other = project / "a" / "other.toml"
    other.write_text("min_confidence = 0.9")
    assert load_settings(project, environment={"PISAMA_CONFIG": str(other)}).config.min_confidence == 0.9
    assert load_settings(project, file=other, environment={}).config.min_confidence == 0.9
    isolated = load_settings(project, isolated=True, environment={"PISAMA_MIN_CONFIDENCE": "0.2"})
    assert isolated.config == Config()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("min_severty = 1", "unknown setting 'min_severty', did you mean 'min_severity'?"),
        ("folder = '/'", "unknown setting 'folder'"),
        (
            "min_severity = 'awful'",
            "min_severity: Input should be 'info', 'low', 'medium', 'high' or 'critical'",
        ),
        ("min_confidence = 2", "min_confidence: Input should be less than or equal to 1"),
        ("[[suppress]]\ndetector = 'loop'", "suppress.0.reason: Field required"),
        (
            "[[suppress]]\nreason = 'x'",
            "suppress.0: Value error, says neither detector nor path nor fingerprint",
        ),
        (
            "[[suppress]]\nreson = 'x'",
            "suppress.0.reson: Extra inputs are not permitted, did you mean 'reason'?",
        ),
        (
            "[[suppress]]\nreason = ''\npath = 'x'",
            "suppress.0.reason: String should have at least 1 character",
        ),
        ("[options]\nloop = 4", "options.loop is not a table"),
        (
            "[watch]\nmax_step = 4",
            "watch.max_step: Extra inputs are not permitted, did you mean 'max_steps'?",
        ),
        ("[watch]\nmax_steps = 0", "watch.max_steps: Input should be greater than or equal to 1"),
        ("options = 4", "options: Input should be a valid dictionary"),
        ("not toml", "not TOML"),
    ],
)
def test_what_a_file_says_wrong_is_an_error_of_one_line_that_names_it(
    project: Path, text: str, reason: str
) -> None:
    file = project / "pisama.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=re.escape(reason)) as raised:
        load_config(project)
    assert str(raised.value).startswith(f"{file}: ")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[options.lop]\nx = 1", "there is no detector 'lop', did you mean 'loop'?"),
        ("[options.loop]\nmin_repeat = 4", "detector loop, option 'min_repeat': "),
        (
            "[options.loop]\nmin_repeats = 'four'",
            "detector loop, option 'min_repeats': Input should be a valid integer",
        ),
        ("[[suppress]]\ndetector = 'lop'\nreason = 'x'", "there is no detector 'lop', did you mean 'loop'?"),
        (
            "[[suppress]]\ndetector = 'loop.identcal'\nreason = 'x'",
            "detector loop has no signal 'identcal', did you mean 'identical'?",
        ),
    ],
)
def test_options_and_suppressions_are_checked_against_the_detectors(
    project: Path, text: str, reason: str
) -> None:
    (project / "pisama.toml").write_text(text)
    with pytest.raises(ConfigError, match=re.escape(reason)):
        chosen(load_config(project))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (
            "PISAMA_MIN_SEVERTY",
            "PISAMA_MIN_SEVERTY: unknown setting 'min_severty', did you mean 'min_severity'?",
        ),
        ("PISAMA_SUPPRESS", "PISAMA_SUPPRESS: set it in a file"),
        (
            "PISAMA_OPTIONS__LOOP",
            "PISAMA_OPTIONS__LOOP: set it in a file, or one option as PISAMA_OPTIONS__LOOP__MIN",
        ),
    ],
)
def test_a_name_in_the_environment_that_is_no_setting_is_an_error(
    project: Path, name: str, reason: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(reason)):
        load_settings(project, environment={name: "1"})


def test_limits_of_watching_come_from_all_doors(project: Path) -> None:
    (project / "pisama.toml").write_text("[watch]\nmax_steps = 4\nmax_tokens = 9\nstop_on = 'high'\n")
    settings = load_settings(
        project, environment={"PISAMA_WATCH__MAX_TOKENS": "8"}, flags={"watch": {"stop_on": "loop"}}
    )
    assert settings.config.watch == Watching(max_steps=4, max_tokens=8, stop_on="loop")
    assert settings.origins["watch.max_tokens"] == "PISAMA_WATCH__MAX_TOKENS"


def test_a_broken_file_of_another_tool_is_not_our_error(project: Path) -> None:
    (project / "pyproject.toml").write_text("not toml")
    assert load_config(project) == Config()


def test_what_is_shown_of_the_settings_gives_the_same_settings_again(project: Path) -> None:
    (project / "pisama.toml").write_text(EVERY_SETTING)
    settings = load_settings(project, environment={})
    shown = settings_toml(settings.config, settings.origins)
    assert f"min_repeats = 4  # {project / 'pisama.toml'}" in shown
    (project / "pisama.toml").write_text(shown)
    assert load_config(project) == settings.config


@pytest.mark.parametrize(
    ("text", "is_valid"),
    [
        (EVERY_SETTING, True),
        ("", True),
        ("min_severty = 1", False),
        ("folder = '/'", False),
        ("[options.loop]\nmin_repeat = 4", False),
        ("[options.loop]\nmin_repeats = 'four'", False),
        ("[options.of_another_package]\nx = 4", True),
        ("[[suppress]]\ndetector = 'loop'", False),
        ("[watch]\nmax_cost = 0.5", True),
        ("[watch]\nmax_costs = 0.5", False),
    ],
)
def test_the_json_schema_takes_what_is_taken(text: str, is_valid: bool) -> None:
    schema = config_schema(BUILT_IN)
    Draft202012Validator.check_schema(schema)
    assert Draft202012Validator(schema).is_valid(tomllib.loads(text)) is is_valid
