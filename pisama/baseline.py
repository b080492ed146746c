"""The baseline: a file of issues that are known, so that only new ones fail a check."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from pisama.config import ConfigError
from pisama.file_writing import real_path, replace_file
from pisama.report import Report, Stale, TraceReport
from pisama.trace import Trace
from pisama.version import __version__

DEFAULT_BASELINE = ".pisama-baseline.json"
SCHEMA: Literal[2] = 2
"""1 was a bare list of fingerprints, which cannot say what became stale; it is still read."""


class Entry(BaseModel):
    """One known issue."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fingerprint: Annotated[str, Field(pattern="^[0-9a-f]{16}$")]
    type: str = ""
    """Id of the detector; empty where an old baseline did not record it."""
    path: str = ""
    """The trace file relative to the folder of the baseline, with forward slashes; empty for what was not a file."""
    summary: str = ""
    reason: str = ""
    """Why it is accepted. For people to fill in; kept when the baseline is written anew."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """The issues that are known."""

    entries: tuple[Entry, ...]
    folder: Path
    """What the paths of the entries are relative to."""

    def stale(self, reports: Iterable[TraceReport]) -> tuple[Stale, ...]:
        """The entries whose trace was examined by their detector, and which nothing that was examined shows any more."""
        seen: set[str] = set()
        examined: set[tuple[str, str]] = set()
        for report in reports:
            gone = (suppressed.issue for suppressed in report.suppressed)
            seen.update(
                issue.fingerprint for issue in (*report.issues, *report.hidden, *report.covered, *gone)
            )
            path = path_of(report.trace, self.folder)
            examined.update((path, detector) for detector in report.ran)
        return tuple(
            Stale(entry.fingerprint, entry.type, entry.path, entry.summary)
            for entry in self.entries
            if entry.fingerprint not in seen and (entry.path, entry.type) in examined and entry.path
        )


def path_of(trace: Trace, folder: Path) -> str:
    """The file of a trace relative to a folder, with forward slashes; empty for what was not a file."""
    path = trace.at.path if trace.at is not None else None
    if path is None:
        return ""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # on Windows, a file on another drive
        return Path(path).as_posix()


def read_baseline(path: Path) -> Baseline:
    """The baseline in a file, of this version or an older one.

    Raises `ConfigError` for a file that cannot be read, is no baseline, or is of a newer version.
    """
    try:
        value = orjson.loads(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from error
    except ValueError as error:
        raise ConfigError(f"{path}: not JSON: {error}") from error
    try:
        entries = TypeAdapter(tuple[Entry, ...]).validate_python(_upgraded(value, path)["issues"])
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{path}: not a baseline: issues.{place}: {first['msg']}") from None
    return Baseline(entries, real_path(path).parent)


def _upgraded(value: JsonValue, path: Path) -> dict[str, JsonValue]:
    if isinstance(value, list):
        value = {"schema": 1, "fingerprints": value}
    if not isinstance(value, dict) or not isinstance(value.get("schema"), int):
        raise ConfigError(f"{path}: not a baseline; `pisama baseline FILE` writes one")
    while (schema := value["schema"]) != SCHEMA:
        upgrade = _UPGRADES.get(schema) if isinstance(schema, int) else None
        if upgrade is None:
            raise ConfigError(f"{path}: a baseline of schema {schema}, which this version does not know")
        value = upgrade(value)
    if not isinstance(value.get("issues"), list):
        raise ConfigError(f"{path}: not a baseline: it has no list of issues")
    return value


def _from_fingerprints(old: dict[str, JsonValue]) -> dict[str, JsonValue]:
    prints = old.get("fingerprints")
    issues: list[JsonValue] = [{"fingerprint": mark} for mark in prints] if isinstance(prints, list) else []
    return {"schema": 2, "issues": issues}


_UPGRADES: dict[int, Callable[[dict[str, JsonValue]], dict[str, JsonValue]]] = {1: _from_fingerprints}


def write_baseline(path: Path, report: Report) -> int:
    """Write the issues of the report as the baseline and return how many entries it has.

    The file is replaced in one step, so that nobody reads half of it. Reasons that people wrote into the old one
    are kept. Raises `ConfigError` when the old one is no baseline, and `OSError` when the new one cannot be written.
    """
    reasons = (
        {entry.fingerprint: entry.reason for entry in read_baseline(path).entries} if path.is_file() else {}
    )
    folder = real_path(path).parent
    entries = {
        (issue.fingerprint, path_of(trace.trace, folder)): Entry(
            fingerprint=issue.fingerprint,
            type=issue.type,
            path=path_of(trace.trace, folder),
            summary=issue.summary,
            reason=reasons.get(issue.fingerprint, ""),
        )
        for trace in report.traces
        for issue in trace.issues
    }
    ordered = sorted(entries.values(), key=lambda entry: (entry.path, entry.type, entry.fingerprint))
    value = {
        "schema": SCHEMA,
        "pisama": __version__,
        "issues": [entry.model_dump(exclude_defaults=True) for entry in ordered],
    }
    replace_file(path, orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n")
    return len(ordered)
