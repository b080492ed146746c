"""What of a request was sent before. Programs send the whole conversation with every call, so requests grow.

Each is hashed once, which is what reading it costs anyway: 1.4 ms a megabyte. Where it begins with the bytes of
an earlier one up to the end of that one's messages, only what follows is handed on, parsed, redacted, compared
and saved, and the work on a call depends on what the call adds.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from hashlib import _Hash

    from pisama.trace import JSON

MAX_BEGINNINGS = 256
"""Conversations whose latest request is remembered."""
MAX_REST = 1 << 20
"""Bytes after the messages of a request, such as its tools; with more of them it is handed on whole."""
_MAX_TRIED = 16 << 20
"""Bytes parsed while the end of the messages is looked for."""
_BY_NUMBER = "previous_response_id"
"""A request with this goes on with what the provider has kept; what it repeats, it says anew."""
_OPEN = b'{"":[0'
"""What stands for the bytes up to the end of the messages, in their place."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A request without what was sent before."""

    body: bytes
    after: int | None = None
    """The exchange whose request, up to the end of its messages, comes before the body; None when that is whole."""


@dataclass(frozen=True, slots=True)
class _Beginning:
    exchange: int
    rest: bytes
    """What followed the messages: their bracket, and the fields after them."""


class Resent:
    """Remembers how requests began, by a digest."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[int, bytes], _Beginning] = OrderedDict()

    def cut(self, exchange: int, body: bytes, field: str) -> Cut:
        """The request of this exchange, whose messages are in this field."""
        start, hashed, before = self._longest(body)
        tail = body[start:]
        rest = _same_rest(tail, before.rest) if before is not None else None
        rest = rest or (_rest(_OPEN + tail, "") if before is not None else _rest(body, field))
        if rest is None:
            return Cut(body)
        hashed.update(memoryview(tail)[: len(tail) - len(rest)])
        self._known[len(body) - len(rest), hashed.digest()] = _Beginning(exchange, rest)
        if len(self._known) > MAX_BEGINNINGS:
            self._known.popitem(last=False)
        # One that adds nothing is a call repeated, or the same task begun anew: which one, its answers tell.
        return Cut(body) if before is None or len(tail) == len(rest) else Cut(tail, before.exchange)

    def _longest(self, body: bytes) -> tuple[int, _Hash, _Beginning | None]:
        """The longest beginning of the request that is known, which is known no longer: its length, hashed so far."""
        view = memoryview(body)
        hashed, done = sha256(), 0
        found: tuple[int, _Hash, tuple[int, bytes]] | None = None
        for length in sorted({length for length, _ in self._known if length < len(body)}):
            hashed.update(view[done:length])
            done = length
            key = length, hashed.digest()
            if key in self._known and body[length : length + 64].lstrip()[:1] in (b",", b"]"):
                found = length, hashed.copy(), key
        if found is None:
            return 0, sha256(), None
        return found[0], found[1], self._known.pop(found[2])


def new_fields(body: bytes, field: str) -> dict[str, JSON]:
    """What the body of a cut request tells, with its new messages in this field; empty when it is no JSON."""
    fields = _object(_OPEN + body)
    messages = fields.pop("", None)
    return {**fields, field: messages[1:]} if isinstance(messages, list) else {}


def _same_rest(tail: bytes, rest: bytes) -> bytes | None:
    """The rest of an earlier request, when this tail is some messages and the same again."""
    if not tail.endswith(rest):
        return None
    return rest if set(_object(_OPEN + tail[: len(tail) - len(rest)] + b"]}")) == {""} else None


def _rest(body: bytes, field: str) -> bytes | None:
    """What follows the last message, white space included. None where that cannot be told.

    A bracket closes the messages when what follows makes an object of an open list and of the fields that come
    after the messages. Inside of a text it cannot: the quotes that follow would not come in pairs.
    """
    fields = _object(body)
    if not fields.get(field) or not isinstance(fields[field], list) or _BY_NUMBER in fields:
        return None
    names = list(fields)
    after = ["", *names[names.index(field) + 1 :]]
    end, tried = len(body), 0
    while (end := body.rfind(b"]", 0, end)) >= 0:
        tried += len(body) - end
        if len(body) - end > MAX_REST or tried > _MAX_TRIED:
            return None
        told = _object(_OPEN + body[end:])
        if list(told) == after and told[""] == [0]:
            return body[len(body[:end].rstrip()) :]
    return None


def _object(text: bytes) -> dict[str, JSON]:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}
