"""What the HTML report shows, as JSON: an overview, and a value for each trace that is read when it is opened.

Texts are without secrets, colour codes and control characters. Each long text stands once, in `texts` of its trace,
and by its number wherever it occurs. Times are milliseconds since the first moment of the run.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

from pisama.features import features
from pisama.issue import Issue, Level
from pisama.output.formats import format_title
from pisama.output.in_full import FAULT
from pisama.output.terminal import CONTROL
from pisama.patterns import lazy
from pisama.redact import redact
from pisama.report import Attribution, Report, TraceReport
from pisama.trace import JSON, Location, Message, Step, ToolCall, Trace
from pisama.version import __version__

LIMITS = (100_000, 20_000, 4_000, 1_000)
"""Characters of one text, beyond which its middle is left out. The first under which all fit in is used."""
BUDGET = 30_000_000
"""Characters of all texts of a report: about what a browser opens within a second."""
MAX_SEEN = 20
"""Messages shown that a step was newly given; where a thousand agents hear all of each other, each is given thousands."""
ENTRY = 40
"""Characters that a step or a message takes beside its texts."""

_COLOR = lazy(r"\x1b\[[0-9;]{0,20}m")

Object = dict[str, JSON]


def page_data(report: Report) -> tuple[Object, list[Object]]:
    """The overview, and what each trace shows, in the order of the report."""
    lengths = [list(_lengths(trace.trace)) for trace in report.traces]
    sizes = {limit: [sum(min(length, limit) for length in each) for each in lengths] for limit in LIMITS}
    limit = next((limit for limit in LIMITS if sum(sizes[limit]) <= BUDGET), LIMITS[-1])
    has_room = _has_room(report, sizes[limit])
    overview: Object = {
        "version": __version__,
        "traces": [_row(trace) for trace in report.traces],
        "errors": [
            {"at": shown(str(error.at)), "reason": shown(error.reason), "fatal": error.fatal}
            for error in report.errors
        ],
        "stale": [
            {"type": entry.type, "path": shown(entry.path), "summary": shown(entry.summary)}
            for entry in report.stale
        ],
    }
    pages = [
        _Page(trace, limit).data(with_steps=fits) for trace, fits in zip(report.traces, has_room, strict=True)
    ]
    return overview, pages


def _has_room(report: Report, sizes: list[int]) -> list[bool]:
    """For each trace whether its steps are shown: the worst come first, as long as there is room."""
    room, fits = BUDGET, [False] * len(sizes)
    for place in sorted(range(len(sizes)), key=lambda place: -_worst(report.traces[place])):
        fits[place] = sizes[place] <= room
        room -= sizes[place] if fits[place] else 0
    return fits


def shown(text: str) -> str:
    """The text without secrets and colours, its control and direction characters as `·`."""
    return CONTROL.sub("·", _COLOR.sub("", redact(text)).replace("\r\n", "\n"))


def _worst(report: TraceReport) -> int:
    return max((issue.severity for issue in report.issues), default=-1)


def _lengths(trace: Trace) -> Iterator[int]:
    """What the texts of a trace take, each once, and what all that names them takes."""
    yield from map(len, {text for step in trace.steps for text in _texts(step)})
    yield from (ENTRY for step in trace.steps for _ in range(1 + min(len(step.seen), MAX_SEEN)))


def _texts(step: Step) -> Iterator[str]:
    yield from (step.text, step.reasoning or "", step.error or "")
    yield from (message.text for message in step.seen[-MAX_SEEN:])
    for call in step.tool_calls:
        yield from (call.result or "", call.error or "")
        yield from (text for _, text in _arguments(call.arguments))


def _row(report: TraceReport) -> Object:
    """What the overview says of a trace."""
    trace, totals = report.trace, report.totals
    levels = Counter(issue.level.value for issue in report.issues)
    worst = report.issues[0] if report.issues else None
    path = trace.at.path if trace.at is not None else None
    return {
        "id": shown(trace.id),
        "file": shown(path) if path else None,
        "format": format_title(trace.format),
        "verdict": report.verdict.value,
        "issues": {level.value: levels[level.value] for level in reversed(Level) if levels[level.value]},
        "worst": {"type": worst.type, "summary": shown(worst.summary), "severity": worst.severity}
        if worst
        else None,
        "steps": totals.steps,
        "calls": totals.calls,
        "failed": totals.failed_calls,
        "input": totals.input_tokens,
        "output": totals.output_tokens,
        "cost": totals.cost,
        "seconds": totals.seconds,
        "crashed": len(report.crashed),
        "skipped": len(report.skipped),
        "ran": len(report.ran),
    }


class _Page:
    """One trace, while its texts are being numbered."""

    def __init__(self, report: TraceReport, limit: int) -> None:
        self._report = report
        self._trace = report.trace
        self._limit = limit
        self._texts: dict[str, int] = {}
        self._kept: list[str] = []
        self._agents = {agent: number for number, agent in enumerate(report.trace.agents)}
        self._began = min(_moments(report.trace), default=None)
        self._results = {
            text for _, call in report.trace.calls() for text in (call.result, call.error) if text
        }
        self._outcomes = features(report.trace).calls_by_step

    def data(self, *, with_steps: bool) -> Object:
        """All that is shown of the trace; without its steps where there is no room for them."""
        report, trace = self._report, self._trace
        page: Object = {
            "task": self._text(trace.task),
            "fault": FAULT[report.fault] if report.fault else None,
            "complete": trace.complete,
            "outcome": shown(trace.outcome) if trace.outcome else None,
            "began": _iso(self._began),
            "agents": [shown(agent) for agent in self._agents],
            "cause": _cause(report.attribution),
            "issues": [_issue(issue) for issue in report.issues],
            "tools": [
                {
                    "name": shown(tool.name),
                    "calls": tool.calls,
                    "failed": tool.failed,
                    "unknown": tool.unknown,
                    "error": shown(tool.last_error),
                }
                for tool in report.tools
            ],
            "ran": list(report.ran),
            "skipped": [{"detector": item.detector, "reason": shown(item.reason)} for item in report.skipped],
            "crashed": [{"detector": item.detector, "reason": shown(item.error)} for item in report.crashed],
            "hidden": [_issue(issue) for issue in report.hidden],
            "covered": [_issue(issue) for issue in report.covered],
            "suppressed": [
                {**_issue(item.issue), "by": item.by, "reason": shown(item.reason)}
                for item in report.suppressed
            ],
            "steps": [self._step(step) for step in trace.steps] if with_steps else None,
        }
        return {**page, "texts": list(self._kept)}

    def _step(self, step: Step) -> Object:
        usage = step.usage
        return _filled(
            n=step.index,
            agent=self._agent(step.agent),
            seen=[
                self._message(message)
                for message in step.seen[-MAX_SEEN:]
                if message.role != "tool" or message.text not in self._results
            ],
            earlier=max(0, len(step.seen) - MAX_SEEN) or None,
            reasoning=self._text(step.reasoning),
            text=self._text(step.text),
            calls=[self._call(step, number, call) for number, call in enumerate(step.tool_calls)],
            error=self._text(step.error),
            to=shown(step.recipient) if step.recipient else None,
            model=shown(step.model) if step.model else None,
            input=usage.input_tokens if usage else None,
            cached=usage.cached_tokens if usage else None,
            output=usage.output_tokens if usage else None,
            cost=usage.cost if usage else None,
            start=self._since(step.start),
            end=self._since(step.end),
            finish=shown(step.finish_reason) if step.finish_reason else None,
            span=shown(step.span_id) if step.span_id else None,
            parent=step.parent,
            at=_within_file(step.at),
        )

    def _message(self, message: Message) -> Object:
        return _filled(
            role=message.role,
            name=shown(message.name) if message.name else None,
            text=self._text(message.text),
        )

    def _call(self, step: Step, number: int, call: ToolCall) -> Object:
        known = self._outcomes[step.index][number].outcome
        return _filled(
            name=shown(call.name),
            failed=known.failed or None,
            arguments=[[name, self._text(text)] for name, text in _arguments(call.arguments)],
            result=self._text(call.result),
            error=self._text(call.error) if call.error != call.result else None,
            start=self._since(call.start),
            end=self._since(call.end),
            span=shown(call.span_id) if call.span_id and call.span_id != step.span_id else None,
        )

    def _agent(self, name: str) -> int:
        return self._agents.setdefault(name, len(self._agents))

    def _text(self, text: str | None) -> int | None:
        """The number of a text in `texts`; None for one that is not recorded or empty."""
        if not text:
            return None
        if text not in self._texts:
            self._texts[text] = len(self._kept)
            self._kept.append(self._cut(shown(text)))
        return self._texts[text]

    def _cut(self, text: str) -> str:
        if len(text) <= self._limit:
            return text
        head, tail = self._limit * 3 // 4, self._limit // 4
        return f"{text[:head]}\n… {len(text) - head - tail:,} characters left out …\n{text[-tail:]}"

    def _since(self, moment: int | None) -> float | None:
        return None if moment is None or self._began is None else round((moment - self._began) / 1e6, 3)


def _moments(trace: Trace) -> Iterator[int]:
    for step in trace.steps:
        for moment in (step.start, *(call.start for call in step.tool_calls), step.end):
            if moment is not None:
                yield moment


def _iso(moment: int | None) -> str | None:
    """UTC, to the second; None also for what no calendar holds."""
    try:
        return None if moment is None else datetime.fromtimestamp(moment // 10**9, UTC).isoformat()
    except (OverflowError, ValueError, OSError):
        return None


def _filled(**fields: JSON) -> Object:
    """The fields that say something: ten thousand steps are long enough without the others."""
    return {name: value for name, value in fields.items() if value is not None and value != []}


def _arguments(arguments: JSON) -> Iterator[tuple[str, str]]:
    """Each argument with its name as text; what is not an object is one without a name."""
    if not isinstance(arguments, dict):
        if arguments is not None:
            yield "", _as_text(arguments)
        return
    for name, value in arguments.items():
        # Together, since a name such as `password` is what shows that its value is a secret.
        head = f"{shown(name)}: "
        told = redact(head + _as_text(value))
        yield head[:-2], told.removeprefix(head)


def _as_text(value: JSON) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)


def _issue(issue: Issue) -> Object:
    return {
        "type": issue.type,
        "signal": issue.signal,
        "level": issue.level.value,
        "severity": issue.severity,
        "confidence": round(issue.confidence, 2),
        "summary": shown(issue.summary),
        "fix": shown(issue.recommendation),
        "fault": issue.fault,
        "agent": shown(issue.agent) if issue.agent else None,
        "step": issue.step,
        "span": shown(issue.span_id) if issue.span_id else None,
        "at": _within_file(issue.at),
        "fingerprint": issue.fingerprint,
        "evidence": [
            {"step": item.step, "call": item.call, "quote": shown(item.quote), "note": shown(item.note)}
            for item in issue.evidence
        ],
    }


def _cause(attribution: Attribution | None) -> Object | None:
    if attribution is None:
        return None
    return {
        "agent": shown(attribution.agent),
        "step": attribution.step,
        "confidence": round(attribution.confidence, 2),
        "reason": shown(attribution.reason),
        "sure": attribution.stands_out,
        "others": [
            {"agent": shown(other.agent), "step": other.step, "reason": shown(other.reason)}
            for other in attribution.candidates[1:3]
        ],
    }


def _within_file(at: Location | None) -> str | None:
    if at is None:
        return None
    line = f"line {at.line}" if at.line is not None else ""
    return " ".join(part for part in (line, shown(at.pointer)) if part) or None
