"""Reading bytes: from a file or from memory, through gzip, past a byte order mark, again and again."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, cast

if TYPE_CHECKING:
    from typing_extensions import Buffer

MAX_VALUE_BYTES = 512 * 2**20
"""Largest single JSON value, or line, that is read. Keeps a gzip bomb from taking the machine."""

READ_ERRORS = (OSError, EOFError, zlib.error)
"""What reading a file, compressed or not, may raise."""

TOO_LARGE = f"more than {MAX_VALUE_BYTES >> 20} MB in one piece"

Opener: TypeAlias = Callable[[], io.BufferedReader]
"""Opens the same bytes from their start, as often as it is called."""

_GZIP = b"\x1f\x8b"
_GZIP_MEMBER = 31
"""zlib's code for a gzip header, the largest window, and a checked trailer."""
_BLOCK = 1 << 16
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is not blank."""

    number: int
    """1-based."""
    data: bytes
    problem: str | None = None
    """Why nothing could be read from here on; `data` is empty then."""


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

    def close(self) -> None:
        self._stream.close()
        super().close()


def opener_of(source: Path | bytes) -> Opener:
    """Opens the decompressed bytes of a file or of memory.

    Raises OSError when a pipe cannot be read; a file is first touched when it is opened.
    """
    if isinstance(source, Path) and source.exists() and not source.is_file() and not source.is_dir():
        # A pipe can be read only once.
        with source.open("rb") as stream:
            source = stream.read(MAX_VALUE_BYTES)
    data = source

    def opened() -> io.BufferedReader:
        stream = _plain(data)
        if stream.peek(2)[:2] == _GZIP:
            stream.close()
            stream = cast("io.BufferedReader", io.BufferedReader(_Unzipped(_plain(data)), _BLOCK))
        if _starts_with_mark(stream):
            stream.read(3)
        return stream

    return opened


def why(error: Exception) -> str:
    """What a read error means, in words."""
    if isinstance(error, EOFError):
        return "the gzip data is cut off"
    if isinstance(error, zlib.error):
        return f"the gzip data is corrupt ({error})"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def read_all(opener: Opener) -> tuple[bytes, str | None]:
    """The bytes, as far as they could be read, and why no further."""
    blocks: list[bytes] = []
    size = 0
    with opener() as stream:
        try:
            while block := stream.read1(1 << 20):
                blocks.append(block)
                size += len(block)
                if size > MAX_VALUE_BYTES:
                    return b"", TOO_LARGE
        except READ_ERRORS as error:
            return b"".join(blocks), why(error)
    return b"".join(blocks), None


def lines(stream: io.BufferedReader, number: int = 0) -> Iterator[Line]:
    """The lines that are not blank; the last one says so when reading failed there."""
    while True:
        number += 1
        try:
            data = stream.readline(MAX_VALUE_BYTES + 1)
        except READ_ERRORS as error:
            yield Line(number, b"", why(error))
            return
        if not data:
            return
        if len(data) > MAX_VALUE_BYTES:
            yield Line(number, b"", TOO_LARGE)
            return
        if not data.isspace():
            yield Line(number, data)


def last_line(opener: Opener) -> Line | None:
    """The last line that is not blank; its number means nothing."""
    last: Line | None = None
    with opener() as stream:
        if not isinstance(stream.raw, _Unzipped):
            _seek_to_last_line(stream)
        for line in lines(stream):
            last = line
    return last


def _seek_to_last_line(stream: io.BufferedReader) -> None:
    """Moves to the start of the last line that is not blank, reading backwards in blocks."""
    end = stream.seek(0, io.SEEK_END)
    text_seen = False
    while end > 0:
        start = max(0, end - _BLOCK)
        stream.seek(start)
        block = stream.read(end - start)
        text = block if text_seen else block.rstrip()
        text_seen = text_seen or bool(text)
        newline = text.rfind(b"\n")
        if newline >= 0:
            stream.seek(start + newline + 1)
            return
        end = start
    stream.seek(0)


def _plain(data: Path | bytes) -> io.BufferedReader:
    if isinstance(data, Path):
        return data.open("rb")
    # A buffered reader takes any object that reads into a buffer; BytesIO does, and copies nothing.
    return cast("io.BufferedReader", io.BufferedReader(cast("io.RawIOBase", io.BytesIO(data))))


def _starts_with_mark(stream: io.BufferedReader) -> bool:
    try:
        return stream.peek(3)[:3] == _BOM
    except READ_ERRORS:
        # Whoever reads next meets the same error and says so.
        return False
