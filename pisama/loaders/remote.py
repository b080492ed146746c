"""Files on object stores and servers, read through fsspec: `s3://`, `gs://`, `https://` and the rest it knows.

Needs the extra `remote`. An object is read in place, in blocks, as often as a loader asks for it; nothing is
written to disk.
"""

from __future__ import annotations

import io
from importlib import import_module
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from pisama.loaders.folders import may_hold_traces
from pisama.patterns import lazy
from pisama.redact import redact

_ADDRESS = lazy(r"[a-z][a-z0-9+.-]{1,30}://\S")
_WEB = ("http://", "https://")
_WILD = lazy(r"[*?\[]")
HELD = 16_000_000
"""Bytes up to which an object is fetched whole, as opening a file looks at its beginning several times."""
_NEED = "an address, which needs an extra: pip install 'pisama[remote]'"


class Remote(NamedTuple):
    """The address of an object, of all objects below it, or of those that a pattern names."""

    url: str
    size: int = 0
    """Bytes of the one object, where that is known."""

    def __str__(self) -> str:
        """The address as it is told: without a password, and without what signs a query. Names of objects stay."""
        scheme, _, rest = self.url.partition("://")
        authority, slash, path = rest.partition("/")
        user, at, host = authority.rpartition("@")
        name, question, query = path.partition("?")
        hidden = f"{redact(user.partition(':')[0])}:[secret]" if ":" in user else redact(user)
        return f"{scheme}://{hidden}{at}{host}{slash}{name}{question}{redact(query)}"


def is_remote(text: str) -> bool:
    """Whether it is an address and not the path of a file."""
    return _ADDRESS.match(text) is not None


def remote_files(remote: Remote) -> list[tuple[str, Remote]]:
    """The files at an address: the name below it, and the address of its own.

    Sorted by name. One file alone has the empty name. Files that folders leave out are left out here too. Raises
    OSError when there is nothing, or the store cannot be read.
    """
    system, path = _system(remote.url)
    try:
        found = _listed(system, path, remote.url)
    except FileNotFoundError as error:
        cause = f" ({_said(error.__cause__)})" if isinstance(error.__cause__, Exception) else ""
        raise FileNotFoundError(2, f"nothing can be read there{cause}") from error
    except OSError:
        raise
    except Exception as error:
        raise OSError(_said(error)) from error
    if not found:
        raise FileNotFoundError(2, "nothing is there that could be a trace")
    return [(name, Remote(system.unstrip_protocol(each), size)) for name, each, size in found]


def content_of(remote: Remote) -> bytes | None:
    """The bytes of an object that is small enough to be fetched once and held; None for a larger one. Raises OSError."""
    if not 0 < remote.size <= HELD:
        return None
    with opened_remote(remote) as stream:
        return stream.read()


def opened_remote(remote: Remote) -> io.BufferedReader:
    """The bytes of an object, from the start. Raises OSError when the store cannot be read, there or while reading."""
    system, path = _system(remote.url)
    try:
        return io.BufferedReader(_Bytes(system.open(path, "rb")), 1 << 20)
    except OSError:
        raise
    except Exception as error:
        raise OSError(_said(error)) from error


class _Bytes(io.RawIOBase):
    """An open object, whose errors are all OSErrors: each store raises those of the library that it is reached with."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return bool(self._file.seekable())

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._file.read(len(buffer))
        except OSError:
            raise
        except Exception as error:
            raise OSError(_said(error)) from error
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


def _system(url: str) -> tuple[Any, str]:
    try:
        fsspec = import_module("fsspec")
    except ImportError:
        raise OSError(_NEED) from None
    try:
        system, path = fsspec.core.url_to_fs(url)
    except ImportError as error:
        raise OSError(f"{_NEED} ({error})") from None
    except Exception as error:
        raise OSError(_said(error)) from error
    return system, path


def _listed(system: Any, path: str, url: str) -> list[tuple[str, str, int]]:
    if url.startswith(_WEB):
        # There a `?` begins a query, and to ask whether a page lists others is to fetch it.
        return [("", path, _size(system.info(path)))]
    if _WILD.search(url):
        found = system.glob(path, detail=True)
        base = _WILD.split(path, maxsplit=1)[0].rpartition("/")[0]
    elif system.isdir(path):
        found = system.find(path, detail=True)
        base = path
    else:
        return [("", path, _size(system.info(path)))]
    files = ((each, details) for each, details in found.items() if details.get("type") != "directory")
    named = ((_below(base, each), each, _size(details)) for each, details in files)
    return sorted(entry for entry in named if _is_wanted(entry[0]))


def _below(base: str, path: str) -> str:
    return path.removeprefix(base.rstrip("/")).lstrip("/")


def _is_wanted(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return bool(parts) and may_hold_traces(parts[-1]) and not any(part[0] == "." for part in parts[:-1])


def _size(details: Any) -> int:
    return int(details.get("size") or 0)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".strip().partition("\n")[0][:300]
