"""MessagePack as LangGraph's checkpoints hold it: values, and extension types that name a Python class.

A class is never looked up and nothing is built: an extension becomes the data that its class would have
been given.
"""

from __future__ import annotations

import base64
import binascii
from typing import cast

import ormsgpack

from pisama.trace import JSON

_MAX_DEPTH = 32
"""Extensions inside extensions, beyond which a value is hostile."""
_ARGUMENT = 2
"""Where in `[module, class, argument, …]`, the content of every extension of LangGraph, the data is."""
_OPTIONS = ormsgpack.OPT_NON_STR_KEYS


class BadMessagePack(ValueError):  # noqa: N818
    """Bytes that are no MessagePack."""


def bytes_of_cell(cell: JSON) -> bytes:
    """The bytes of a database cell that is not JSON, which a `Table` shows as text or as base64.

    Raises BadMessagePack when the cell holds no text.
    """
    if not isinstance(cell, str):
        raise BadMessagePack("no bytes")
    try:
        return base64.b64decode(cell, validate=True)
    except (binascii.Error, ValueError):
        return cell.encode("utf-8", "replace")


def open_message_pack(data: bytes) -> JSON:
    """The value in these bytes. Raises BadMessagePack."""
    try:
        return _open(data, 0)
    except (ValueError, TypeError, RecursionError) as error:
        raise BadMessagePack(str(error)) from None


def _open(data: bytes, depth: int) -> JSON:
    if depth > _MAX_DEPTH:
        raise ValueError("extensions nested too deep")

    def extension(_: int, content: bytes) -> JSON:
        value = _open(content, depth + 1)
        return value[_ARGUMENT] if isinstance(value, list) and len(value) > _ARGUMENT else value

    return _plain(ormsgpack.unpackb(data, ext_hook=extension, option=_OPTIONS))


def _plain(root: object) -> JSON:
    """The value with only what JSON has in it: text for bytes, and text for keys that are none."""
    todo: list[object] = [root]
    holder: list[object] = [_scalar(root)]
    while todo:
        value = todo.pop()
        if isinstance(value, dict):
            for key in [key for key in value if not isinstance(key, str)]:
                value[str(key)] = value.pop(key)
            for key, member in value.items():
                value[key] = _scalar(member)
            todo += (member for member in value.values() if isinstance(member, dict | list))
        elif isinstance(value, list):
            value[:] = [_scalar(member) for member in value]
            todo += (member for member in value if isinstance(member, dict | list))
    return cast("JSON", holder[0])


def _scalar(value: object) -> object:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, tuple):
        return list(value)
    return value
