"""What goes over a limit or comes back in part."""

from __future__ import annotations

import pytest

from pisama.features import features
from pisama.sizes import large_results, rejections, unread_rests
from pisama.trace import Step, Trace
from pisama.transcript import parse


@pytest.mark.parametrize(
    ("error", "of_model", "of_tool"),
    [
        ("context_length_exceeded", ["refused"], ["refused"]),
        ("Error code: 429 - rate limit exceeded", ["rate"], []),
        ("connection refused", [], []),
    ],
)
def test_a_limit_on_length_may_be_told_by_a_tool_and_one_on_the_rate_is_the_models_own(
    error: str, of_model: list[str], of_tool: list[str]
) -> None:
    model = Trace(id="run", format="test", steps=(Step(0, "agent", error=error),))
    tool = parse(f"task: Sum up.\nagent: ask(question='all') -> error: {error}")
    assert [found.limit for found in rejections(tool, features(tool))] == of_tool
    assert [found.limit for found in rejections(model, features(model))] == of_model


def test_each_agent_is_told_once_of_each_limit() -> None:
    refused = "agent: ask(question='all') -> error: context_length_exceeded\n"
    trace = parse("task: Sum up.\n" + 2 * refused + refused.replace("agent", "other"))
    assert [found.step.index for found in rejections(trace, features(trace))] == [0, 2]


def test_large_results_are_told_by_agent_and_tool() -> None:
    call = "agent: read(path='%s') -> %s\n"
    trace = parse(
        "task: Sum up.\n" + call % ("a", 50 * "x") + call % ("b", 49 * "x") + call % ("c", 51 * "x")
    )
    (calls,) = large_results(features(trace), 50)
    assert [call.step.index for call in calls] == [0, 2]


@pytest.mark.parametrize(
    ("result", "mark"),
    [
        ("line 1 [output truncated]", True),
        ("x" * 3000 + "[output truncated]" + "x" * 3000, False),
        ("x" * 6000 + "[output truncated]", True),
        ("The lines were truncated by the editor of the book.", False),
    ],
)
def test_a_mark_of_truncation_counts_at_the_edges_of_a_result(result: str, mark: bool) -> None:
    trace = parse(f"task: Sum up.\nagent: read(path='a') -> {result}\nagent: It is short.")
    assert bool(list(unread_rests(features(trace), 10_000))) is mark


def test_a_rest_that_was_asked_for_is_not_unread() -> None:
    first = "task: Sum up.\nagent: read(path='a') -> line 1 [output truncated]\n"
    trace = parse(first + "agent: read(path='a', start=2) -> line 2\nagent: Two lines.")
    assert list(unread_rests(features(trace), 10_000)) == []
