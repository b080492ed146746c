"""A folder of results: files of rows, each written whole or not at all, and a record of what is done.

    results/
      progress.jsonl          what wrote it, and after each part which inputs are in it
      traces/part-00000.jsonl
      issues/part-00000.jsonl
      errors/part-00000.jsonl

The same command goes on where it was stopped. A part counts once `progress.jsonl` names it; one that was written
and not yet named is written again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import orjson

from pisama.config import Config, ConfigError
from pisama.file_writing import replacing
from pisama.loaders.base import Piece
from pisama.output.rows import TABLES
from pisama.scale.lines import Lines, Tally
from pisama.scale.parquet import arrow, read_parquet, write_parquet
from pisama.version import __version__

FileFormat: TypeAlias = Literal["jsonl", "parquet"]

PROGRESS = "progress.jsonl"
SCHEMA = 1
PART_ROWS = 50_000
"""Rows after which a part is written."""
PART_BYTES = 16_000_000
"""Bytes of lines after which a part is written; they are held until then."""


@dataclass(slots=True)
class _Progress:
    """How far a piece is."""

    items: int = 0
    finished: bool = False


@dataclass(slots=True)
class _Part:
    """What the next files will hold."""

    lines: dict[str, list[bytes]] = field(default_factory=lambda: {name: [] for name in TABLES})
    rows: int = 0
    size: int = 0
    tally: Tally = field(default_factory=Tally)
    pieces: dict[str, Piece] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)
    """Errors that are of no piece, such as a file that is not there."""


class ResultsFolder:
    """Where the rows go."""

    def __init__(self, folder: Path, file_format: FileFormat, settings: str) -> None:
        """Makes the folder, or goes on with one that the same settings made.

        `settings` is what `settings_mark` gives. Raises `ConfigError` for a folder that holds something else, or the
        results of other settings, or cannot be written.
        """
        if file_format == "parquet":
            arrow()
        self.folder = folder
        self.tally = Tally()
        """All that is in the folder, or will be in its next part."""
        self.resumed = False
        """Whether there was something in it already."""
        self._format = file_format
        self._known: dict[str, list[Any]] = {}
        self._done: dict[str, _Progress] = {}
        self._others: set[str] = set()
        self._parts = 0
        self._part = _Part()
        header = {"pisama": __version__, "schema": SCHEMA, "format": file_format, "settings": settings}
        try:
            self._open(header)
        except OSError as error:
            raise ConfigError(f"{folder}: {error.strerror or error}") from error

    def already(self, piece: Piece) -> int | None:
        """How many traces and errors of a piece are in the folder; None when all are.

        Raises `ConfigError` when the piece was written to in the meantime.
        """
        recorded = self._known.get(piece.path)
        if recorded is None:
            return 0
        if recorded != _state(piece):
            raise ConfigError(
                f"{piece.path} has changed since its results were written to {self.folder}; give another folder"
            )
        progress = self._done[piece.path]
        return None if progress.finished else progress.items

    def add(self, lines: Lines, piece: Piece | None) -> None:
        """The next trace, or error, of a piece. Raises `OSError` when a part cannot be written."""
        if piece is None:
            mark = hashlib.sha256(bytes(lines)).hexdigest()[:16]
            if mark in self._others:
                return
            self._others.add(mark)
            self._part.others.append(mark)
        else:
            self._done.setdefault(piece.path, _Progress()).items += 1
            self._part.pieces[piece.path] = piece
        part = self._part
        for table, found in (
            ("traces", (lines.trace,)),
            ("issues", lines.issues),
            ("errors", (lines.error,)),
        ):
            part.lines[table] += filter(None, found)
        part.rows += 1 + len(lines.issues)
        part.size += len(lines.trace) + len(lines.error) + sum(map(len, lines.issues))
        part.tally.add(lines)
        self.tally.add(lines)
        if part.rows >= PART_ROWS or part.size >= PART_BYTES:
            self.write()

    def finish(self, piece: Piece) -> None:
        """All of the piece was added."""
        self._done.setdefault(piece.path, _Progress()).finished = True
        self._part.pieces[piece.path] = piece

    def write(self, *, complete: bool = False) -> None:
        """Writes what was added since the last part. `complete` says that nothing is missing.

        Raises `OSError` when it cannot be written.
        """
        part = self._part
        if part.rows or part.pieces or not self._parts:
            for table in TABLES:
                # The first part has every table, so that each can be read even when nothing is in it.
                if part.lines[table] or not self._parts:
                    self._write_table(table, part.lines[table])
            self._record(
                {
                    "part": self._parts,
                    **asdict(part.tally),
                    "pieces": [
                        [path, _state(piece), self._done[path].items, self._done[path].finished]
                        for path, piece in part.pieces.items()
                    ],
                    "others": part.others,
                }
            )
            self._parts += 1
            self._part = _Part()
        if complete:
            self._record({"complete": True})

    def _open(self, header: dict[str, Any]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        log = self.folder / PROGRESS
        if not log.exists():
            if any(self.folder.iterdir()):
                raise ConfigError(f"{self.folder} holds something else already; give another folder")
            self._record(header)
            return
        first, *rest = read_progress(self.folder)
        for name, what in (("pisama", "version"), ("format", "format"), ("settings", "settings")):
            if first.get(name) != header[name]:
                raise ConfigError(
                    f"{self.folder} was written with another {what}; give another folder".replace(
                        "another settings", "other settings"
                    )
                )
        self.resumed = bool(rest)
        for entry in rest:
            if "part" not in entry:
                continue
            self.tally.merge(entry)
            self._parts = entry["part"] + 1
            self._others.update(entry["others"])
            for path, state, items, finished in entry["pieces"]:
                self._known[path] = state
                self._done[path] = _Progress(items, finished)
        self._cut_unfinished_line(log)

    @staticmethod
    def _cut_unfinished_line(log: Path) -> None:
        content = log.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(log, whole)

    def _write_table(self, table: str, lines: Sequence[bytes]) -> None:
        place = self.folder / table
        place.mkdir(exist_ok=True)
        final = place / f"part-{self._parts:05d}.{self._format}"
        with replacing(final) as file:
            if self._format == "parquet":
                write_parquet(file, table, lines)
            else:
                file.writelines(lines)

    def _record(self, entry: dict[str, Any]) -> None:
        with (self.folder / PROGRESS).open("ab") as log:
            log.write(orjson.dumps(entry) + b"\n")
            log.flush()
            os.fsync(log.fileno())


def settings_mark(config: Config, input_format: str | None) -> str:
    """What must be the same for results to belong together: 16 hex digits of the settings."""
    settings = config.model_dump(mode="json", exclude={"fail_on", "folder"})
    for name in ("select", "ignore"):
        settings[name] = settings[name] and sorted(settings[name])
    told: list[Any] = [settings, input_format]
    if config.baseline is not None:
        with suppress(OSError):
            told.append(config.baseline.read_text(encoding="utf-8"))
    return hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def is_results(folder: Path) -> bool:
    """Whether a folder was written by this."""
    return (folder / PROGRESS).is_file()


def read_progress(folder: Path) -> list[dict[str, Any]]:
    """The lines of the record, the first of which says what wrote it. Raises `ConfigError` when it is none."""
    entries: list[dict[str, Any]] = []
    for line in (folder / PROGRESS).read_bytes().splitlines(keepends=True):
        if not line.endswith(b"\n"):
            break  # its writer was killed; the part is written again
        try:
            entry = orjson.loads(line)
        except orjson.JSONDecodeError:
            entry = None
        if not isinstance(entry, dict):
            raise ConfigError(f"{folder / PROGRESS} is damaged")
        entries.append(entry)
    if not entries or entries[0].get("schema") != SCHEMA:
        raise ConfigError(f"{folder} is no folder of results that this version can read")
    return entries


def rows_in(folder: Path, table: str) -> Iterator[dict[str, Any]]:
    """The rows of `traces`, `issues` or `errors` in a folder of results, part by part.

    Raises `ConfigError` when it is none, and `OSError` when a part cannot be read.
    """
    first, *rest = read_progress(folder)
    for entry in rest:
        if "part" not in entry:
            continue
        path = folder / table / f"part-{entry['part']:05d}.{first['format']}"
        if not path.exists():
            continue  # a part without rows of this table
        if first["format"] == "parquet":
            yield from read_parquet(path)
        else:
            with path.open("rb") as lines:
                yield from map(orjson.loads, lines)


def _state(piece: Piece) -> list[Any]:
    """What tells one content of a file from another."""
    if not isinstance(piece.file, Path):
        return [piece.size]
    try:
        state = piece.file.stat()
    except OSError:
        return [piece.size]
    return [state.st_size, state.st_mtime_ns]
