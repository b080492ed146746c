"""`analyze` and `load`: the pipe as one call. Every door goes through here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pisama.analysis import with_issues
from pisama.config import Config
from pisama.detectors import Detector
from pisama.limits import DEFAULT, Limits
from pisama.pipe import Examiner, Source, read
from pisama.report import InterruptedAnalysisError, LoadError, Report, TraceReport
from pisama.scale.jobs import Jobs, examined
from pisama.scale.tasks import Found, Job
from pisama.suppression import Filter
from pisama.trace import Trace

if TYPE_CHECKING:
    from pisama.attribution.asking import Inquiry
    from pisama.attribution.judge import Judge

__all__ = ["Jobs", "Loaded", "Source", "analyze", "analyze_all", "load", "read", "stream"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What could be read, and what could not."""

    traces: tuple[Trace, ...]
    errors: tuple[LoadError, ...]


def load(source: Source, *, input_format: str | None = None, limits: Limits = DEFAULT) -> Loaded:
    """The traces in a source. Nothing is raised for bad input: see `errors`.

    `source` is a file, a folder (read recursively), the address of either (`s3://…`, with the extra `remote`), JSON
    text (a string that begins with `{` or `[`), bytes, or a decoded JSON value. `input_format` is a loader's id and
    turns sniffing off. `limits` say how much is read at most.
    """
    found = list(read(source, input_format=input_format, limits=limits))
    return Loaded(
        tuple(item for item in found if isinstance(item, Trace)),
        tuple(item for item in found if isinstance(item, LoadError)),
    )


def analyze(
    source: Source,
    *,
    config: Config | None = None,
    detectors: Iterable[Detector] | None = None,
    input_format: str | None = None,
    jobs: Jobs = 1,
    judge: Judge | str | None = None,
) -> Report:
    """Everything that failed in the traces of a source.

    `source` and `input_format` are those of `load`, whose limits `config` has. `detectors` replaces the ones that `config`
    chooses. `jobs` is the number of processes, or `auto` for one a core; a small source is examined without any, and the
    report is the same for every number. A program that asks for several must be importable without starting them
    again: `if __name__ == "__main__":`. `judge` is the name of a model, PROVIDER:NAME, or a judge of your own: it is asked
    who made the decisive mistake, and when, about the runs and within the cost that `config` says.

    Raises `ConfigError` for a configuration that cannot be followed, `InterruptedAnalysisError` when the user
    interrupts the asking, and nothing for bad input: that is in the report's `errors`.
    """
    return analyze_all(
        [source], config=config, detectors=detectors, input_format=input_format, jobs=jobs, judge=judge
    )


def analyze_all(
    sources: Iterable[Source],
    *,
    config: Config | None = None,
    detectors: Iterable[Detector] | None = None,
    input_format: str | None = None,
    jobs: Jobs = 1,
    judge: Judge | str | None = None,
) -> Report:
    """`analyze` for many sources together."""
    config = config or Config()
    inquiry = inquiry_of(judge, config) if judge is not None else None
    collected = Collected(Examiner.of(config, detectors))
    for item in _stream(sources, collected.examiner, input_format, jobs):
        collected.add(item)
    if inquiry is None:
        return collected.report()
    report = judged(collected.report(), inquiry, config)
    if report.judged is not None and report.judged.interrupted:
        raise InterruptedAnalysisError(report)
    return report


def inquiry_of(judge: Judge | str, config: Config) -> Inquiry:
    """Whom to ask, and within which bounds. Raises `ConfigError` for a model that cannot be asked."""
    # Loaded only by those who ask: it brings an SDK for each provider.
    from pisama.attribution.asking import Inquiry

    return Inquiry(judge, config)


def judged(report: Report, inquiry: Inquiry, config: Config) -> Report:
    """The report with what a judge says of its traces; when interrupted, of those that it was asked about by then."""
    left_out = Filter.of(config)
    told, judged = inquiry.ask(report.traces)
    traces = [
        replace(
            left_out.apply(with_issues(trace, each.issues, config)) if each.issues else trace,
            attribution=each.attribution,
        )
        for trace, each in zip(report.traces, told, strict=True)
    ]
    return replace(report, traces=tuple(traces), judged=judged)


def stream(
    sources: Iterable[Source],
    *,
    config: Config | None = None,
    detectors: Iterable[Detector] | None = None,
    input_format: str | None = None,
    jobs: Jobs = 1,
) -> Iterator[TraceReport | LoadError]:
    """`analyze` for many sources, one trace at a time, as soon as each is done and its turn has come.

    When interrupted, gives what was done and then raises `KeyboardInterrupt`.
    """
    yield from _stream(sources, Examiner.of(config or Config(), detectors), input_format, jobs)


def _stream(
    sources: Iterable[Source], examiner: Examiner, input_format: str | None, jobs: Jobs
) -> Iterator[TraceReport | LoadError]:
    for found in examined(sources, Job(examiner, as_it_is, input_format), jobs):
        if isinstance(found, Found):
            yield found.item


def as_it_is(report: TraceReport) -> TraceReport:
    """The whole report on a trace."""
    return report


class Collected:
    """A report in the making."""

    def __init__(self, examiner: Examiner) -> None:
        self.examiner = examiner
        self._traces: list[TraceReport] = []
        self._errors: list[LoadError] = []

    def add(self, item: TraceReport | LoadError) -> None:
        """The next trace, or what could not be read."""
        if isinstance(item, LoadError):
            self._errors.append(item)
        else:
            self._traces.append(item)

    def report(self) -> Report:
        """All that was added."""
        baseline = self.examiner.left_out.baseline
        stale = baseline.stale(self._traces) if baseline is not None else ()
        return Report(tuple(self._traces), tuple(self._errors), stale)
