"""What the MCP server may read: the files of some folders, also when a link or `..` leads elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pisama.loaders.bundles import beside
from pisama.loaders.folders import find_files
from pisama.sessions import session_folders

_DATABASE = ("-wal", "-shm")
"""Ends of the names of files that a database is read together with."""


class OutsideError(ValueError):
    """A path that may not be read, or is not there; the message says which."""


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
        if "\0" in path:
            raise OutsideError("a path has no NUL in it")
        real = Path(path).expanduser().resolve()
        if not self.holds(real):
            allowed = ", ".join(str(folder) for folder in self.folders)
            raise OutsideError(f"{path} is not in a folder that may be read: {allowed} (--root adds one)")
        if not real.exists():
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
