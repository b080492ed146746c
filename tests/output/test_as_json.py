import json

from pisama.output.as_json import ReportShape, render
from tests.output.reports import FAILED, SEVERAL


def test_an_issue_has_the_promised_names() -> None:
    assert json.loads(render(FAILED))["issues"][0] == {
        "trace": "run-1",
        "type": "hallucination",
        "signal": "false_success",
        "summary": "“It is booked.” is claimed although book_flight failed.",
        "severity": 85,
        "level": "critical",
        "confidence": 0.9,
        "recommendation": "Let the agent report failure.",
        "fault": "agent",
        "tier": "heuristic",
        "agent": "booker",
        "step": 3,
        "span_id": None,
        "at": {"path": "run.jsonl", "line": 7, "pointer": "/steps/3"},
        "evidence": [
            {"step": 3, "call": None, "quote": "It is booked.", "note": "the claim"},
            {
                "step": 2,
                "call": 0,
                "quote": "payment service unavailable",
                "note": "the last result of book_flight",
            },
        ],
        "fingerprint": "0123456789abcdef",
    }


def test_a_trace_says_how_far_it_could_be_examined() -> None:
    assert json.loads(render(FAILED))["traces"] == [
        {
            "id": "run-1",
            "format": "transcript",
            "at": None,
            "task": "Book a flight.",
            "agents": ["planner", "booker"],
            "complete": True,
            "outcome": None,
            "verdict": "failed",
            "fault": "agent",
            "totals": {
                "steps": 4,
                "calls": 2,
                "failed_calls": 1,
                "input_tokens": 300,
                "output_tokens": 30,
                "cost": 0.0125,
                "seconds": 1.5,
            },
            "tools": [
                {"name": "search_flights", "calls": 1, "failed": 0, "unknown": 0, "last_error": ""},
                {
                    "name": "book_flight",
                    "calls": 1,
                    "failed": 1,
                    "unknown": 0,
                    "last_error": "payment service unavailable",
                },
            ],
            "attribution": None,
            "ran": ["loop", "hallucination"],
            "skipped": [
                {"detector": "overflow", "reason": "the trace does not record times"},
                {"detector": "retrieval", "reason": "the trace does not record times"},
            ],
            "crashed": [],
            "hidden": 1,
            "covered": 0,
            "suppressed": 0,
        }
    ]


def test_what_could_not_be_read_stands_beside_what_was() -> None:
    report = json.loads(render(SEVERAL))
    assert report["schema"] == 1
    assert [trace["verdict"] for trace in report["traces"]] == ["failed", "nothing found", "suspect"]
    assert report["errors"] == [
        {
            "at": {"path": "broken.json", "line": 1, "pointer": ""},
            "reason": "not JSON: line 1, column 1",
            "fatal": True,
        }
    ]


def test_the_shape_has_a_json_schema() -> None:
    schema = ReportShape.model_json_schema(mode="serialization")
    assert set(schema["required"]) >= {"schema", "issues", "traces", "errors"}
