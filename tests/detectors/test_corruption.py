"""Corruption: following what is stored takes time in proportion to the run."""

from __future__ import annotations

from pisama.detectors.corruption import Corruption
from pisama.trace import Message, Step, ToolCall, Trace
from tests.hanging import no_hang


def _call(index: int, tool: str, status: str, said: str = "Go on.") -> Step:
    call = ToolCall(tool, {"order_id": "A1", "status": status}, result="ok")
    return Step(index, "agent", tool_calls=(call,), seen=(Message("user", said),))


def _uses(size: int) -> Trace:
    written = (
        _call(0, "update_order", "11 open", "Set it to 11 open, then to 22 open."),
        _call(1, "update_order", "22 open"),
    )
    used = (_call(index, "send_mail", "11 open") for index in range(2, size))
    return Trace("t", "test", task="Update the order.", steps=(*written, *used))


def test_a_replaced_value_that_is_used_on_and_on_is_told_once() -> None:
    with no_hang():
        (issue,) = (issue for issue in Corruption().check(_uses(30_000)) if issue.signal == "stale_value")
    assert issue.step == 2
    assert issue.summary == ("send_mail uses 11 open as status, although step 1 changed it to 22 open.")
