"""Messages between the two processes of a session, over pipes that nobody else holds."""

from __future__ import annotations

import pickle
from asyncio import IncompleteReadError, StreamReader
from typing import BinaryIO

_LENGTH = 8


def packed(message: object) -> bytes:
    """The message, after its length."""
    data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return len(data).to_bytes(_LENGTH, "big") + data


def read(stream: BinaryIO) -> object | None:
    """The next message; None at the end, or where the writer was killed in the middle of one."""
    head = stream.read(_LENGTH)
    size = int.from_bytes(head, "big")
    data = stream.read(size) if len(head) == _LENGTH else b""
    # Both ends are this package, in processes of one user that inherited the pipe.
    return pickle.loads(data) if data and len(data) == size else None  # noqa: S301


async def receive(stream: StreamReader) -> object | None:
    """`read`, without blocking."""
    try:
        size = int.from_bytes(await stream.readexactly(_LENGTH), "big")
        message: object = pickle.loads(await stream.readexactly(size))  # noqa: S301 - as above
    except IncompleteReadError:
        return None
    return message
