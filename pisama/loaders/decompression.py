"""Decompressing what is read, with bounds: as much as a cut stream holds, and no bomb."""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, cast

from pisama.limits import DEFAULT, Limits

if TYPE_CHECKING:
    from typing_extensions import Buffer

FREE_BYTES = 64 * 2**20
"""So much may come out of any compressed data, however little it was."""

_GZIP = b"\x1f\x8b"
_GZIP_MEMBER = 31
"""zlib's code for a gzip header, the largest window, and a checked trailer."""
_ZSTD = b"\x28\xb5\x2f\xfd"
_BLOCK = 1 << 16


class Allowance:
    """How much may come out of one archive altogether: of the archives and the compressed files in it too.

    Each of them by itself may grow as any file may, so that together they would grow without end.
    """

    def __init__(self, compressed: int, limits: Limits) -> None:
        """`compressed` are the bytes of what the archive was first found in."""
        self._compressed = compressed
        self._limits = limits
        self._taken: dict[str, int] = {}
        self._total = 0

    def problem(self, name: str, size: int) -> str | None:
        """Why so many bytes of a part are too many; what is opened again counts once."""
        more = size - self._taken.get(name, 0)
        if more > 0:
            self._taken[name] = size
            self._total += more
        return bomb(self._total, self._compressed, self._limits)


class Part(NamedTuple):
    """A part of an archive."""

    name: str
    allowance: Allowance


def decompressed(stream: io.BufferedReader, limits: Limits, part: Part | None = None) -> io.BufferedReader:
    """What is compressed with gzip or zstd in a stream that stands at its start, or the stream itself.

    `part` says of what archive the stream is.
    """
    head = stream.peek(4)
    if head.startswith(_GZIP):
        return io.BufferedReader(_Guarded(_Unzipped(stream), "gzip", stream, limits, part), _BLOCK)
    if head.startswith(_ZSTD):
        from pisama.loaders.zstd import ZstdFile

        inner = cast("BinaryIO", ZstdFile(stream))
        return io.BufferedReader(_Guarded(inner, "zstd", stream, limits, part), _BLOCK)
    return stream


def bomb(size: int, compressed: int, limits: Limits) -> str | None:
    """Why so many bytes are too many to come out of so many; None when they are not."""
    if size <= FREE_BYTES or size <= limits.growth * compressed:
        return None
    return f"it grows more than {limits.growth:,} times when it is decompressed, as no trace does ({limits.raised('growth')})"


def guarded(inner: BinaryIO, kind: str) -> io.BufferedReader:
    """The bytes of a decompressor, whose errors become OSErrors with a reason a person understands."""
    return io.BufferedReader(_Guarded(inner, kind), _BLOCK)


def _corrupt() -> tuple[type[Exception], ...]:
    """What decompressors raise for data that is none. Looked up when one has: most input is not compressed."""
    import lzma

    from pisama.loaders.zstd import BadZipFile, ZstdError

    return (zlib.error, ZstdError, BadZipFile, lzma.LZMAError)


class _Guarded(io.RawIOBase):
    """With the `compressed` stream that it reads from, a bomb is an OSError too."""

    def __init__(
        self,
        inner: BinaryIO | io.RawIOBase,
        kind: str,
        compressed: io.BufferedReader | None = None,
        limits: Limits = DEFAULT,
        part: Part | None = None,
    ) -> None:
        self._inner = inner
        self._kind = kind
        self._compressed = compressed
        self._limits = limits
        self._part = part
        self._given = 0

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        """Bytes given so far; something compressed in this is measured by it."""
        return self._given

    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer)
        try:
            count = cast("io.RawIOBase", self._inner).readinto(view) or 0
        except EOFError:
            raise OSError(f"the {self._kind} data is cut off") from None
        except _corrupt() as error:
            raise OSError(f"the {self._kind} data is corrupt ({error})") from None
        self._given += count
        problem = self._problem()
        if problem:
            raise OSError(problem)
        return count

    def _problem(self) -> str | None:
        if self._compressed is None:
            return None
        problem = bomb(self._given, self._compressed.tell(), self._limits)
        if problem is None and self._part is not None:
            return self._part.allowance.problem(self._part.name, self._given)
        return problem

    def close(self) -> None:
        self._inner.close()
        if self._compressed is not None:
            self._compressed.close()
        super().close()


class _Unzipped(io.RawIOBase):
    """The decompressed bytes of a gzip stream of one or more members.

    Unlike `gzip.GzipFile` it hands out all that a cut-off stream holds before it raises EOFError.
    Raises zlib.error for corrupt data.
    """

    def __init__(self, stream: io.BufferedReader) -> None:
        self._stream = stream
        self._member = zlib.decompressobj(_GZIP_MEMBER)
        self._waiting = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer)
        while True:
            if self._member.eof:
                self._waiting = self._member.unused_data or self._stream.read1(_BLOCK)
                # Padding after the last member is allowed, and is no member.
                if not self._waiting.startswith(_GZIP[: len(self._waiting)]) or not self._waiting:
                    return 0
                self._member = zlib.decompressobj(_GZIP_MEMBER)
            compressed = self._waiting or self._stream.read1(_BLOCK)
            data = self._member.decompress(compressed, len(view))
            self._waiting = self._member.unconsumed_tail
            if data:
                view[: len(data)] = data
                return len(data)
            if not compressed and not self._member.eof:
                raise EOFError
