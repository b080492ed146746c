"""Files that are written whole or not at all."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


def replace_file(path: Path, content: bytes, *, mode: int = 0o666) -> None:
    """Put the content into a file in one step. Raises OSError when that is not possible; see `replacing`."""
    with replacing(path, mode=mode) as file:
        file.write(content)


@contextmanager
def replacing(path: Path, *, mode: int = 0o666) -> Iterator[IO[bytes]]:
    """A stream whose content is put into a file in one step when the block ends, so that nobody ever reads half of it,
    not even after a crash.

    The old content stays until then, and for good when the block raises; a link stays a link. What is no regular file,
    a pipe or a terminal, is written to as it is. Raises OSError when that is not possible.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            yield file
        return
    path = real_path(path)
    if path.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    written = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        written.chmod(path.stat().st_mode & 0o777 if path.exists() else mode & ~_umask())
        written.replace(path)
    except BaseException:
        written.unlink(missing_ok=True)
        raise


def real_path(path: Path) -> Path:
    """Where a path leads, without links but for those that go in circles, of which `Path.resolve` raises before Python 3.13."""
    return Path(os.path.realpath(path))


def _umask() -> int:
    """The mask of this process, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
