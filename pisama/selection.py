"""Which detectors run, with which options."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import EntryPoints, entry_points

from pydantic import ValidationError

from pisama.config import Config, ConfigError
from pisama.detectors import BUILT_IN, Detector

__all__ = ["ENTRY_POINTS", "ConfigError", "available", "chosen", "did_you_mean"]

ENTRY_POINTS = "pisama.detectors"
"""Entry point group in which other packages offer detectors."""


@cache
def offered() -> EntryPoints:
    """The detectors that other packages offer. Looked up once, since a file of every installed package is read."""
    return entry_points(group=ENTRY_POINTS)


def available(*, plugins: bool = True) -> dict[str, type[Detector]]:
    """Every detector there is, by id: the built-in ones, then those of other packages.

    Raises `ConfigError` for a plugin that cannot be imported, is no detector, or takes an id that
    is already taken.
    """
    found = {kind.id: kind for kind in BUILT_IN}
    for entry in offered() if plugins else ():
        origin = f"detector plugin {entry.value}"
        try:
            kind = entry.load()
        except Exception as error:
            raise ConfigError(
                f"{origin} cannot be imported ({error}); --no-plugins runs without it"
            ) from error
        if not (isinstance(kind, type) and issubclass(kind, Detector)):
            raise ConfigError(f"{origin} is not a subclass of pisama.Detector; --no-plugins runs without it")
        if kind.id in found:
            raise ConfigError(
                f"{origin} takes the id {kind.id!r}, which is taken; --no-plugins runs without it"
            )
        found[kind.id] = kind
    return found


def chosen(config: Config) -> tuple[Detector, ...]:
    """The detectors this configuration asks for, with their options set.

    Raises `ConfigError` for an id or an option that does not exist or cannot be used.
    """
    kinds = available(plugins=config.plugins)
    for named in (config.select or (), config.ignore, config.options):
        _check_ids(named, kinds)
    for rule in config.suppress:
        if rule.detector is not None:
            _check_signal(rule.detector, kinds)
    return tuple(
        _with_options(kind, config)
        for kind in kinds.values()
        if (config.select is None or kind.id in config.select) and kind.id not in config.ignore
    )


def _check_ids(named: Iterable[str], kinds: Iterable[str]) -> None:
    known = sorted(kinds)
    for name in sorted(named):
        if name not in known:
            raise ConfigError(
                f"there is no detector {name!r}{did_you_mean(name, known)}; `pisama detectors` lists them"
            )


def _check_signal(name: str, kinds: Mapping[str, type[Detector]]) -> None:
    detector, dot, signal = name.partition(".")
    _check_ids((detector,), kinds)
    signals = kinds[detector].signals
    if dot and signal not in signals:
        raise ConfigError(f"detector {detector} has no signal {signal!r}{did_you_mean(signal, signals)}")


def _with_options(kind: type[Detector], config: Config) -> Detector:
    options = config.options.get(kind.id)
    if not options and kind in BUILT_IN:
        # There is nothing to check, and building what checks options takes longer than analysing a small trace.
        return kind.model_construct()
    try:
        return kind.model_validate(options or {})
    except ValidationError as error:
        first = error.errors()[0]
        option = ".".join(str(part) for part in first["loc"])
        hint = did_you_mean(option, sorted(kind.model_fields)) if first["type"] == "extra_forbidden" else ""
        raise ConfigError(f"detector {kind.id}, option {option!r}: {first['msg']}{hint}") from None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`, did you mean 'loop'?` when something known is close, else nothing."""
    from rapidfuzz import fuzz, process

    closest = process.extractOne(name, list(known), scorer=fuzz.ratio, score_cutoff=60)
    return f", did you mean {closest[0]!r}?" if closest else ""
