"""Writing a file whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def replace_file(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Puts a file with this content in the place of the one that is there; its readers see the old one or the new.

    A file that is there keeps its permissions; a new one gets `mode`. Raises `OSError`.
    """
    path = path.resolve()
    handle, name = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    written = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        written.chmod(path.stat().st_mode & 0o777 if path.exists() else mode)
        written.replace(path)
    except BaseException:
        written.unlink(missing_ok=True)
        raise
