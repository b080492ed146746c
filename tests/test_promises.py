"""What others build on: names, exit codes, fingerprints and the shape of the JSON report do not change by accident."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pisama
from pisama.detectors import BUILT_IN
from pisama.output.config_reference import report_schema
from pisama.output.rendering import rendered
from pisama.report import Exit

EXAMPLES = Path(__file__).parent.parent / "examples"
IDS = (
    "completion context_neglect coordination corruption decomposition derailment grounding hallucination injection instruction "
    "loop malformed_output overflow persona_drift retrieval specification tool_error tool_misuse unexecuted_action withholding"
)
FINGERPRINTS = [
    ("hallucination", "claimed_after_error", "ea2d649b5d2f97e4"),
    ("loop", "failing", "3bd26219d2f6f8e2"),
]
ISSUE_KEYS = "trace type signal summary severity level confidence recommendation fault tier agent step span_id at evidence fingerprint"


def test_the_ids_of_the_detectors_stay() -> None:
    assert " ".join(sorted(kind.id for kind in BUILT_IN)) == IDS


def test_the_exit_codes_stay() -> None:
    assert {code.name: code.value for code in Exit} == {
        "CLEAN": 0,
        "ISSUES": 1,
        "USAGE": 2,
        "UNREADABLE": 3,
        "CRASHED": 4,
    }


def test_the_fingerprints_of_known_failures_stay() -> None:
    issues = pisama.analyze(EXAMPLES / "failing-tool.messages.json").issues
    assert [(issue.type, issue.signal, issue.fingerprint) for issue in issues] == FINGERPRINTS


def test_the_same_run_in_other_formats_has_the_same_fingerprints() -> None:
    names = ("failing-tool.messages.json", "failing-tool.messages.jsonl", "failing-tool.conversation.json")
    prints = [{issue.fingerprint for issue in pisama.analyze(EXAMPLES / name).issues} for name in names]
    assert prints[0] == prints[1]


def test_the_fields_of_an_issue_stay_and_may_only_be_added_to() -> None:
    (first, *_) = json.loads(rendered(pisama.analyze(EXAMPLES / "failing-tool.messages.json"), "json"))[
        "issues"
    ]
    assert set(ISSUE_KEYS.split()) <= set(first)


def test_a_change_of_the_json_report_is_a_decision() -> None:
    shape = json.dumps(_without_words(report_schema()), sort_keys=True)
    assert hashlib.sha256(shape.encode()).hexdigest()[:16] == "299f94d0a21a7bdf"


def _without_words(value: object) -> object:
    """The schema without its descriptions, which may be worded better."""
    if isinstance(value, dict):
        return {
            key: _without_words(inner) for key, inner in value.items() if key not in ("description", "title")
        }
    return [_without_words(item) for item in value] if isinstance(value, list) else value
