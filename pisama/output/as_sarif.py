"""`--format sarif`: SARIF 2.1.0 for code scanning.

Kept within the limits GitHub documents for uploads: 25,000 results a run, 20 tags a rule, 1,000
locations a thread flow. A result stands at the line of the trace file, or at the line of code when the
span names one (`code.file.path`, `code.line.number` of the OpenTelemetry conventions).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import PurePath
from typing import TypeAlias
from urllib.parse import quote as percent_encoded

import orjson

from pisama.detectors import BUILT_IN
from pisama.detectors.base import Detector, measured_confidence
from pisama.issue import Issue, Level
from pisama.output.explain import explain
from pisama.redact import redact, redact_name
from pisama.report import Report, Suppressed
from pisama.trace import JSON, Location, Span, Trace
from pisama.unseen import visible_json
from pisama.version import __version__

SCHEMA_URI = "https://json.schemastore.org/sarif-2.1.0.json"
MAX_RESULTS = 25_000
MAX_FLOW = 1_000
MAX_TAGS = 20

Object: TypeAlias = dict[str, JSON]

_LEVELS = {
    Level.INFO: "note",
    Level.LOW: "note",
    Level.MEDIUM: "warning",
    Level.HIGH: "error",
    Level.CRITICAL: "error",
}
_PROBLEM = {"note": "recommendation", "warning": "warning", "error": "error"}
_PRECISIONS = ((0.9, "very-high"), (0.7, "high"), (0.5, "medium"), (0.0, "low"))


def render(report: Report) -> str:
    """The report as one SARIF log with one run, results worst first."""
    kinds = {kind.id: kind for kind in BUILT_IN}
    found = _results(report)
    used = dict.fromkeys(issue.type for _, issue, _ in found)
    ids = [*kinds, *(name for name in used if name not in kinds)]
    order = {name: number for number, name in enumerate(ids)}
    run: Object = {
        "tool": {
            "driver": {
                "name": "pisama",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": [_rule(kinds[name]) if name in kinds else {"id": name} for name in ids],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [
            _result(trace, issue, order, suppressed) for trace, issue, suppressed in found[:MAX_RESULTS]
        ],
        "invocations": [
            {
                "executionSuccessful": not report.errors
                and not any(trace.crashed for trace in report.traces),
                "toolExecutionNotifications": list(_notifications(report, len(found))),
            }
        ],
    }
    log = {"$schema": SCHEMA_URI, "version": "2.1.0", "runs": [run]}
    return visible_json(orjson.dumps(log, option=orjson.OPT_INDENT_2).decode()) + "\n"


def _results(report: Report) -> list[tuple[Trace, Issue, Suppressed | None]]:
    found: list[tuple[Trace, Issue, Suppressed | None]] = []
    for trace in report.traces:
        found += [(trace.trace, issue, None) for issue in trace.issues]
        found += [(trace.trace, suppressed.issue, suppressed) for suppressed in trace.suppressed]
    return sorted(found, key=lambda result: (result[2] is not None, -result[1].severity))


@cache
def _rule(kind: type[Detector]) -> Object:
    page = explain(kind)
    severity = max(signal.severity for signal in kind.signals.values())
    level = _LEVELS[Level.of(severity)]
    surest = max(
        measured_confidence(kind.id, name, signal.confidence) for name, signal in kind.signals.items()
    )
    return {
        "id": kind.id,
        "name": kind.__name__,
        "shortDescription": {"text": kind.title()},
        "fullDescription": {"text": kind.title()},
        "help": {"text": page, "markdown": page},
        "defaultConfiguration": {"level": level},
        "properties": {
            "tags": list[JSON](("agents", *kind.tags)[:MAX_TAGS]),
            "precision": next(word for floor, word in _PRECISIONS if surest >= floor),
            "problem.severity": _PROBLEM[level],
        },
    }


def _result(trace: Trace, issue: Issue, order: Mapping[str, int], suppressed: Suppressed | None) -> Object:
    code = _code_location(trace.spans, issue.span_id)
    own = _location(issue.at or trace.at)
    result: Object = {
        "ruleId": issue.type,
        "ruleIndex": order[issue.type],
        "level": _LEVELS[issue.level],
        "message": {"text": _words(f"{issue.summary} {issue.recommendation}")},
        "locations": [code or own],
        "partialFingerprints": {"primaryLocationLineHash": f"{issue.fingerprint}:1"},
        "codeFlows": [{"threadFlows": [{"locations": list(_flow(trace, issue))}]}],
        "properties": {
            "trace": redact_name(trace.id),
            "signal": issue.signal,
            "agent": redact_name(issue.agent) if issue.agent is not None else None,
            "step": issue.step,
            "span": redact_name(issue.span_id) if issue.span_id is not None else None,
            "severity": issue.severity,
            "confidence": issue.confidence,
            "fault": issue.fault,
            "tier": issue.tier,
        },
    }
    if code:
        result["relatedLocations"] = [own]
    if suppressed is not None:
        result["suppressions"] = [{"kind": "external", "justification": redact(suppressed.reason)}]
    return result


def _flow(trace: Trace, issue: Issue) -> Iterator[JSON]:
    for number, evidence in enumerate(issue.evidence[:MAX_FLOW]):
        step = trace.step(evidence.step) if evidence.step is not None else None
        place = f"Step {evidence.step}: " if evidence.step is not None else ""
        note = f" ({evidence.note})" if evidence.note else ""
        location = _location((step.at if step else None) or trace.at)
        location["message"] = {"text": _words(f"{place}{evidence.quote}{note}")}
        yield {"executionOrder": number + 1, "location": location}


def _words(text: str) -> str:
    """The words of a message, without secrets and links: SARIF has `[text](target)` in plain messages too (3.11.6)."""
    return redact(text).replace("](", "] (")


def _location(at: Location | None) -> Object:
    region: Object = {"startLine": at.line if at is not None and at.line else 1}
    return {
        "physicalLocation": {"artifactLocation": {"uri": _uri(at.path if at else None)}, "region": region}
    }


def _code_location(spans: Iterable[Span], span_id: str | None) -> Object | None:
    span = next((span for span in spans if span.id == span_id), None) if span_id else None
    if span is None:
        return None
    path = span.attributes.get("code.file.path", span.attributes.get("code.filepath"))
    line = span.attributes.get("code.line.number", span.attributes.get("code.lineno"))
    if not isinstance(path, str) or not path:
        return None
    return _location(Location(path, line if isinstance(line, int) and line > 0 else None))


def _uri(path: str | None) -> str:
    if path is None:
        return "stdin"
    return percent_encoded(PurePath(path).as_posix(), safe="/", errors="replace")


def _notifications(report: Report, found: int) -> Iterator[JSON]:
    for error in report.errors:
        yield _notification(error.reason, error.at)
    for trace in report.traces:
        for crashed in trace.crashed:
            yield _notification(f"{crashed.detector} crashed: {crashed.error}", trace.trace.at)
    if found > MAX_RESULTS:
        yield _notification(f"{found - MAX_RESULTS} more results, none worse than those shown", None)


def _notification(text: str, at: Location | None) -> Object:
    notification: Object = {"level": "error", "message": {"text": _words(text)}}
    if at is not None:
        notification["locations"] = [_location(at)]
    return notification
