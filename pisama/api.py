"""`analyze` and `load`: the pipe as one call. Every door goes through here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from pisama.analysis import examine, with_issues
from pisama.attribution import attribute
from pisama.config import Config
from pisama.detectors import Detector
from pisama.loaders import load as load_source
from pisama.loaders import load_path
from pisama.report import InterruptedAnalysisError, LoadError, Report, TraceReport
from pisama.selection import chosen
from pisama.suppression import Filter
from pisama.trace import JSON, Trace

if TYPE_CHECKING:
    from pisama.attribution.asking import Inquiry
    from pisama.attribution.judge import Judge

Source: TypeAlias = "str | PathLike[str] | bytes | dict[str, JSON] | list[JSON] | Trace"
"""A path, JSON text, bytes of either, a decoded JSON value, or a trace."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What could be read, and what could not."""

    traces: tuple[Trace, ...]
    errors: tuple[LoadError, ...]


def load(source: Source, *, input_format: str | None = None) -> Loaded:
    """The traces in a source. Nothing is raised for bad input: see `errors`.

    `source` is a file, a folder (read recursively), JSON text (a string that begins with `{` or
    `[`), bytes, or a decoded JSON value. `input_format` is a loader's id and turns sniffing off.
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
    judge: Judge | str | None = None,
) -> Report:
    """Everything that failed in the traces of a source.

    `source` and `input_format` are those of `load`. `detectors` replaces the ones that `config`
    chooses. `judge` is the name of a model, PROVIDER:NAME, or a judge of your own, who is asked who
    made the decisive mistake, and when, about the runs and within the cost that `config` says.
    Raises `ConfigError` for a configuration that cannot be followed, `InterruptedAnalysisError`
    when the user interrupts the asking, and nothing for bad input: that is in the report's `errors`.
    """
    return analyze_all([source], config=config, detectors=detectors, input_format=input_format, judge=judge)


def analyze_all(
    sources: Iterable[Source],
    *,
    config: Config | None = None,
    detectors: Iterable[Detector] | None = None,
    input_format: str | None = None,
    advance: Callable[[int], None] | None = None,
    judge: Judge | str | None = None,
) -> Report:
    """`analyze` for many sources together. `advance` is told how many traces are done after each of them."""
    config = config or Config()
    inquiry = _inquiry(judge, config) if judge is not None else None
    left_out = Filter.of(config)
    traces: list[TraceReport] = []
    errors: list[LoadError] = []
    for item in _each(sources, config, left_out, detectors, input_format):
        if isinstance(item, LoadError):
            errors.append(item)
        else:
            traces.append(item)
            if advance is not None:
                advance(len(traces))
    stale = left_out.baseline.stale(traces) if left_out.baseline is not None else ()
    report = Report(tuple(traces), tuple(errors), stale)
    return report if inquiry is None else _judged(report, inquiry, config, left_out)


def _inquiry(judge: Judge | str, config: Config) -> Inquiry:
    # Loaded only by those who ask: it brings an SDK for each provider.
    from pisama.attribution.asking import Inquiry

    return Inquiry(judge, config)


def _judged(report: Report, inquiry: Inquiry, config: Config, left_out: Filter) -> Report:
    """The report with what a judge says of its traces."""
    told, judged = inquiry.ask(report.traces)
    traces = [
        replace(
            left_out.apply(with_issues(trace, each.issues, config)) if each.issues else trace,
            attribution=each.attribution,
        )
        for trace, each in zip(report.traces, told, strict=True)
    ]
    report = replace(report, traces=tuple(traces), judged=judged)
    if judged.interrupted:
        raise InterruptedAnalysisError(report)
    return report


def stream(
    sources: Iterable[Source],
    *,
    config: Config | None = None,
    detectors: Iterable[Detector] | None = None,
    input_format: str | None = None,
) -> Iterator[TraceReport | LoadError]:
    """`analyze` for many sources, one trace at a time, as soon as each is done."""
    config = config or Config()
    yield from _each(sources, config, Filter.of(config), detectors, input_format)


def _each(
    sources: Iterable[Source],
    config: Config,
    left_out: Filter,
    detectors: Iterable[Detector] | None,
    input_format: str | None,
) -> Iterator[TraceReport | LoadError]:
    running = tuple(detectors) if detectors is not None else chosen(config)
    for source in sources:
        for item in read(source, input_format=input_format):
            yield item if isinstance(item, LoadError) else _report_on(item, running, config, left_out)


def _report_on(trace: Trace, detectors: Iterable[Detector], config: Config, left_out: Filter) -> TraceReport:
    """What failed in one trace and, when something did, who most likely made the decisive mistake."""
    report = examine(trace, detectors, config)
    kept = left_out.apply(report)
    if kept.suppressed and not kept.issues:
        return kept
    # Known failures are signs too, so the cause is looked for among all of them.
    return replace(kept, attribution=attribute(report))


def read(source: Source, *, input_format: str | None = None) -> Iterator[Trace | LoadError]:
    """`load`, one trace at a time."""
    if isinstance(source, Trace):
        yield source
        return
    if isinstance(source, str) and not source.lstrip().startswith(("{", "[")):
        source = Path(source)
    if isinstance(source, PathLike):
        yield from load_path(Path(source), input_format)
    else:
        yield from load_source(source, input_format)
