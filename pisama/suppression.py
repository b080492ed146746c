"""Issues that are left out on purpose: those in the baseline, and those that a suppression names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pisama.config import Config, Suppression
from pisama.issue import Issue
from pisama.patterns import lazy
from pisama.report import Suppressed, TraceReport

if TYPE_CHECKING:
    from pisama.baseline import Baseline


class Filter(NamedTuple):
    """What the configuration leaves out. The one place where issues become suppressed."""

    rules: Sequence[tuple[Suppression, re.Pattern[str] | None]]
    folder: Path
    known: Mapping[str, str]
    """Why an issue of the baseline is accepted, by fingerprint."""
    baseline: Baseline | None

    @classmethod
    def of(cls, config: Config) -> Filter:
        """The filter that a configuration asks for. Raises `ConfigError` when its baseline cannot be read."""
        baseline = None
        if config.baseline is not None:
            from pisama.baseline import read_baseline

            baseline = read_baseline(config.baseline)
        return cls(
            tuple((rule, _pattern(rule.path) if rule.path is not None else None) for rule in config.suppress),
            config.folder or Path.cwd(),
            {entry.fingerprint: entry.reason for entry in baseline.entries} if baseline else {},
            baseline,
        )

    def apply(self, report: TraceReport) -> TraceReport:
        """The report with the issues that are left out moved to `suppressed`."""
        if not (self.rules or self.known):
            return report
        from pisama.baseline import path_of

        path = path_of(report.trace, self.folder)
        kept: list[Issue] = []
        suppressed: list[Suppressed] = []
        for issue in report.issues:
            gone = self._suppressed(issue, path)
            if gone is None:
                kept.append(issue)
            else:
                suppressed.append(gone)
        if not suppressed:
            return report
        return replace(report, issues=tuple(kept), suppressed=(*report.suppressed, *suppressed))

    def _suppressed(self, issue: Issue, path: str) -> Suppressed | None:
        for rule, pattern in self.rules:
            if _holds(rule, pattern, issue, path):
                return Suppressed(issue, "rule", rule.reason)
        if issue.fingerprint in self.known:
            return Suppressed(issue, "baseline", self.known[issue.fingerprint] or "in the baseline")
        return None


def _holds(rule: Suppression, pattern: re.Pattern[str] | None, issue: Issue, path: str) -> bool:
    if rule.detector is not None and rule.detector not in (issue.type, f"{issue.type}.{issue.signal}"):
        return False
    if rule.fingerprint is not None and rule.fingerprint != issue.fingerprint:
        return False
    return pattern is None or bool(path and pattern.match(path))


_PARTS = lazy(r"\*\*/|\*\*|\*|\?|[^*?]+")
_MEANINGS = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def _pattern(pattern: str) -> re.Pattern[str]:
    """The pattern of a path as a regular expression; a pattern of a folder holds for all that is in it."""
    anywhere = "" if "/" in pattern.rstrip("/") else "(?:[^/]+/)*"
    pieces = _PARTS.findall(pattern.strip("/"))
    return re.compile(
        anywhere + "".join(_MEANINGS.get(piece) or re.escape(piece) for piece in pieces) + r"(?:/.*)?\Z",
        re.DOTALL,
    )
