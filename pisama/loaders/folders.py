"""The files of a folder that may hold traces, or parts of one."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from pisama.patterns import lazy

_OTHER_EXTENSIONS = (
    ".py .pyi .pyc .js .ts .c .h .cc .cpp .rs .go .java .rb .sh .rst .html .css .pdf .ipynb .xml"
    " .sarif .yaml .yml .toml .ini .cfg .lock .whl .so .o .a .exe .dll .png .jpg .jpeg .gif .svg .webp .ico"
    " .mp3 .mp4 .wav .woff .woff2"
)
_NOT_TRACES = frozenset(_OTHER_EXTENSIONS.split())
_MAYBE_TRACES = frozenset((".md", ".csv", ".tsv"))
_SKIPPED_FOLDERS = frozenset(("__pycache__", "node_modules"))
_HIDDEN_TRACES = lazy(r"\.aider\.[\w.]{1,40}history(?:\.md)?\Z")
"""aider keeps its logs in hidden files."""
_BESIDE_DATABASE = ("-wal", "-shm", "-journal")


def find_files(path: Path) -> Iterator[Path]:
    """The files under a folder that may hold traces, sorted, at any depth; a file is its own answer.

    Hidden files and folders, links to folders, pipes and devices, and files whose extension says that
    they are something else are left out.
    """
    if path.is_dir():
        yield from (path / name for name in files_in(path))
    else:
        yield path


def files_in(folder: Path) -> Iterator[str]:
    """The names of these files relative to the folder, with forward slashes; those of a folder before its folders'."""
    for place, names, files in os.walk(folder):
        names[:] = sorted(name for name in names if name[0] != "." and name not in _SKIPPED_FOLDERS)
        beside = Path(place).relative_to(folder)
        present = frozenset(files)
        for name in sorted(files):
            if (
                may_hold_traces(name)
                and not _belongs_to_database(name, present)
                and not _waits(os.path.join(place, name))  # noqa: PTH118 - a Path for each file costs more
            ):
                yield (beside / name).as_posix()


def may_hold_traces(name: str) -> bool:
    """Whether a file of this name in a folder is looked at."""
    if name[0] == ".":
        return _HIDDEN_TRACES.match(name) is not None
    return Path(name).suffix.lower() not in _NOT_TRACES


def says_nothing(name: str) -> bool:
    """Whether a file of this name, found in a folder, is passed over silently when no format knows it."""
    return Path(name).suffix.lower() in _MAYBE_TRACES


def _waits(path: str) -> bool:
    """Whether this is no file but a pipe, a socket or a device, which may be waited on for ever."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116
    except OSError:
        return False  # reading it will say why
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _belongs_to_database(name: str, present: frozenset[str]) -> bool:
    return any(name.endswith(end) and name.removesuffix(end) in present for end in _BESIDE_DATABASE)
