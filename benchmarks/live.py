"""`python -m benchmarks.live DATA`: whether what `pisama watch` says in mid-run still holds at the end.

Every run is cut after each of its steps, as a live analysis sees it: the results of the last step have not
come yet. An issue counts as taken back when the report on the whole run no longer has its signal, shown,
hidden or covered. The data are the labelled halves, read as the other benchmarks read them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

import pisama
from benchmarks.command import application, clear_errors, show, table, tracked
from benchmarks.labelled_runs import agent_process_bench, tau_bench
from pisama.analysis import examine
from pisama.config import Config
from pisama.detectors import Detector
from pisama.issue import Issue
from pisama.selection import chosen
from pisama.trace import Trace
from pisama.watch.engine import IN_WINDOW, UNSETTLED, WINDOW

MAX_CUTS = 30
"""Cuts of one run; longer runs are cut at even distances."""
_CONFIG = Config(plugins=False)
Signal = tuple[str, str]


def main(
    data: Annotated[Path, typer.Argument(help="Folder of the labelled sets.", show_default=False)],
    limit: Annotated[int, typer.Option(help="Runs of each set.", min=1)] = 150,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Of every detector, those that are not told live included.")
    ] = False,
) -> None:
    """Count the issues told in mid-run, and those that the end of the run takes back."""
    with clear_errors():
        traces = list(_traces(data, limit))
    told: dict[str, Counter[Signal]] = {"whole": Counter(), "window": Counter()}
    gone: dict[str, Counter[Signal]] = {"whole": Counter(), "window": Counter()}
    detectors = chosen(_CONFIG)
    for trace in tracked(traces, "runs"):
        report = examine(trace, detectors, _CONFIG)
        final = {_signal(issue) for issue in (*report.issues, *report.hidden, *report.covered)}
        for way, signal in _told(trace, detectors, everything=everything):
            told[way][signal] += 1
            gone[way][signal] += signal not in final
    rows = [
        (f"{kind}.{name}", way, str(count), str(gone[way][kind, name]))
        for way, counts in told.items()
        for (kind, name), count in counts.most_common()
    ]
    total = sum(sum(counts.values()) for counts in told.values())
    back = sum(sum(counts.values()) for counts in gone.values())
    note = f"{len(traces)} runs; {total} told, {back} taken back"
    show(table("Issues told in mid-run", ["signal", "seen in", "told", "taken back"], rows, note))


def _traces(data: Path, limit: int) -> Iterator[Trace]:
    for run in (*tau_bench(data)[:limit], *agent_process_bench(data)[:limit]):
        yield from pisama.load(run.blind).traces
    for folder in ("trail/traces", "whowhen"):
        for path in sorted((data / folder).rglob("*.json"))[:limit]:
            yield from pisama.load(path).traces


def _told(trace: Trace, detectors: tuple[Detector, ...], *, everything: bool) -> Iterator[tuple[str, Signal]]:
    """The signals that are told in mid-run, each once for whole beginnings and once for windows."""
    live = tuple(each for each in detectors if everything or each.id not in UNSETTLED)
    windowed = tuple(each for each in detectors if everything or each.id in IN_WINDOW)
    count = len(trace.steps)
    seen: set[tuple[str, Signal]] = set()
    for end in sorted({1 + number * count // MAX_CUTS for number in range(MAX_CUTS)} & set(range(1, count))):
        parts = [("whole", 0, live)] + ([("window", end - WINDOW, windowed)] if end > WINDOW else [])
        for way, start, running in parts:
            for issue in examine(_cut(trace, start, end), running, _CONFIG).issues:
                signal = _signal(issue)
                if (way, signal) not in seen:
                    seen.add((way, signal))
                    yield way, signal


def _cut(trace: Trace, start: int, end: int) -> Trace:
    *before, last = trace.steps[start:end]
    calls = tuple(replace(call, result=None, error=None) for call in last.tool_calls)
    steps = (*before, replace(last, tool_calls=calls))
    return replace(trace, steps=steps, complete=False, final_answer=None, outcome=None, spans=())


def _signal(issue: Issue) -> Signal:
    return issue.type, issue.signal


if __name__ == "__main__":
    application(main)()
