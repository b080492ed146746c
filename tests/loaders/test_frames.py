"""Messages with their lengths before them are read whatever they hold."""

from __future__ import annotations

import io

from pisama.loaders.zstd import ZstdFile
from tests.loaders.opened import opened, said_of

PROTOBUF = b"\n\x04spam"


def framed(*messages: bytes) -> bytes:
    return b"".join(len(message).to_bytes(4, "big") + message for message in messages)


def packed(message: bytes) -> bytes:
    data = io.BytesIO()
    with ZstdFile(data, "w") as stream:
        stream.write(message)
    return data.getvalue()


def test_json_messages_are_records() -> None:
    assert said_of(opened(framed(b'{"a": 1}', b'{"a": 2}'), "in")) == ["in:1: {'a': 1}", "in:2: {'a': 2}"]


def test_compressed_json_messages_are_records() -> None:
    data = framed(packed(b'{"a": 1}'), packed(b'{"a": 2}'))
    assert said_of(opened(data, "in")) == ["in:1: {'a': 1}", "in:2: {'a': 2}"]


def test_compressed_protobuf_messages_are_bytes_with_their_lengths() -> None:
    assert opened(framed(packed(PROTOBUF), packed(PROTOBUF))).raw == framed(PROTOBUF, PROTOBUF)


def test_other_bytes_are_kept_as_they_are() -> None:
    assert opened(framed(PROTOBUF, PROTOBUF)).raw == framed(PROTOBUF, PROTOBUF)
    assert opened(b"\0\0\0\0\0\0{").raw == b"\0\0\0\0\0\0{"


def test_a_message_that_is_cut_off_is_left_out() -> None:
    assert said_of(opened(framed(b'{"a": 1}', b'{"a": 2}', b'{"a": 3}')[:-2], "in")) == [
        "in:1: {'a': 1}",
        "in:2: {'a': 2}",
    ]
