"""`analyze` and `load`: the pipe as one call. Every door goes through here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TypeAlias

from pisama.analysis import examine
from pisama.attribution import attribute
from pisama.config import Config
from pisama.detectors import Detector
from pisama.loaders import load as load_source
from pisama.loaders import load_path
from pisama.report import LoadError, Report, TraceReport
from pisama.selection import chosen
from pisama.trace import JSON, Trace

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
) -> Report:
    """Everything that failed in the traces of a source.

    `source` and `input_format` are those of `load`. `detectors` replaces the ones that `config`
    chooses. Raises `ConfigError` for a configuration that cannot be followed, and nothing for bad
    input: that is in the report's `errors`.
    """
    found = list(stream([source], config=config, detectors=detectors, input_format=input_format))
    return Report(
        tuple(item for item in found if isinstance(item, TraceReport)),
        tuple(item for item in found if isinstance(item, LoadError)),
    )


def stream(
    sources: Iterable[Source],
    *,
    config: Config | None = None,
    detectors: Iterable[Detector] | None = None,
    input_format: str | None = None,
) -> Iterator[TraceReport | LoadError]:
    """`analyze` for many sources, one trace at a time, as soon as each is done."""
    config = config or Config()
    running = tuple(detectors) if detectors is not None else chosen(config)
    for source in sources:
        for item in read(source, input_format=input_format):
            yield item if isinstance(item, LoadError) else report_on(item, running, config)


def report_on(trace: Trace, detectors: Iterable[Detector], config: Config) -> TraceReport:
    """What failed in one trace and, when something did, who most likely made the decisive mistake."""
    report = examine(trace, detectors, config)
    return replace(report, attribution=attribute(report))


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
