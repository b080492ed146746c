"""`analyze` and `load`: the pipe as one call. Every door goes through here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pisama.config import Config
from pisama.detectors import Detector
from pisama.pipe import Examiner, Source, read
from pisama.report import LoadError, Report, TraceReport
from pisama.scale.jobs import Jobs, examined
from pisama.scale.tasks import Found, Job
from pisama.trace import Trace

__all__ = ["Jobs", "Loaded", "Source", "analyze", "analyze_all", "load", "read", "stream"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What could be read, and what could not."""

    traces: tuple[Trace, ...]
    errors: tuple[LoadError, ...]


def load(source: Source, *, input_format: str | None = None) -> Loaded:
    """The traces in a source. Nothing is raised for bad input: see `errors`.

    `source` is a file, a folder (read recursively), the address of either (`s3://…`, with the extra `remote`), JSON
    text (a string that begins with `{` or `[`), bytes, or a decoded JSON value. `input_format` is a loader's id and
    turns sniffing off.
    """
    found = list(read(source, input_format=input_format))
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
) -> Report:
    """Everything that failed in the traces of a source.

    `source` and `input_format` are those of `load`. `detectors` replaces the ones that `config`
    chooses. `jobs` is the number of processes, or `auto` for one a core; a small source is examined without any, and the
    report is the same for every number. A program that asks for several must be importable without starting them
    again: `if __name__ == "__main__":`.

    Raises `ConfigError` for a configuration that cannot be followed, and nothing for bad
    input: that is in the report's `errors`.
    """
    return analyze_all([source], config=config, detectors=detectors, input_format=input_format, jobs=jobs)


def analyze_all(
    sources: Iterable[Source],
    *,
    config: Config | None = None,
    detectors: Iterable[Detector] | None = None,
    input_format: str | None = None,
    jobs: Jobs = 1,
) -> Report:
    """`analyze` for many sources together."""
    collected = Collected(Examiner.of(config or Config(), detectors))
    for item in _stream(sources, collected.examiner, input_format, jobs):
        collected.add(item)
    return collected.report()


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
