"""Following the session files that coding agents write, as they grow."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from pisama.loaders import find_files, load
from pisama.report import LoadError
from pisama.trace import Trace
from pisama.watch.captured import Start

POLL = 0.5
"""Seconds between looks at the files."""
HEAD_LINES = 12
"""Lines at the beginning of a file that tell what its later lines belong to."""
LINES_PER_STEP = 6
"""Lines that a step takes in a session file, at most, for the window."""
MAX_HEAD = 1 << 20
MAX_TAIL = 8 << 20
"""Bytes of a window at most."""


class FollowedFile:
    """One session file as a growing record of runs. What is counted as its steps are its lines."""

    def __init__(self, path: Path, *, skip: int = 0) -> None:
        self.path = path
        self._skip = skip
        self._counted = skip
        self._lines = 0

    @property
    def steps(self) -> int:
        """Lines so far."""
        return self._lines

    def poll(self) -> bool:
        """Looks at the file; whether it has grown by a line. Raises OSError when it cannot be read."""
        size = self.path.stat().st_size
        if size < self._counted:
            # Written anew from its beginning.
            self._skip = self._counted = self._lines = 0
        if size == self._counted:
            return False
        before = self._lines
        with self.path.open("rb") as file:
            file.seek(self._counted)
            while data := file.read(1 << 20):
                self._counted += len(data)
                self._lines += data.count(b"\n")
        return self._lines > before or before == 0

    def whole(self) -> Iterator[Trace | LoadError]:
        """The runs in the file."""
        if not self._skip:
            return load(self.path)
        with self.path.open("rb") as file:
            head = _head(file)
            file.seek(max(len(head), self._skip))
            return load(head + file.read(), None, str(self.path))

    def window(self, steps: int) -> Iterable[Trace]:
        """The runs in the first lines of the file and its last ones."""
        with self.path.open("rb") as file:
            head = _head(file)
            start = max(len(head), self._skip, file.seek(0, os.SEEK_END) - MAX_TAIL)
            file.seek(start)
            tail = file.read().split(b"\n")
        tail = tail[1:] if start > max(len(head), self._skip) else tail
        text = head + b"\n".join(tail[-steps * LINES_PER_STEP :])
        return [trace for trace in load(text, None, str(self.path)) if isinstance(trace, Trace)]


def _head(file: BinaryIO) -> bytes:
    return b"".join(file.readlines(MAX_HEAD)[:HEAD_LINES])


class Followed:
    """The files of the paths that are followed, new ones included."""

    def __init__(self, paths: Iterable[str], start: Start | None) -> None:
        """`start` None reads a file from its beginning, and in a folder only what comes from now on."""
        self._paths = [Path(path).expanduser() for path in paths]
        self._start = start
        self._files: dict[Path, FollowedFile] = {}
        self._unread: dict[Path, str] = {}
        self._begin()

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
                file = self._files[path] = FollowedFile(path)
            try:
                if file.poll():
                    yield file
            except OSError as error:
                self._unread[path] = error.strerror or str(error)

    def _begin(self) -> None:
        """Notes how much is there already, where only what comes from now on counts."""
        for path in self._paths:
            if (self._start or (Start.NOW if path.is_dir() else Start.BEGINNING)) is Start.NOW:
                for each in _files_of(path):
                    self._files[each] = FollowedFile(each, skip=each.stat().st_size)


def _files_of(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from find_files(path)
    elif path.exists():
        yield path
