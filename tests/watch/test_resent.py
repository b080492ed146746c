"""What of a request was sent before."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pisama.watch.resent import MAX_BEGINNINGS, Cut, Resent, new_fields

TOOLS = [
    {"name": "list", "parameters": {"required": ["path"], "properties": {"path": {"enum": ["]", "}]"]}}}}
]
FRAMES: dict[str, dict[str, Any]] = {
    "messages last": {"model": "m", "messages": []},
    "tools after": {"messages": [], "model": "m", "tools": TOOLS},
    "tools before and a list after": {"tools": TOOLS, "messages": [], "stop": ["]", "[0"]},
    "an object after": {"messages": [], "response_format": {"messages": [{"role": "user"}]}},
}
MESSAGES: list[dict[str, Any]] = [
    {"role": "user", "content": 'Say ]} and "], ending in \\'},
    {"role": "assistant", "content": [{"type": "text", "text": "]}, {["}]},
    {"role": "user", "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]},
    {"role": "assistant", "content": "Ü 🙂"},
]


def request(frame: dict[str, Any], count: int, field: str = "messages", **written: Any) -> bytes:
    return json.dumps({**frame, field: MESSAGES[:count]}, **written).encode()


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
@pytest.mark.parametrize(
    "written", [{}, {"separators": (",", ":")}, {"indent": 2}], ids=["plain", "close", "wide"]
)
def test_of_each_request_only_the_new_messages_are_left(
    frame: dict[str, Any], written: dict[str, Any]
) -> None:
    resent = Resent()
    first = request(frame, 1, **written)
    assert resent.cut(1, first, "messages") == Cut(first)
    for count in (2, 3, 4):
        cut = resent.cut(count, request(frame, count, **written), "messages")
        assert cut.after == count - 1
        assert new_fields(cut.body, "messages")["messages"] == MESSAGES[count - 1 : count]


def test_what_comes_after_the_messages_is_told_anew() -> None:
    resent = Resent()
    resent.cut(1, request(FRAMES["tools after"], 1), "messages")
    changed = {**FRAMES["tools after"], "tools": [], "stream": True}
    cut = resent.cut(2, request(changed, 2), "messages")
    told = {"messages": MESSAGES[1:2], "model": "m", "tools": [], "stream": True}
    assert new_fields(cut.body, "messages") == told
    assert resent.cut(3, request(changed, 3), "messages").after == 2


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(request(FRAMES["tools after"], 2), id="repeated"),
        pytest.param(request({"model": "m"}, 2), id="another beginning"),
        pytest.param(request(FRAMES["tools after"], 1), id="shortened"),
        pytest.param(request(FRAMES["tools after"], 3)[:-9], id="broken off"),
        pytest.param(b"", id="empty"),
        pytest.param(b"[[[[", id="no object"),
        pytest.param(
            request({**FRAMES["tools after"], "previous_response_id": "resp_1"}, 3), id="goes on by number"
        ),
        pytest.param(
            request(FRAMES["tools after"], 2).replace(b'"two"}]}', b'"two"}, {"type": "text"}]}'),
            id="a message grown in itself",
        ),
    ],
)
def test_anything_else_is_handed_on_whole(second: bytes) -> None:
    resent = Resent()
    resent.cut(1, request(FRAMES["tools after"], 2), "messages")
    assert resent.cut(2, second, "messages") == Cut(second)


def test_a_last_message_that_has_grown_is_no_new_message() -> None:
    resent = Resent()
    resent.cut(1, request({}, 3), "messages")
    grown = request({}, 3).replace(b'"two"}]}', b'"two"}, {"type": "text", "text": "three"}]}')
    assert resent.cut(2, grown, "messages") == Cut(grown)


def test_conversations_that_go_on_in_turns_are_kept_apart() -> None:
    resent = Resent()
    frames = [{"user": str(number)} for number in range(3)]
    after = [
        resent.cut(3 * turn + number + 1, request(frame, turn + 1), "messages").after
        for turn in range(3)
        for number, frame in enumerate(frames)
    ]
    assert after == [None, None, None, 1, 2, 3, 4, 5, 6]


def test_only_the_latest_conversations_are_remembered() -> None:
    resent = Resent()
    for number in range(MAX_BEGINNINGS + 1):
        resent.cut(number, request({"user": str(number)}, 1), "messages")
    assert resent.cut(-1, request({"user": "0"}, 2), "messages").after is None
    assert resent.cut(-2, request({"user": "9"}, 2), "messages").after == 9
