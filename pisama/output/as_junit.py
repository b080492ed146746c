"""`--format junit`: JUnit XML. A suite a trace, a case a detector; input that could not be read is a suite too.

A case fails when the detector has an issue that is shown, is skipped with the reason when the trace
records too little, and is an error when the detector crashed.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from xml.etree import ElementTree as Xml

from pisama.issue import Issue
from pisama.output.terminal import visible
from pisama.patterns import lazy
from pisama.redact import redact
from pisama.report import LoadError, Report, TraceReport
from pisama.unseen import no_commands_in_xml

_NOT_XML = lazy("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(report: Report) -> str:
    """The report as one `testsuites` element."""
    suites = [_suite(trace) for trace in report.traces]
    if report.errors:
        suites.append(_unread(report.errors))
    root = Xml.Element("testsuites", {"name": "pisama", **_sums(suites)})
    root.extend(suites)
    Xml.indent(root)
    written = no_commands_in_xml(Xml.tostring(root, encoding="unicode"))
    return f'<?xml version="1.0" encoding="utf-8"?>\n{written}\n'


def _suite(report: TraceReport) -> Xml.Element:
    trace = report.trace
    path = trace.at.path if trace.at is not None else None
    suite = Xml.Element("testsuite", {"name": _plain(f"{path or 'input'} {trace.id}")})
    ordered = sorted(report.issues, key=lambda issue: issue.type)
    issues = {name: list(group) for name, group in groupby(ordered, key=lambda issue: issue.type)}
    crashed = {item.detector: item.error for item in report.crashed}
    skipped = {item.detector: item.reason for item in report.skipped}
    # Kinds of failures that a model named are no detectors that ran.
    for name in dict.fromkeys((*report.ran, *crashed, *skipped, *issues)):
        case = Xml.SubElement(suite, "testcase", {"classname": "pisama", "name": name})
        if name in crashed:
            Xml.SubElement(case, "error", {"message": _plain(crashed[name])})
        elif name in issues:
            case.append(_failure(issues[name]))
        elif name in skipped:
            Xml.SubElement(case, "skipped", {"message": _plain(skipped[name])})
    return _counted(suite)


def _failure(issues: list[Issue]) -> Xml.Element:
    worst = issues[0]
    failure = Xml.Element("failure", {"type": worst.level.value, "message": _plain(worst.summary)})
    failure.text = _plain("\n\n".join("\n".join(_told(issue)) for issue in issues))
    return failure


def _told(issue: Issue) -> Iterator[str]:
    place = f"{issue.agent}, step {issue.step}: " if issue.step is not None else ""
    tier = ", tier llm" if issue.tier == "llm" else ""
    yield f"{issue.level.value} (confidence {issue.confidence:.2f}{tier}) {place}{issue.summary}"
    for evidence in issue.evidence:
        step = f"step {evidence.step}: " if evidence.step is not None else ""
        yield f"  {step}{evidence.quote}{f' ({evidence.note})' if evidence.note else ''}"
    yield f"  fix: {issue.recommendation}"


def _unread(errors: tuple[LoadError, ...]) -> Xml.Element:
    suite = Xml.Element("testsuite", {"name": "input"})
    for error in errors:
        case = Xml.SubElement(suite, "testcase", {"classname": "pisama", "name": _plain(f"read {error.at}")})
        Xml.SubElement(case, "error", {"message": _plain(error.reason)})
    return _counted(suite)


def _counted(suite: Xml.Element) -> Xml.Element:
    for attribute, tag in (
        ("tests", "testcase"),
        ("failures", "failure"),
        ("errors", "error"),
        ("skipped", "skipped"),
    ):
        suite.set(attribute, str(sum(1 for _ in suite.iter(tag))))
    return suite


def _sums(suites: list[Xml.Element]) -> dict[str, str]:
    return {
        name: str(sum(int(suite.get(name, "0")) for suite in suites))
        for name in ("tests", "failures", "errors")
    }


def _plain(text: str) -> str:
    """The text without secrets and without the characters that XML 1.0 cannot hold or that are not seen."""
    return visible(_NOT_XML.sub("\ufffd", redact(text)))
