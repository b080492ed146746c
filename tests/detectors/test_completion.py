"""Completion: what its issues say of a run that a limit ended."""

from __future__ import annotations

import pytest

from pisama.detectors.completion import Completion
from pisama.transcript import parse

RUN = """
task: Where is the lake?
agent: search(query="lake") -> a list of lakes
agent: search(query="lake map") -> a map of lakes
outcome: max_steps
"""


@pytest.mark.parametrize(
    ("answer", "how"),
    [
        ("", "without an answer"),
        ("answer: In Norway.\n", "with what it had by then as its answer: “In Norway.”"),
    ],
)
def test_a_run_that_a_limit_ended_says_whether_there_is_an_answer(answer: str, how: str) -> None:
    issues = [issue for issue in Completion().check(parse(RUN + answer)) if issue.signal == "limit"]
    assert [issue.summary for issue in issues] == [
        f"The run was ended by a limit (max_steps) after 2 steps, {how}."
    ]
