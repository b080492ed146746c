"""Messages with their lengths before them, as the Collector's file exporter writes them.

With `format: proto`, with compression, or with an encoding of its own, the exporter writes before each
message its length as four bytes, the highest first; compression is that of each message (zstd).
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import islice

from pisama.limits import Limits
from pisama.loaders.decompression import decompressed

_LENGTH = 4
_LOOK_AT = 8
_PACKED = b"\x28\xb5\x2f\xfd"
_BEGINNINGS = (b"{", b"[", _PACKED)


def unframed(data: bytes, limits: Limits) -> list[bytes] | None:
    """The messages, decompressed, when the bytes are JSON or compressed messages with lengths before them.

    A message that is cut off at the end is left out. Raises OSError for compressed data that is broken, and for too much.
    """
    first = list(islice(_frames(data), _LOOK_AT))
    if not first or not all(frame.startswith(_BEGINNINGS) for frame in first):
        return None
    messages: list[bytes] = []
    size = 0
    for frame in _frames(data):
        messages.append(_unpacked(frame, limits))
        size += len(messages[-1])
        if size > limits.file:
            raise OSError(f"messages of more than {limits.beyond('file')} together")
    return messages


def framed(messages: list[bytes]) -> bytes:
    """The messages with their lengths before them."""
    return b"".join(len(message).to_bytes(_LENGTH, "big") + message for message in messages)


def _frames(data: bytes) -> Iterator[bytes]:
    place = 0
    while place + _LENGTH < len(data):
        begin = place + _LENGTH
        place = begin + int.from_bytes(data[place:begin], "big")
        if place > len(data) or place == begin:
            return
        yield data[begin:place]


def _unpacked(frame: bytes, limits: Limits) -> bytes:
    if not frame.startswith(_PACKED):
        return frame
    with decompressed(io.BufferedReader(io.BytesIO(frame)), limits) as stream:
        message = stream.read(limits.record + 1)
    if len(message) > limits.record:
        raise OSError(f"a message of more than {limits.beyond('record')}")
    return message
