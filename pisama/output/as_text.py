"""`--format text`: the report for people. The verdict first, then the issues, then the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from io import StringIO
from itertools import groupby

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pisama.issue import Evidence, Issue, Level
from pisama.loaders import loader
from pisama.output.terminal import printable
from pisama.output.timeline import LEGEND, lanes
from pisama.redact import redact
from pisama.report import Attribution, LoadError, Report, ToolTotals, TraceReport, Verdict
from pisama.text import quote

MAX_EVIDENCE = 4
"""Pieces of evidence shown with an issue; JSON has all of them."""
MAX_STEPS = 12
"""Steps named with one piece of evidence."""
MAX_TOOLS = 4
"""Tools named in a verdict."""
LABEL = 14
"""Width of the labels at the margin, in characters."""

_VERDICT_STYLE = {
    Verdict.FAILED: "bold white on red",
    Verdict.SUSPECT: "bold black on yellow",
    Verdict.NOTHING_FOUND: "bold black on green",
    Verdict.NOT_EXAMINED: "bold white on blue",
}
_LEVEL_STYLE = {
    Level.CRITICAL: "bold red",
    Level.HIGH: "red",
    Level.MEDIUM: "yellow",
    Level.LOW: "cyan",
    Level.INFO: "dim",
}
_FAULT = {
    "agent": "the agent is at fault",
    "tool": "a tool is at fault",
    "environment": "the environment is at fault",
    "user": "the task is at fault",
}


def render(report: Report, *, color: bool = False, width: int = 100) -> str:
    """The report as text of `width` columns. One trace is shown in full, several as an overview first."""
    console = Console(
        file=StringIO(),
        width=width,
        color_system="truecolor" if color else None,
        force_terminal=color,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    for part in _report(report, width):
        console.print(part)
    output = console.file
    assert isinstance(output, StringIO)
    return "\n".join(line.rstrip() for line in output.getvalue().split("\n"))


def _report(report: Report, width: int) -> Iterator[RenderableType]:
    if len(report.traces) == 1:
        yield from _in_full(report.traces[0], width)
    elif report.traces:
        yield from _overview(report.traces)
    if report.errors:
        yield _row("unreadable", Text(_unreadable(report.errors)), style="bold red")


def _unreadable(errors: tuple[LoadError, ...]) -> str:
    inputs = sum(error.fatal for error in errors)
    counts = [_count(inputs, "input")] if inputs else []
    if len(errors) > inputs:
        counts.append(_count(len(errors) - inputs, "record"))
    first = printable(str(errors[0]))
    return f"{' and '.join(counts)}{', the first' if len(errors) > 1 else ''}: {first}"


# One trace


def _in_full(report: TraceReport, width: int) -> Iterator[RenderableType]:
    yield Text(_heading(report), style="dim")
    yield _verdict(report)
    yield Text()
    if report.trace.task:
        yield _row("task", Text(f"“{printable(quote(redact(report.trace.task), width=300))}”"))
    yield from _worked(report.tools)
    yield Text()
    for number, issue in enumerate(report.issues, start=1):
        yield _issue(number, issue)
        yield Text()
    if report.attribution is not None:
        yield _row("most likely", Text(_cause(report.attribution)))
        yield Text()
    yield from _timeline(report, width)
    yield _row("totals", Text(_totals(report)))
    yield from _not_shown(report)


def _heading(report: TraceReport) -> str:
    trace = report.trace
    reader = loader(trace.format)
    parts = [
        printable((trace.at.path if trace.at else None) or "input"),
        reader.title if reader is not None else trace.format,
        _count(len(trace.agents), "agent"),
        _count(len(trace.steps), "step"),
    ]
    if not trace.complete:
        parts.append("still being written, or cut off")
    return " · ".join(parts)


def _verdict(report: TraceReport) -> Text:
    verdict = report.verdict
    line = Text(verdict.upper(), style=_VERDICT_STYLE[verdict])
    line.append("  ", style="default")
    if report.issues:
        fault = f"{_FAULT[report.fault]}: " if report.fault else ""
        line.append(f"{fault}{printable(report.issues[0].summary)}", style="bold")
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
            f"{printable(tool.name)} ({_of(tool.calls - tool.failed - tool.unknown, tool.calls)})"
            for tool in good
        ]
        yield _row("worked", Text(_list(shown)), style="green")
    if bad:
        shown = [f"{printable(tool.name)} ({_of(tool.failed, tool.calls)})" for tool in bad]
        line = Text(_list(shown))
        if bad[0].last_error:
            line.append(f"  “{printable(bad[0].last_error[:100])}”", style="dim")
        yield _row("did not work", line, style="red")


def _issue(number: int, issue: Issue) -> RenderableType:
    style = _LEVEL_STYLE[issue.level]
    title = Text(f"{number:>2} ", style="dim")
    title.append(f"{issue.level.value} ", style=style)
    title.append(f"{issue.type}", style="bold")
    title.append(f"  {_where(issue)}", style="dim")
    body: list[RenderableType] = [Text(printable(issue.summary))]
    grouped = list(_grouped(issue.evidence))
    body += [_evidence(items) for items in grouped[:MAX_EVIDENCE]]
    if len(grouped) > MAX_EVIDENCE:
        body.append(Text(f"│ and {len(grouped) - MAX_EVIDENCE} more", style="dim"))
    fix = Text("fix  ", style="green")
    body.append(fix.append(printable(issue.recommendation), style="default"))
    return Group(title, *(Padding(item, (0, 0, 0, 3)) for item in body))


def _where(issue: Issue) -> str:
    parts = [f"severity {issue.severity}, confidence {issue.confidence:.2f}"]
    if issue.agent is not None:
        parts.insert(0, f"{printable(issue.agent)}, step {issue.step}")
    if issue.span_id is not None:
        parts.append(f"span {printable(issue.span_id)}")
    if issue.at is not None and issue.at.line is not None:
        parts.append(f"line {issue.at.line}")
    return " · ".join(parts)


def _grouped(evidence: tuple[Evidence, ...]) -> Iterator[list[Evidence]]:
    """Pieces of evidence that say the same, together."""
    for _, items in groupby(evidence, key=lambda item: (item.quote, item.note)):
        yield list(items)


def _evidence(items: list[Evidence]) -> Text:
    line = Text("│ ", style="dim")
    steps = list(dict.fromkeys(str(item.step) for item in items if item.step is not None))
    if steps:
        line.append(f"{'steps' if len(steps) > 1 else 'step'} {_list(steps, MAX_STEPS)}  ", style="dim")
    line.append(f"“{printable(items[0].quote)}”", style="italic")
    if len(items) > 1:
        line.append(f"  {len(items)} times", style="dim")
    return line.append(f"  {printable(items[0].note)}", style="dim") if items[0].note else line


def _cause(attribution: Attribution) -> str:
    text = f"{attribution.agent} at step {attribution.step}, because {attribution.reason}"
    runner_up = (
        f"; next {attribution.candidates[1].agent} at step {attribution.candidates[1].step}"
        if attribution.candidates[1:]
        else ""
    )
    return printable(f"{text} (confidence {attribution.confidence:.2f}{runner_up})")


def _timeline(report: TraceReport, width: int) -> Iterator[RenderableType]:
    rows = list(lanes(report, max(20, width - LABEL - 2)))
    for row in rows:
        marks = Text(row.marks, style="yellow" if row.is_issues else "default")
        marks.highlight_regex("✗", "red")
        marks.highlight_regex("●", "green")
        yield _row(printable(row.title), marks)
    if rows:
        first, last = report.trace.steps[0].index, report.trace.steps[-1].index
        yield _row("", Text(f"steps {first} to {last}   {LEGEND}", style="dim"))
        yield Text()


def _totals(report: TraceReport) -> str:
    totals = report.totals
    failed = f" ({totals.failed_calls} failed)" if totals.failed_calls else ""
    parts = [_count(totals.steps, "step"), _count(totals.calls, "tool call") + failed]
    if totals.input_tokens is not None or totals.output_tokens is not None:
        parts.append(f"{totals.input_tokens or 0:,} tokens in, {totals.output_tokens or 0:,} out")
    if totals.cost is not None:
        parts.append(f"{totals.cost:.4f} USD")
    if totals.seconds is not None:
        parts.append(f"{totals.seconds:.1f} s")
    return " · ".join(parts)


def _not_shown(report: TraceReport) -> Iterator[RenderableType]:
    if report.hidden:
        yield _row(
            "not shown",
            Text(f"{_count(len(report.hidden), 'issue')} under the severity or confidence asked for"),
        )
    if report.suppressed:
        yield _row("suppressed", Text(_count(len(report.suppressed), "issue")))
    by_reason: dict[str, list[str]] = {}
    for skipped in report.skipped:
        by_reason.setdefault(skipped.reason, []).append(skipped.detector)
    for reason, detectors in by_reason.items():
        yield _row("could not run", Text(f"{', '.join(detectors)}: {reason}"))
    for crashed in report.crashed:
        yield _row("crashed", Text(printable(f"{crashed.detector}: {crashed.error}")), style="bold red")


# Several traces


def _overview(reports: tuple[TraceReport, ...]) -> Iterator[RenderableType]:
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=36)
    table.add_column(ratio=1)
    for report in reports:
        verdict = report.verdict
        name = printable(_name(report))
        table.add_row(Text(verdict.value, style=_VERDICT_STYLE[verdict]), Text(name), _headline(report))
    yield table
    yield Text()
    verdicts = Counter(report.verdict for report in reports)
    yield _row(
        "traces",
        Text(", ".join(f"{verdicts[verdict]} {verdict.value}" for verdict in Verdict if verdicts[verdict])),
    )
    found = Counter(issue.type for report in reports for issue in report.issues)
    if found:
        yield _row("issues", Text(", ".join(f"{count} {name}" for name, count in found.most_common())))
    hidden = sum(len(report.hidden) for report in reports)
    if hidden:
        yield _row("not shown", Text(f"{_count(hidden, 'issue')} under the severity or confidence asked for"))
    suppressed = sum(len(report.suppressed) for report in reports)
    if suppressed:
        yield _row("suppressed", Text(_count(suppressed, "issue")))
    skipped = Counter(item.detector for report in reports for item in report.skipped)
    if skipped:
        each = ", ".join(f"{name} ({count})" for name, count in skipped.most_common())
        yield _row("could not run", Text(f"{each}: too little is recorded in that many traces"))
    crashed = Counter(item.detector for report in reports for item in report.crashed)
    for name, count in crashed.most_common():
        yield _row("crashed", Text(f"{name} on {_count(count, 'trace')}"), style="bold red")


def _headline(report: TraceReport) -> Text:
    if not report.issues:
        return Text("")
    worst = report.issues[0]
    line = Text(f"{worst.level.value} ", style=_LEVEL_STYLE[worst.level])
    step = f" at step {worst.step}" if worst.step is not None else ""
    line.append(f"{worst.type}{step}: {printable(worst.summary)}", style="default")
    more = len(report.issues) - 1
    return line.append(f"  (+{more})", style="dim") if more else line


def _name(report: TraceReport) -> str:
    trace = report.trace
    path = trace.at.path if trace.at is not None else None
    file = path.rsplit("/", 1)[-1] if path else ""
    return file if trace.id in file else f"{file} {trace.id}".strip()


# Small pieces


def _row(label: str, content: Text, style: str = "dim") -> RenderableType:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(width=LABEL, no_wrap=True, overflow="ellipsis")
    grid.add_column()
    grid.add_row(Text(label, style=style), content)
    return grid


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _of(some: int, whole: int) -> str:
    return f"{some} of {whole}"


def _list(items: Iterable[str], most: int = MAX_TOOLS) -> str:
    names = list(items)
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest
