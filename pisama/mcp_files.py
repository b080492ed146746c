"""What the MCP server may read: the files of some folders, also when a link or `..` leads elsewhere."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from threading import Lock

from pisama.api import Loaded, load
from pisama.limits import DEFAULT, Limits
from pisama.loaders import load_document, open_document
from pisama.loaders.bundles import beside
from pisama.loaders.folders import find_files
from pisama.report import LoadError
from pisama.sessions import session_folders
from pisama.trace import Trace

KEPT = 4
"""Inputs that stay loaded."""
_DATABASE = ("-wal", "-shm")
"""Ends of the names of files that a database is read together with."""


class OutsideError(ValueError):
    """A path that may not be read, or is not there; the message says which."""


def path_of(text: str) -> Path:
    """The path that a text names. Raises `OutsideError` for a text that names none."""
    if "\0" in text:
        raise OutsideError("a path has no NUL in it")
    try:
        path = Path(text).expanduser()
        path.resolve()
    except (OSError, RuntimeError, ValueError) as error:
        # A home of nobody, links that go in circles, half a character.
        raise OutsideError(f"{text}: {getattr(error, 'strerror', None) or error}") from error
    return path


class Roots:
    """The folders that may be read."""

    def __init__(self, folders: Iterable[Path] | None = None) -> None:
        """`folders` is the working directory and the folders of known sessions unless given."""
        given = (Path.cwd(), *session_folders()) if folders is None else folders
        self.folders = tuple(folder.resolve() for folder in given)

    def holds(self, path: Path) -> bool:
        """Whether a path stands in one of the folders when all links on the way are followed."""
        real = path.resolve()
        return any(real.is_relative_to(folder) for folder in self.folders)

    def allowed(self, path: str) -> Path:
        """The real path of what may be read: a file, or a folder in which no link leads outside.

        Raises `OutsideError`. A path outside is not told apart from one that is not there.
        """
        real = path_of(path).resolve()
        if not self.holds(real):
            allowed = ", ".join(str(folder) for folder in self.folders)
            raise OutsideError(f"{path} is not in a folder that may be read: {allowed} (--root adds one)")
        if not (real.is_file() or real.is_dir()):
            raise OutsideError(f"{path}: there is no such file")
        if real.is_dir():
            self._check(real)
        return real

    def alone(self, file: Path) -> bool:
        """Whether a file must be read without those beside it, because a link among them leads outside."""
        return any(not self.holds(file.parent / name) for name in beside(file))

    def _check(self, folder: Path) -> None:
        for file in find_files(folder):
            beside_it = (Path(f"{file}{end}") for end in _DATABASE)
            if not (self.holds(file) and all(self.holds(path) for path in beside_it if path.is_symlink())):
                raise OutsideError(f"{file} leads outside of the folders that may be read")


class Files:
    """The traces of files that may be read; the latest inputs stay loaded, so that reading on is quick."""

    def __init__(self, roots: Roots, limits: Limits = DEFAULT) -> None:
        self._roots = roots
        self._limits = limits
        self._loaded: OrderedDict[tuple[object, ...], Loaded] = OrderedDict()
        self._lock = Lock()  # tools run in threads

    def load(self, path: str) -> Loaded:
        """What is in a file or a folder. Raises `OutsideError` for what may not be read or is not there."""
        real = self._roots.allowed(path)
        key = _state(real)
        with self._lock:
            if key in self._loaded:
                self._loaded.move_to_end(key)
                return self._loaded[key]
        loaded = self._read(real)
        if real.is_file():
            with self._lock:
                self._loaded[key] = loaded
                while len(self._loaded) > KEPT:
                    self._loaded.popitem(last=False)
        return loaded

    def _read(self, real: Path) -> Loaded:
        if real.is_dir() or not self._roots.alone(real):
            return load(real, limits=self._limits)
        opened = open_document(real, str(real), self._limits)
        items = [opened] if isinstance(opened, LoadError) else list(load_document(opened))
        return Loaded(
            tuple(item for item in items if isinstance(item, Trace)),
            tuple(item for item in items if isinstance(item, LoadError)),
        )


def _state(real: Path) -> tuple[object, ...]:
    """What tells one content of an input from another; files beside it may belong to it."""
    state = real.stat()
    newest = 0
    for name in beside(real) if real.is_file() else ():
        with suppress(OSError):
            newest = max(newest, (real.parent / name).stat().st_mtime_ns)
    return str(real), state.st_mtime_ns, state.st_size, newest
