"""The library, as `import pisama` offers it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import pisama

EXAMPLES = Path(__file__).parent.parent / "examples"
FAILING = EXAMPLES / "failing-tool.messages.json"


def _found(report: pisama.Report) -> list[tuple[str, str, int | None, str]]:
    return [(issue.type, issue.signal, issue.severity, issue.fingerprint) for issue in report.issues]


def test_a_run_gives_the_same_issues_as_genai_and_as_openinference_spans() -> None:
    genai = pisama.analyze(EXAMPLES / "failing-tool.genai.otlp.json")
    openinference = pisama.analyze(EXAMPLES / "failing-tool.openinference.otlp.json")
    assert genai.issues
    assert [(*found, issue.step) for found, issue in zip(_found(genai), genai.issues, strict=True)] == [
        (*found, issue.step) for found, issue in zip(_found(openinference), openinference.issues, strict=True)
    ]


def test_every_kind_of_source_gives_the_same_issues() -> None:
    text = FAILING.read_text()
    sources = (str(FAILING), FAILING, text, text.encode(), json.loads(text), pisama.load(FAILING).traces[0])
    assert len({tuple(_found(pisama.analyze(source))) for source in sources}) == 1


def test_an_issue_says_what_where_and_what_to_do() -> None:
    issue = pisama.analyze(FAILING).issues[0]
    assert issue.type == "hallucination"
    assert issue.level is pisama.Level.CRITICAL
    assert (issue.agent, issue.step) == ("assistant", 14)
    assert "is booked" in issue.evidence[0].quote
    assert issue.recommendation


def test_options_of_a_detector_can_be_set() -> None:
    quiet = pisama.Config(select=frozenset({"loop"}), options={"loop": {"min_repeats": 50}})
    assert "failing" not in {issue.signal for issue in pisama.analyze(FAILING, config=quiet).issues}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"loop": {"min_repeat": 2}},
            "detector loop, option 'min_repeat': Extra inputs are not permitted, did you mean 'min_repeats'?",
        ),
        ({"lopo": {}}, "there is no detector 'lopo', did you mean 'loop'?; `pisama detectors` lists them"),
    ],
)
def test_an_option_that_does_not_exist_is_named(options: dict[str, dict[str, object]], message: str) -> None:
    with pytest.raises(pisama.ConfigError) as raised:
        pisama.analyze(FAILING, config=pisama.Config.model_validate({"options": options}))
    assert str(raised.value) == message


def test_bad_input_is_in_the_report_and_raises_nothing(tmp_path: Path) -> None:
    report = pisama.analyze(tmp_path / "absent.json")
    assert report.traces == ()
    assert len(report.errors) == 1
    assert report.exit_code() == 3


def test_secrets_do_not_leave_in_an_issue() -> None:
    secret = "sk-ant-" + "a1B2" * 10
    trace = json.loads(FAILING.read_text().replace("payment service unavailable", f"key {secret} refused"))
    report = pisama.analyze(trace)
    assert report.issues
    assert secret not in repr(report.issues)
    assert secret not in repr(report.traces[0].tools)


def test_the_public_names_are_importable() -> None:
    for name in pisama.__all__:
        assert getattr(pisama, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = pisama.nothing
