"""Decompressing what is read, with bounds: as much as a cut stream holds, and no bomb."""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING, BinaryIO, cast

if TYPE_CHECKING:
    from typing_extensions import Buffer

FREE_BYTES = 64 * 2**20
"""So much may come out of any compressed data, however little it was."""
MAX_RATIO = 200
"""Beyond `FREE_BYTES`, so many bytes may come out of one. JSON of real runs shrinks 5 to 50 times; the
densest data that deflate can write grows 1,032 times, and zstd knows no limit."""
BOMB = f"it grows more than {MAX_RATIO} times when it is decompressed, as no trace does"

_GZIP = b"\x1f\x8b"
_GZIP_MEMBER = 31
"""zlib's code for a gzip header, the largest window, and a checked trailer."""
_ZSTD = b"\x28\xb5\x2f\xfd"
_BLOCK = 1 << 16


def decompressed(stream: io.BufferedReader) -> io.BufferedReader:
    """What is compressed with gzip or zstd in a stream that stands at its start, or the stream itself."""
    head = stream.peek(4)
    if head.startswith(_GZIP):
        return guarded(_Unzipped(stream), "gzip", stream)
    if head.startswith(_ZSTD):
        from pisama.loaders.zstd import ZstdFile

        return guarded(cast("BinaryIO", ZstdFile(stream)), "zstd", stream)
    return stream


def is_bomb(size: int, compressed: io.BufferedReader | int) -> bool:
    """Whether so many bytes are too many to come out of so many (or of the part of a stream read so far)."""
    if size <= FREE_BYTES:
        return False
    return size > MAX_RATIO * (compressed if isinstance(compressed, int) else compressed.tell())


def guarded(
    inner: BinaryIO | io.RawIOBase, kind: str, compressed: io.BufferedReader | None
) -> io.BufferedReader:
    """The bytes of a decompressor, whose errors become OSErrors with a reason a person understands.

    With the `compressed` stream it reads from, a bomb is such an error too.
    """
    return io.BufferedReader(_Guarded(inner, kind, compressed), _BLOCK)


def _corrupt() -> tuple[type[Exception], ...]:
    """What decompressors raise for data that is none. Looked up when one has: most input is not compressed."""
    import lzma

    from pisama.loaders.zstd import BadZipFile, ZstdError

    return (zlib.error, ZstdError, BadZipFile, lzma.LZMAError)


class _Guarded(io.RawIOBase):
    def __init__(
        self, inner: BinaryIO | io.RawIOBase, kind: str, compressed: io.BufferedReader | None
    ) -> None:
        self._inner = inner
        self._kind = kind
        self._compressed = compressed
        self._given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer)
        try:
            count = cast("io.RawIOBase", self._inner).readinto(view) or 0
        except EOFError:
            raise OSError(f"the {self._kind} data is cut off") from None
        except _corrupt() as error:
            raise OSError(f"the {self._kind} data is corrupt ({error})") from None
        self._given += count
        if self._compressed is not None and is_bomb(self._given, self._compressed):
            raise OSError(BOMB)
        return count

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
