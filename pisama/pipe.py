"""A source in, its traces examined one at a time: what every door, and every process of one, does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import NamedTuple, TypeAlias

from pisama.analysis import examine
from pisama.attribution import attribute
from pisama.config import Config
from pisama.detectors import Detector
from pisama.limits import DEFAULT, Limits
from pisama.loaders import load as load_source
from pisama.loaders.remote import Remote, is_remote
from pisama.report import LoadError, TraceReport
from pisama.selection import chosen
from pisama.suppression import Filter
from pisama.trace import JSON, Trace

Source: TypeAlias = "str | PathLike[str] | bytes | dict[str, JSON] | list[JSON] | Trace"
"""A path, the address of an object store, JSON text, bytes of either, a decoded JSON value, or a trace."""


def place_of(source: Source | LoadError) -> Path | Remote | None:
    """Where a source lies when it is a path or an address; None when it is the content itself."""
    if isinstance(source, str):
        if is_remote(source):
            return Remote(source)
        return None if source.lstrip().startswith(("{", "[")) else Path(source)
    return Path(source) if isinstance(source, PathLike) else None


def read(
    source: Source | LoadError, *, input_format: str | None = None, limits: Limits = DEFAULT
) -> Iterator[Trace | LoadError]:
    """`load`, one trace at a time. What could not even be taken in is handed on."""
    if isinstance(source, Trace | LoadError):
        yield source
        return
    place = place_of(source)
    yield from load_source(source if place is None else place, input_format, limits=limits)  # type: ignore[arg-type]


class Examiner(NamedTuple):
    """Says what failed in a trace. Can be sent to another process when its detectors can."""

    detectors: tuple[Detector, ...]
    config: Config
    left_out: Filter

    @classmethod
    def of(cls, config: Config, detectors: Iterable[Detector] | None = None) -> Examiner:
        """As the configuration asks; `detectors` replaces the ones that it chooses.

        Raises `ConfigError` for a configuration that cannot be followed.
        """
        running = tuple(detectors) if detectors is not None else chosen(config)
        return cls(running, config, Filter.of(config))

    def __call__(self, trace: Trace) -> TraceReport:
        """What failed in one trace and, when something did, who most likely made the decisive mistake."""
        report = examine(trace, self.detectors, self.config)
        kept = self.left_out.apply(report)
        if kept.suppressed and not kept.issues:
            return kept
        # Known failures are signs too, so the cause is looked for among all of them.
        return replace(kept, attribution=attribute(report))
