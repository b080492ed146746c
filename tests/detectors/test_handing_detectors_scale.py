"""Detectors of tools, plans and handoffs take time in proportion to the run, whatever it holds."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pisama.detectors.base import Detector
from pisama.detectors.coordination import Coordination
from pisama.detectors.decomposition import Decomposition
from pisama.detectors.tool_misuse import ToolMisuse
from pisama.detectors.withholding import Withholding
from pisama.trace import Message, Step, Tool, ToolCall, Trace
from tests.hanging import no_hang

PLAN = "Plan:\n1. Search for the year of bridge {0}.\n2. Report the year of bridge {0}."
DEMAND = "Write your plan based on the available tools.\nYou have these tools:\n- web_search: searches."


def _unknown_tools(size: int) -> list[Step]:
    return [
        Step(
            index, "a", tool_calls=(ToolCall(f"tool_{index}", {"code": "import os"}, result="Unknown tool"),)
        )
        for index in range(size)
    ]


def _handoffs(size: int) -> list[Step]:
    return [
        Step(
            index,
            f"agent{index % 2}",
            f"Find the year of the bridge {index}.",
            recipient=f"agent{1 - index % 2}",
        )
        for index in range(size)
    ]


def _one_giver(size: int) -> list[Step]:
    calls = tuple(
        ToolCall("b", {"task": f"Find bridge {index}"}, result="None") for index in range(size // 2)
    )
    return [
        Step(0, "a", tool_calls=calls),
        *(Step(index, "b", "I found 1999 there.") for index in range(1, size)),
    ]


def _plans(size: int) -> list[Step]:
    return [
        Step(index, f"agent{index % 50}", PLAN.format(index), seen=(Message("user", DEMAND),))
        for index in range(size)
    ]


@pytest.mark.parametrize(
    "detector", [ToolMisuse(), Decomposition(), Coordination(), Withholding()], ids=lambda d: d.id
)
@pytest.mark.parametrize("steps", [_unknown_tools, _handoffs, _one_giver, _plans])
def test_a_long_run_comes_to_an_end(detector: Detector, steps: Callable[[int], list[Step]]) -> None:
    taken = tuple(steps(8_000))
    agents = tuple(dict.fromkeys(step.agent for step in taken))
    trace = Trace(
        "t",
        "test",
        task="Find the year of the bridge.",
        steps=taken,
        agents=agents,
        tools=(Tool("web_search"),),
    )
    with no_hang():
        list(detector.check(trace))
