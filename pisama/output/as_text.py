"""`--format text`: the report for people. Several traces as an overview first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from io import StringIO

from rich.console import Console, RenderableType
from rich.text import Text

from pisama.output.formats import format_title
from pisama.output.in_full import LEVEL_STYLE, VERDICT_STYLE, in_full, suppressed_by
from pisama.output.layout import counted, row
from pisama.output.terminal import no_commands, printable, told
from pisama.redact import redact
from pisama.report import LoadError, Report, Stale, TraceReport, Verdict

MAX_IN_FULL = 5
"""Traces up to which each is shown in full after the overview."""
MAX_NAME = 40
"""Characters of a trace's name in the overview."""


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
    return no_commands("\n".join(line.rstrip() for line in output.getvalue().split("\n")))


def _report(report: Report, width: int) -> Iterator[RenderableType]:
    if len(report.traces) == 1:
        yield from in_full(report.traces[0], width)
    elif report.traces:
        yield from _overview(report.traces)
    if report.errors:
        yield row("unreadable", Text(_unreadable(report.errors)), style="bold red")
    if report.stale:
        yield row("stale", Text(_stale(report.stale)))
    if len(report.traces) > MAX_IN_FULL:
        yield row("in full", Text("analyze one of them alone, or use --format json"))
    elif len(report.traces) > 1:
        yield from _each(report.traces, width)


def _unreadable(errors: tuple[LoadError, ...]) -> str:
    inputs = sum(error.fatal for error in errors)
    counts = [counted(inputs, "input")] if inputs else []
    if len(errors) > inputs:
        counts.append(counted(len(errors) - inputs, "record"))
    first = printable(str(errors[0]))
    return f"{' and '.join(counts)}{', the first' if len(errors) > 1 else ''}: {first}"


def _stale(entries: tuple[Stale, ...]) -> str:
    one = len(entries) == 1
    first = told(f"{entries[0].type} in {entries[0].path}: {entries[0].summary}")
    return (
        f"{len(entries):,} {'entry' if one else 'entries'} of the baseline {'is' if one else 'are'} no longer found; "
        f"`pisama baseline` writes it anew{'' if one else ', the first'}: {first}"
    )


def _overview(reports: tuple[TraceReport, ...]) -> Iterator[RenderableType]:
    from rich.table import Table  # not needed for a single trace

    names = [printable(_name(report)) for report in reports]
    table = Table(box=None, pad_edge=False, show_header=False, expand=True, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, width=max(len(verdict) for verdict in Verdict))
    table.add_column(no_wrap=True, overflow="ellipsis", width=min(MAX_NAME, max(map(len, names))))
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    for report, name in zip(reports, names, strict=True):
        verdict = report.verdict
        table.add_row(Text(verdict.value, style=VERDICT_STYLE[verdict]), Text(name), _headline(report))
    yield table
    yield Text()
    verdicts = Counter(report.verdict for report in reports)
    yield row(
        "traces",
        Text(", ".join(f"{verdicts[verdict]} {verdict.value}" for verdict in Verdict if verdicts[verdict])),
    )
    yield row("read as", Text(_formats(reports)))
    found = Counter(issue.type for report in reports for issue in report.issues)
    if found:
        yield row("issues", Text(", ".join(f"{count} {name}" for name, count in found.most_common())))
    hidden = sum(len(report.hidden) for report in reports)
    if hidden:
        yield row("not shown", Text(f"{counted(hidden, 'issue')} under the severity or confidence asked for"))
    suppressed = [item for report in reports for item in report.suppressed]
    if suppressed:
        yield row("suppressed", Text(suppressed_by(suppressed)))
    skipped = Counter(item.detector for report in reports for item in report.skipped)
    if skipped:
        each = ", ".join(f"{name} ({count})" for name, count in skipped.most_common())
        yield row("could not run", Text(f"{each}: too little is recorded in that many traces"))
    crashed = Counter(item.detector for report in reports for item in report.crashed)
    for name, count in crashed.most_common():
        yield row("crashed", Text(f"{name} on {counted(count, 'trace')}"), style="bold red")


def _formats(reports: tuple[TraceReport, ...]) -> str:
    counts = Counter(format_title(report.trace.format) for report in reports)
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{title} ({count})" for title, count in counts.most_common())


def _each(reports: tuple[TraceReport, ...], width: int) -> Iterator[RenderableType]:
    from rich.rule import Rule

    for report in reports:
        yield Text()
        yield Rule(style="dim")
        yield from in_full(report, width)


def _headline(report: TraceReport) -> Text:
    if not report.issues:
        return Text("")
    worst = report.issues[0]
    line = Text(f"{worst.level.value} ", style=LEVEL_STYLE[worst.level])
    step = f" at step {worst.step}" if worst.step is not None else ""
    more = f" (+{len(report.issues) - 1})" if report.issues[1:] else ""
    return line.append(f"{worst.type}{more}{step}: {told(worst.summary)}", style="default")


def _name(report: TraceReport) -> str:
    trace = report.trace
    path = trace.at.path if trace.at is not None else None
    file = path.rsplit("/", 1)[-1] if path else ""
    return file if trace.id in file else f"{file} {redact(trace.id)}".strip()
