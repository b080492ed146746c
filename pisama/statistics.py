"""What many traces say together: which failures, which agents and tools, which formats, and how it goes from day to day.

Counts rows as `pisama.output.rows` describes them, one at a time, in memory that follows the number of names and
days, not of traces.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pisama.issue import Level

NO_DAY = "no time recorded"
"""Where the days name traces that did not record when they ran."""
NO_NAME = "not named"

Cell: TypeAlias = str | int | float | None


@dataclass(frozen=True, slots=True)
class Table:
    """One answer. The first column is the name of what a row is about."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(slots=True)
class _Failure:
    issues: int = 0
    traces: int = 0
    severity: int = 0
    confidence: float = 0.0


@dataclass(slots=True)
class _Count:
    traces: int = 0
    failed: int = 0
    """Traces whose verdict is `failed`, or failed calls of a tool."""
    issues: int = 0
    calls: int = 0
    unknown: int = 0


@dataclass(slots=True)
class Statistics:
    """Counts while the rows are read."""

    traces: int = 0
    issues: int = 0
    errors: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    _failures: dict[str, _Failure] = field(default_factory=dict)
    _agents: dict[str, _Count] = field(default_factory=dict)
    _tools: dict[str, _Count] = field(default_factory=dict)
    _formats: dict[str, _Count] = field(default_factory=dict)
    _days: dict[str, _Count] = field(default_factory=dict)
    _latest: tuple[object, object] | None = None
    _seen: set[str] = field(default_factory=set)
    """The failures of the latest trace; issues of one trace follow each other."""

    def add(self, row: Mapping[str, Any]) -> None:
        """The next row of any kind."""
        if row["kind"] == "trace":
            self._add_trace(row)
        elif row["kind"] == "issue":
            self._add_issue(row)
        else:
            self.errors += 1

    def tables(self) -> tuple[Table, ...]:
        """All answers, the most frequent first, days in their order."""
        return (
            Table("verdicts", "Traces", ("verdict", "traces", "share"), tuple(self._verdict_rows())),
            Table(
                "failures",
                "Failures",
                ("failure", "issues", "traces", "share", "worst", "confidence"),
                tuple(self._failure_rows()),
            ),
            Table("agents", "Agents", ("agent", "traces", "issues"), tuple(self._agent_rows())),
            Table(
                "tools",
                "Tools",
                ("tool", "traces", "calls", "failed_calls", "no_result", "issues"),
                tuple(self._tool_rows()),
            ),
            Table("formats", "Formats", _grouped("format"), tuple(self._rows(_by_traces(self._formats)))),
            Table("days", "Days", _grouped("day"), tuple(self._rows(sorted(self._days.items())))),
        )

    def _add_trace(self, row: Mapping[str, Any]) -> None:
        self.traces += 1
        self.verdicts[row["verdict"]] += 1
        day = row["started"][:10] if row["started"] else NO_DAY
        for counts, name in ((self._formats, row["format"]), (self._days, day)):
            count = counts.setdefault(name, _Count())
            count.traces += 1
            count.failed += row["verdict"] == "failed"
            count.issues += row["issues"]
        for agent in row["agents"]:
            self._agents.setdefault(agent, _Count()).traces += 1
        for tool in row["tools"]:
            count = self._tools.setdefault(tool["name"], _Count())
            count.traces += 1
            count.calls += tool["calls"]
            count.failed += tool["failed"]
            count.unknown += tool["unknown"]

    def _add_issue(self, row: Mapping[str, Any]) -> None:
        self.issues += 1
        trace = (row["path"], row["trace"])
        if trace != self._latest:
            self._latest = trace
            self._seen.clear()
        failure = self._failures.setdefault(row["type"], _Failure())
        failure.issues += 1
        failure.traces += row["type"] not in self._seen
        failure.severity = max(failure.severity, row["severity"])
        failure.confidence += row["confidence"]
        self._seen.add(row["type"])
        self._agents.setdefault(row["agent"] or NO_NAME, _Count()).issues += 1
        if row["tool"]:
            self._tools.setdefault(row["tool"], _Count()).issues += 1

    def _share(self, count: int) -> float:
        return round(count / self.traces, 4) if self.traces else 0.0

    def _verdict_rows(self) -> Iterator[tuple[Cell, ...]]:
        for verdict, count in sorted(self.verdicts.items(), key=lambda pair: (-pair[1], pair[0])):
            yield verdict, count, self._share(count)

    def _failure_rows(self) -> Iterator[tuple[Cell, ...]]:
        for name, found in sorted(self._failures.items(), key=lambda pair: (-pair[1].traces, pair[0])):
            worst = Level.of(found.severity).value
            mean = round(found.confidence / found.issues, 3)
            yield name, found.issues, found.traces, self._share(found.traces), worst, mean

    def _agent_rows(self) -> Iterator[tuple[Cell, ...]]:
        for name, count in sorted(
            self._agents.items(), key=lambda pair: (-pair[1].issues, -pair[1].traces, pair[0])
        ):
            yield name, count.traces, count.issues

    def _tool_rows(self) -> Iterator[tuple[Cell, ...]]:
        for name, count in sorted(
            self._tools.items(), key=lambda pair: (-pair[1].failed, -pair[1].calls, pair[0])
        ):
            yield name, count.traces, count.calls, count.failed, count.unknown, count.issues

    @staticmethod
    def _rows(counts: Iterable[tuple[str, _Count]]) -> Iterator[tuple[Cell, ...]]:
        for name, count in counts:
            yield (
                name,
                count.traces,
                count.failed,
                round(count.failed / max(1, count.traces), 4),
                count.issues,
            )


def _grouped(name: str) -> tuple[str, ...]:
    return (name, "traces", "failed", "share_failed", "issues")


def _by_traces(counts: Mapping[str, _Count]) -> list[tuple[str, _Count]]:
    return sorted(counts.items(), key=lambda pair: (-pair[1].traces, pair[0]))
