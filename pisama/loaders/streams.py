"""Reading bytes: from a file, an archive or memory, decompressed, past a byte order mark, again and again."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from pisama.limits import DEFAULT, Limits
from pisama.loaders.decompression import Part, decompressed

_BLOCK = 1 << 16
_BOM = b"\xef\xbb\xbf"


class Opener(NamedTuple):
    """Opens the same bytes from their start, as often as it is called."""

    open: Callable[[], io.BufferedReader]
    limits: Limits = DEFAULT
    """Within which they are read."""
    part: Part | None = None
    """Of what archive they are, if of any."""

    def __call__(self) -> io.BufferedReader:
        """The bytes."""
        return self.open()


class Line(NamedTuple):
    """A line that is not blank."""

    number: int
    """1-based."""
    data: bytes
    problem: str | None = None
    """Why nothing could be read from here on; `data` is empty then."""


def opener_of(source: Path | bytes, limits: Limits = DEFAULT) -> Opener:
    """Opens the decompressed bytes of a file or of memory.

    Raises OSError when a pipe cannot be read, or holds too much; a file is first touched when it is opened.
    """
    if isinstance(source, Path) and source.exists() and not source.is_file() and not source.is_dir():
        # A pipe can be read only once.
        with source.open("rb") as stream:
            source = read_pipe(stream, limits)
    data = source
    return unpacked(Opener(lambda: _plain(data), limits))


def read_pipe(stream: io.BufferedIOBase | BinaryIO, limits: Limits) -> bytes:
    """All bytes of a pipe, which can be read only once and so is held. Raises OSError when they are too many."""
    data = stream.read(limits.file + 1)
    if len(data) > limits.file:
        raise OSError(f"a pipe of more than {limits.beyond('file')}; a file may be larger")
    return data


def unpacked(opener: Opener) -> Opener:
    """Opens what the opener opens, decompressed, past its byte order mark."""

    def opened() -> io.BufferedReader:
        stream = decompressed(opener(), opener.limits, opener.part)
        if _starts_with_mark(stream):
            stream.read(3)
        return stream

    return Opener(opened, opener.limits, opener.part)


def shown(path: str) -> str:
    """The path as it can be written in a report: a name may hold bytes that are no text."""
    return path if path.isascii() else os.fsencode(path).decode("utf-8", "replace")


def why(error: OSError) -> str:
    """What a read error means, in words."""
    return error.strerror or str(error)


def read_all(opener: Opener) -> tuple[bytes, str | None]:
    """The bytes, as far as they could be read, and why no further."""
    blocks: list[bytes] = []
    size = 0
    with opener() as stream:
        try:
            while block := stream.read1(1 << 20):
                blocks.append(block)
                size += len(block)
                if size > opener.limits.file:
                    return b"", f"more in one piece than {opener.limits.beyond('file')}"
        except OSError as error:
            return b"".join(blocks), why(error)
    return b"".join(blocks), None


def lines(stream: io.BufferedReader, limits: Limits, number: int = 0) -> Iterator[Line]:
    """The lines that are not blank; the last one says so when reading failed there."""
    most = limits.record
    while True:
        number += 1
        try:
            data = stream.readline(most + 1)
        except OSError as error:
            yield Line(number, b"", why(error))
            return
        if not data:
            return
        if len(data) > most:
            yield Line(
                number, b"", f"a line of more than {limits.beyond('record')}; what follows was not read"
            )
            return
        if not data.isspace():
            yield Line(number, data)


def last_line(opener: Opener) -> Line | None:
    """The last line that is not blank; its number means nothing."""
    last: Line | None = None
    with opener() as stream:
        if stream.seekable():
            _seek_to_last_line(stream)
        for line in lines(stream, opener.limits):
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
    except OSError:
        # Whoever reads next meets the same error and says so.
        return False
