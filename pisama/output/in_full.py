"""One trace of the text report: the verdict first, then the issues, then the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.console import Group, RenderableType
from rich.text import Text

from pisama.issue import Evidence, Issue, Level
from pisama.output.formats import format_title
from pisama.output.layout import LABEL, Hanging, counted, listed, row
from pisama.output.terminal import printable, told
from pisama.output.timeline import LEGEND, lanes
from pisama.report import Attribution, Suppressed, ToolTotals, TraceReport, Verdict
from pisama.text import quote

MAX_EVIDENCE = 4
"""Pieces of evidence shown with an issue; JSON has all of them."""
MAX_STEPS = 12
"""Steps named with one piece of evidence."""
INDENT = 3
"""Characters by which what is said of an issue stands under its title."""

VERDICT_STYLE = {
    Verdict.FAILED: "bold white on red",
    Verdict.SUSPECT: "bold black on yellow",
    Verdict.NOTHING_FOUND: "bold black on green",
    Verdict.NOT_EXAMINED: "bold white on blue",
}
LEVEL_STYLE = {
    Level.CRITICAL: "bold red",
    Level.HIGH: "red",
    Level.MEDIUM: "yellow",
    Level.LOW: "cyan",
    Level.INFO: "dim",
}
FAULT = {
    "agent": "the agent is at fault",
    "tool": "a tool is at fault",
    "environment": "the environment is at fault",
    "user": "the task is at fault",
}


def in_full(report: TraceReport, width: int) -> Iterator[RenderableType]:
    """All that is known of one run, `width` columns wide."""
    yield Text(_heading(report), style="dim")
    yield _verdict(report)
    yield Text()
    if report.trace.task:
        yield row("task", Text(f"“{told(quote(report.trace.task, width=300))}”"))
    yield from _worked(report.tools)
    yield Text()
    for number, issue in enumerate(report.issues, start=1):
        yield _issue(number, issue)
        yield Text()
    if report.attribution is not None:
        yield Hanging("most likely cause: ", Text(_cause(report.attribution)), style="bold", repeat=False)
        yield Text()
    yield from _timeline(report, width)
    yield row("totals", Text(_totals(report)))
    yield from _not_shown(report)


def _heading(report: TraceReport) -> str:
    trace = report.trace
    parts = [
        printable((trace.at.path if trace.at else None) or "input"),
        format_title(trace.format),
        counted(len(trace.agents), "agent"),
        counted(len(trace.steps), "step"),
    ]
    if not trace.complete:
        parts.append("still being written, or cut off")
    return " · ".join(parts)


def _verdict(report: TraceReport) -> Text:
    verdict = report.verdict
    line = Text(verdict.upper(), style=VERDICT_STYLE[verdict])
    line.append("  ", style="default")
    if report.issues:
        fault = f"{FAULT[report.fault]}: " if report.fault else ""
        line.append(f"{fault}{told(report.issues[0].summary)}", style="bold")
    elif verdict is Verdict.NOTHING_FOUND:
        examined = len(report.ran) + len(report.crashed)
        line.append(
            f"{len(report.ran)} of {examined + len(report.skipped)} detectors could look at this run and found "
            "nothing. That is no proof of health.",
            style="default",
        )
    else:
        line.append("the trace records too little for any detector.", style="default")
    return line


def _worked(tools: tuple[ToolTotals, ...]) -> Iterator[RenderableType]:
    good = [tool for tool in tools if tool.calls > tool.failed + tool.unknown]
    bad = [tool for tool in tools if tool.failed]
    if good:
        shown = [
            f"{told(tool.name)} ({_of(tool.calls - tool.failed - tool.unknown, tool.calls)})" for tool in good
        ]
        yield row("worked", Text(listed(shown)), style="green")
    if bad:
        shown = [f"{told(tool.name)} ({_of(tool.failed, tool.calls)})" for tool in bad]
        line = Text(listed(shown))
        if bad[0].last_error:
            line.append(f"  “{told(bad[0].last_error[:100])}”", style="dim")
        yield row("did not work", line, style="red")


def _issue(number: int, issue: Issue) -> RenderableType:
    style = LEVEL_STYLE[issue.level]
    title = Text(f"{number:>2} ", style="dim")
    title.append(f"{issue.level.value} ", style=style)
    title.append(f"{issue.type}", style="bold")
    title.append(f"  {_where(issue)}", style="dim")
    body = [Hanging("", Text(told(issue.summary)), style="", indent=INDENT)]
    grouped = list(_grouped(issue.evidence))
    body += [Hanging("│ ", _evidence(items), indent=INDENT) for items in grouped[:MAX_EVIDENCE]]
    if len(grouped) > MAX_EVIDENCE:
        more = Text(f"│ and {len(grouped) - MAX_EVIDENCE} more", style="dim")
        body.append(Hanging("", more, style="", indent=INDENT))
    fix = Text(told(issue.recommendation))
    body.append(Hanging("fix  ", fix, style="green", repeat=False, indent=INDENT))
    return Group(title, *body)


def _where(issue: Issue) -> str:
    parts = [f"severity {issue.severity}, confidence {issue.confidence:.2f}"]
    if issue.tier == "llm":
        parts.append("tier llm")
    if issue.agent is not None:
        parts.insert(0, f"{told(issue.agent)}, step {issue.step}")
    if issue.span_id is not None:
        parts.append(f"span {told(issue.span_id)}")
    if issue.at is not None and issue.at.line is not None:
        parts.append(f"line {issue.at.line}")
    return " · ".join(parts)


def _grouped(evidence: tuple[Evidence, ...]) -> Iterator[list[Evidence]]:
    """Pieces of evidence that say the same, together."""
    for _, items in groupby(evidence, key=lambda item: (item.quote, item.note)):
        yield list(items)


def _evidence(items: list[Evidence]) -> Text:
    line = Text()
    steps = list(dict.fromkeys(str(item.step) for item in items if item.step is not None))
    if steps:
        line.append(f"{'steps' if len(steps) > 1 else 'step'} {listed(steps, MAX_STEPS)}  ", style="dim")
    line.append(f"“{told(items[0].quote)}”", style="italic")
    if len(items) > 1:
        line.append(f"  {len(items)} times", style="dim")
    return line.append(f"  {told(items[0].note)}", style="dim") if items[0].note else line


def _cause(attribution: Attribution) -> str:
    text = f"{attribution.agent} at step {attribution.step}, because {attribution.reason}"
    runner_up = (
        f"; next {attribution.candidates[1].agent} at step {attribution.candidates[1].step}"
        if attribution.candidates[1:]
        else ""
    )
    if not attribution.stands_out:
        text = f"cannot tell, for no step stands out; the first suspect is {text}"
    tier = f", says {attribution.usage.model}" if attribution.tier == "llm" and attribution.usage else ""
    note = f"; {attribution.note}" if attribution.note else ""
    return told(f"{text} (confidence {attribution.confidence:.2f}{tier}{runner_up}{note})")


def _timeline(report: TraceReport, width: int) -> Iterator[RenderableType]:
    swimlanes = list(lanes(report, max(20, width - LABEL - 2)))
    for lane in swimlanes:
        marks = Text(lane.marks, style="yellow" if lane.is_issues else "default")
        marks.highlight_regex("✗", "red")
        marks.highlight_regex("●", "green")
        yield row(told(lane.title), marks)
    if swimlanes:
        first, last = report.trace.steps[0].index, report.trace.steps[-1].index
        yield row("", Text(f"steps {first} to {last}   {LEGEND}", style="dim"))
        yield Text()


def _totals(report: TraceReport) -> str:
    totals = report.totals
    failed = f" ({totals.failed_calls} failed)" if totals.failed_calls else ""
    parts = [counted(totals.steps, "step"), counted(totals.calls, "tool call") + failed]
    if totals.input_tokens is not None or totals.output_tokens is not None:
        parts.append(f"{totals.input_tokens or 0:,} tokens in, {totals.output_tokens or 0:,} out")
    if totals.cost is not None:
        parts.append(f"{totals.cost:.4f} USD")
    if totals.seconds is not None:
        parts.append(f"{totals.seconds:.1f} s")
    return " · ".join(parts)


def _not_shown(report: TraceReport) -> Iterator[RenderableType]:
    if report.hidden:
        yield row(
            "not shown",
            Text(f"{counted(len(report.hidden), 'issue')} under the severity or confidence asked for"),
        )
    if report.suppressed:
        yield row("suppressed", Text(suppressed_by(report.suppressed)))
    by_reason: dict[str, list[str]] = {}
    for skipped in report.skipped:
        by_reason.setdefault(skipped.reason, []).append(skipped.detector)
    for reason, detectors in by_reason.items():
        yield row("could not run", Text(told(f"{', '.join(detectors)}: {reason}")))
    for crashed in report.crashed:
        yield row("crashed", Text(told(f"{crashed.detector}: {crashed.error}")), style="bold red")


def suppressed_by(issues: Sequence[Suppressed]) -> str:
    """How many issues the baseline took out, and how many each suppression of the configuration."""
    reasons = Counter(
        "the baseline" if item.by == "baseline" else f"“{told(item.reason)}”" for item in issues
    )
    each = (f"{count:,} by {reason}" for reason, count in reasons.most_common())
    return f"{counted(len(issues), 'issue')}: {listed(each)}"


def _of(some: int, whole: int) -> str:
    return f"{some} of {whole}"
