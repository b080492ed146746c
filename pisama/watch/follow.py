"""Following the session files that coding agents write, as they grow."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import orjson

from pisama.issue import Issue
from pisama.limits import DEFAULT, Limits
from pisama.loaders import find_files, load
from pisama.report import LoadError
from pisama.trace import Step, Trace

POLL = 0.5
"""Seconds between looks at the files."""
HEAD_LINES = 12
"""Lines at the beginning of a file that tell what its later lines belong to."""
LINES_PER_STEP = 6
"""Lines that a step takes in a session file, at most, for the window."""
MAX_HEAD = 1 << 20
MAX_LINE = 1 << 20
"""Bytes of a first line that is looked at."""
MAX_TAIL = 8 << 20
"""Bytes of a window at most."""


class FollowedFile:
    """One session file as a growing record of runs.

    Of a file of lines, what is counted as its steps are its lines. A file that is one document is written anew
    with each act; there the steps are the times it was.
    """

    def __init__(self, path: Path, *, old: int = 0, limits: Limits = DEFAULT) -> None:
        """So many bytes of it are older than the watch. Raises OSError when the file cannot be read."""
        self.path = path
        self._limits = limits
        self._size = 0
        self._changed = 0
        self._lines = 0
        self._rewritten = 0
        self.before = -1
        """Place of the last act that is older than the watch."""
        self._old = old
        if old and path.suffix == ".json":
            # A document is written anew, so its acts of today are not to be told from it tomorrow.
            self._leave_out()

    def _leave_out(self) -> None:
        size, self._old = self._old, 0
        self.poll()
        if self._rewritten:
            self.before = max((place_of(step) for run in self._runs() for step in run.steps), default=-1)
            return
        with self.path.open("rb") as file:
            self.before = sum(chunk.count(b"\n") for chunk in _chunks(file, size))
        # It may have grown since, and is then to be looked at.
        self._size = self._changed = self._lines = 0

    @property
    def steps(self) -> int:
        """Lines, or versions of the document, so far."""
        return self._rewritten or self._lines

    def poll(self) -> bool:
        """Looks at the file; whether it has grown by a line. Raises OSError when it cannot be read."""
        status = self.path.stat()
        if self._old == status.st_size:
            return False
        if self._old:
            self._leave_out()
        if (status.st_size, status.st_mtime_ns) == (self._size, self._changed):
            return False
        before = self._lines
        with self.path.open("rb") as file:
            is_document = not _is_of_lines(file.readline(MAX_LINE))
            if status.st_size < self._size:
                # Written anew from its beginning.
                self._size = self._lines = 0
                self.before = -1 if not is_document else self.before
            file.seek(self._size)
            for data in _chunks(file, sys.maxsize):
                self._size += len(data)
                self._lines += data.count(b"\n")
        self._changed = status.st_mtime_ns
        self._rewritten = self._rewritten + 1 if is_document else 0
        return is_document or self._lines > before or before == 0

    def whole(self) -> Iterator[Trace | LoadError]:
        """The runs in the file."""
        return load(self.path, limits=self._limits)

    def window(self, steps: int) -> Iterable[Trace]:
        """The runs in the first lines of the file and its last ones; in a document, their last steps."""
        if self._rewritten:
            return [replace(run, steps=run.steps[-steps:]) for run in self._runs()]
        with self.path.open("rb") as file:
            head = _head(file)
            start = max(len(head), file.seek(0, os.SEEK_END) - MAX_TAIL)
            file.seek(start)
            tail = file.read().split(b"\n")
        tail = (tail[1:] if start > len(head) else tail)[-steps * LINES_PER_STEP :]
        text = head + b"\n".join(tail)
        skipped = self._lines + 1 - HEAD_LINES - len(tail)
        read = load(text, path=str(self.path), limits=self._limits)
        return [_numbered_as_in_file(run, skipped) for run in _runs(read)]

    def is_old(self, trace: Trace, issue: Issue) -> bool:
        """Whether all that shows it was there before only what comes counts."""
        if self.before < 0:
            return False
        shown = {issue.step, *(item.step for item in issue.evidence)} - {None}
        places = [place_of(step) for step in trace.steps if step.index in shown]
        return bool(places) and max(places) <= self.before

    def _runs(self) -> Iterator[Trace]:
        return _runs(self.whole())


def place_of(step: Step) -> int:
    """Where in its file an act is recorded: its line, or its number where the file has no lines."""
    return (step.at.line if step.at is not None else None) or step.index


def _chunks(file: BinaryIO, size: int) -> Iterator[bytes]:
    while size > 0 and (data := file.read(min(size, 1 << 20))):
        yield data
        size -= len(data)


def _runs(loaded: Iterable[Trace | LoadError]) -> Iterator[Trace]:
    return (item for item in loaded if isinstance(item, Trace))


def _numbered_as_in_file(trace: Trace, skipped: int) -> Trace:
    """The run in a window, with the lines of the file: so many are left out between its head and the rest."""
    if skipped <= 0:
        return trace
    return replace(trace, steps=tuple(_moved(step, skipped) for step in trace.steps))


def _moved(step: Step, lines: int) -> Step:
    if step.at is None or step.at.line is None or step.at.line <= HEAD_LINES:
        return step
    return replace(step, at=replace(step.at, line=step.at.line + lines))


def _is_of_lines(first: bytes) -> bool:
    """Whether a file that begins with this line is one of lines: it is whole in itself."""
    if not first.endswith(b"\n"):
        # One line alone: a document without line breaks, or the first line of many, not yet finished.
        return first[:1] != b"{" or not _is_json(first)
    return first[:1] not in (b"{", b"[") or _is_json(first) or len(first) >= MAX_LINE


def _is_json(text: bytes) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _head(file: BinaryIO) -> bytes:
    return b"".join(file.readlines(MAX_HEAD)[:HEAD_LINES])


class Followed:
    """The files of the paths that are followed, new ones included."""

    def __init__(self, paths: Iterable[str], old: Mapping[Path, int], limits: Limits = DEFAULT) -> None:
        """`old` has the size that files had before only what comes counts; see `sizes_of`."""
        self._paths = [Path(path) for path in paths]
        self._limits = limits
        self._files: dict[Path, FollowedFile] = {}
        self._unread: dict[Path, str] = {}
        for path, size in old.items():
            with suppress(OSError):
                self._files[path] = FollowedFile(path, old=size, limits=limits)

    @property
    def problems(self) -> tuple[str, ...]:
        """Files that could not be read, and paths where nothing was."""
        missing = [f"{path}: nothing there to follow" for path in self._paths if not path.exists()]
        return (*missing, *(f"{path}: {reason}" for path, reason in self._unread.items()))

    def grown(self) -> Iterator[FollowedFile]:
        """The files that have grown since the last look."""
        for path in chain.from_iterable(map(_files_of, self._paths)):
            file = self._files.get(path)
            if file is None:
                file = self._files[path] = FollowedFile(path, limits=self._limits)
            try:
                if file.poll():
                    yield file
            except OSError as error:
                self._unread[path] = error.strerror or str(error)


def _files_of(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from find_files(path)
    elif path.exists():
        yield path
