"""Plans held against what was demanded of them."""

from __future__ import annotations

import pytest

from pisama.features import features
from pisama.planning import Bounds, planning_faults
from pisama.transcript import parse

BOUNDS = Bounds(other_problem_share=0.1, min_words=5, part_share=0.2, near=5, min_remakes=3, same_share=0.8)
DEMAND = "Write your plan based on the available tools."


def _signals(transcript: str) -> list[tuple[int, str]]:
    trace = parse(transcript)
    return [(found.step.index, found.signal) for found in planning_faults(trace, features(trace), BOUNDS)]


@pytest.mark.parametrize(
    ("demand", "answer", "found"),
    [
        (DEMAND, "The bridge is old.", [(0, "no_plan")]),
        (DEMAND, "The first of the steps is to look.", []),
        ("Write about it.", "The bridge is old.", []),
    ],
)
def test_a_plan_that_was_demanded_is_missing_where_nothing_like_one_follows(
    demand: str, answer: str, found: list[tuple[int, str]]
) -> None:
    assert _signals(f"user: {demand}\nagent: {answer}\nagent: It was built in 1912.") == found


@pytest.mark.parametrize(
    ("plan", "act", "found"),
    [
        ("1. Search for the year of the bridge.", "It was built in 1912.", [(1, "no_tool")]),
        ("1. Search for the year of the bridge with web_search.", "It was built in 1912.", []),
        ("1. Search for the year of the bridge.", "\\n  web_search(query='bridge') -> 1912", []),
        ("1. Think about the year of the bridge.", "It was built in 1912.", []),
    ],
)
def test_a_plan_that_was_to_rest_on_tools_names_one_or_is_followed_by_one(
    plan: str, act: str, found: list[tuple[int, str]]
) -> None:
    run = f"tools: web_search(query)\nuser: {DEMAND}\nagent: Plan:\\n{plan}\\n2. Report the year of the bridge.\nagent: {act}"
    assert _signals(run.replace("\\n  web", "\n  web")) == found


def test_a_plan_of_an_agent_that_has_used_the_tools_before_need_not_name_them() -> None:
    run = f"tools: web_search(query)\n%suser: {DEMAND}\nagent: Plan:\\n1. Search for the year.\\n2. Report the year.\nagent: It is 1912."
    assert _signals(run % "") == [(1, "no_tool")]
    assert _signals(run % "agent: web_search(query='bridge') -> a list\n") == []
