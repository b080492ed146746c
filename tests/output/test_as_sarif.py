import json
from dataclasses import replace

from pisama.detectors import BUILT_IN
from pisama.output.as_sarif import render
from pisama.report import Report, Suppressed
from pisama.trace import Span
from tests.output.reports import CLAIM, EMPTY, REPEAT, TRACE, trace_report


def test_a_result_has_its_place_its_evidence_and_its_fingerprint() -> None:
    (run,) = json.loads(render(Report((trace_report(CLAIM),))))["runs"]
    (result,) = run["results"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == [kind.id for kind in BUILT_IN]
    place = {
        "physicalLocation": {"artifactLocation": {"uri": "run.jsonl"}, "region": {"startLine": 7}},
    }
    nowhere = {"physicalLocation": {"artifactLocation": {"uri": "stdin"}, "region": {"startLine": 1}}}
    said = "Step 3: It is booked. (the claim)"
    failed = "Step 2: payment service unavailable (the last result of book_flight)"
    assert result == {
        "ruleId": "hallucination",
        "ruleIndex": rules.index("hallucination"),
        "level": "error",
        "message": {
            "text": "“It is booked.” is claimed although book_flight failed. Let the agent report failure."
        },
        "locations": [place],
        "partialFingerprints": {"primaryLocationLineHash": "0123456789abcdef:1"},
        "codeFlows": [
            {
                "threadFlows": [
                    {
                        "locations": [
                            {"executionOrder": 1, "location": {**nowhere, "message": {"text": said}}},
                            {"executionOrder": 2, "location": {**nowhere, "message": {"text": failed}}},
                        ]
                    }
                ]
            }
        ],
        "properties": {
            "trace": "run-1",
            "signal": "false_success",
            "agent": "booker",
            "step": 3,
            "span": None,
            "severity": 85,
            "confidence": 0.9,
            "fault": "agent",
            "tier": "heuristic",
        },
    }


def test_a_span_that_names_its_code_puts_the_result_there() -> None:
    span = Span(
        "ab12", None, "search", attributes={"code.file.path": "app/my tools.py", "code.line.number": 12}
    )
    trace = replace(TRACE, spans=(span,))
    (run,) = json.loads(render(Report((trace_report(REPEAT, trace=trace),))))["runs"]
    (result,) = run["results"]
    assert result["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "app/my%20tools.py"},
                "region": {"startLine": 12},
            }
        }
    ]


def test_what_a_baseline_took_out_is_there_but_suppressed() -> None:
    report = replace(trace_report(REPEAT), suppressed=(Suppressed(CLAIM, "rule", "known"),))
    (run,) = json.loads(render(Report((report,))))["runs"]
    assert [(result["ruleId"], result.get("suppressions")) for result in run["results"]] == [
        ("loop", None),
        ("hallucination", [{"kind": "external", "justification": "known"}]),
    ]


def test_input_that_could_not_be_read_is_a_notification_of_a_failed_run() -> None:
    (run,) = json.loads(render(EMPTY))["runs"]
    assert run["invocations"] == [
        {
            "executionSuccessful": False,
            "toolExecutionNotifications": [
                {
                    "level": "error",
                    "message": {"text": "not JSON: line 1, column 1"},
                    "locations": [
                        {
                            "physicalLocation": {
                                "artifactLocation": {"uri": "broken.json"},
                                "region": {"startLine": 1},
                            }
                        }
                    ],
                }
            ],
        }
    ]
