from __future__ import annotations

import sqlite3
from pathlib import Path

import ormsgpack
import pytest

from pisama.loaders import load
from pisama.loaders.message_pack import BadMessagePack, bytes_of_cell, open_message_pack
from pisama.report import LoadError
from pisama.trace import JSON, Trace
from tests.loaders.outline import outline

MODEL = 5
"""LangGraph's extension for pydantic models: `[module, class, fields, method]`."""


def message(name: str, /, **fields: JSON) -> ormsgpack.Ext:
    content = ["langchain_core.messages", name, {**fields, "additional_kwargs": {}}, "model_validate_json"]
    return ormsgpack.Ext(MODEL, ormsgpack.packb(content))


HUMAN = message("HumanMessage", type="human", id="1", content="Switch on the light in room 4.")
CALL: JSON = [{"name": "set_light", "args": {"room": 4}, "id": "c1"}]
ANSWER = message("AIMessage", type="ai", id="2", name="porter", content="", tool_calls=CALL)


def database(path: Path, *rows: tuple[str, str, bytes], error: object = None) -> Path:
    """Rows are checkpoint ids with the type and the bytes of the checkpoint."""
    connection = sqlite3.connect(path)
    connection.execute(
        "CREATE TABLE checkpoints (thread_id, checkpoint_ns, checkpoint_id, type, checkpoint, metadata)"
    )
    connection.execute("CREATE TABLE writes (thread_id, checkpoint_ns, checkpoint_id, channel, type, value)")
    for name, kind, data in rows:
        values = ("t1", "", name, kind, data, b'{"step": 1}')
        connection.execute("INSERT INTO checkpoints VALUES (?, ?, ?, ?, ?, ?)", values)
    if error is not None:
        written = ("t1", "", rows[-1][0], "__error__", "msgpack", ormsgpack.packb(error))
        connection.execute("INSERT INTO writes VALUES (?, ?, ?, ?, ?, ?)", written)
    connection.commit()
    connection.close()
    return path


def checkpoint(second: int, messages: list[ormsgpack.Ext], **channels: object) -> bytes:
    values = {"messages": messages, **channels}
    return ormsgpack.packb({"v": 4, "ts": f"2026-03-01T10:00:0{second}+00:00", "channel_values": values})


def test_the_checkpoints_of_a_thread_are_one_run_with_the_error_that_ended_it(tmp_path: Path) -> None:
    path = database(
        tmp_path / "state.db",
        ("k1", "msgpack", checkpoint(1, [HUMAN], **{"branch:to:model": None})),
        ("k2", "msgpack", checkpoint(2, [HUMAN, ANSWER])),
        error="ValueError('the fuse is blown')",
    )
    assert outline(path) == "\n".join(
        (
            "langgraph-checkpoints t1",
            "task: Switch on the light in room 4.",
            "    user: Switch on the light in room 4.",
            "0 porter:",
            "  set_light({'room': 4}) -> error: None",
            "answer: None",
            "outcome: error",
        )
    )


def test_a_pickled_checkpoint_is_refused_and_the_others_are_read(tmp_path: Path) -> None:
    path = database(
        tmp_path / "state.db", ("k1", "pickle", b"\x80\x04K\x01."), ("k2", "msgpack", checkpoint(2, [HUMAN]))
    )
    problem, trace = load(path)
    assert isinstance(problem, LoadError)
    assert problem.at.pointer == "/checkpoints/0"
    assert problem.reason.endswith("a Python pickle, which is never opened: loading it could run code")
    assert isinstance(trace, Trace)


def test_an_extension_is_data_and_its_class_is_never_looked_up() -> None:
    content = ormsgpack.packb(["os", "system", "echo hello"])
    assert open_message_pack(ormsgpack.packb({"x": ormsgpack.Ext(0, content)})) == {"x": "echo hello"}


def test_keys_and_bytes_that_json_has_not_become_text() -> None:
    packed = ormsgpack.packb({1: b"ab", "t": (1, [b"c"])}, option=ormsgpack.OPT_NON_STR_KEYS)
    assert open_message_pack(packed) == {"1": "ab", "t": [1, ["c"]]}


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x92\x01"])
def test_what_is_no_message_pack_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(BadMessagePack):
        open_message_pack(data)


def test_extensions_inside_extensions_have_a_limit() -> None:
    packed = ormsgpack.packb(1)
    for _ in range(100):
        packed = ormsgpack.packb(ormsgpack.Ext(0, packed))
    with pytest.raises(BadMessagePack):
        open_message_pack(packed)


def test_the_bytes_of_a_cell_are_found_whether_it_shows_text_or_base64() -> None:
    assert bytes_of_cell("gqE=") == b"\x82\xa1"
    assert bytes_of_cell("not base64!") == b"not base64!"
    with pytest.raises(BadMessagePack):
        bytes_of_cell(None)
