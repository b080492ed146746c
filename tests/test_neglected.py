"""Facts that an agent was given and did not use."""

from __future__ import annotations

import pytest

from pisama.features import features
from pisama.neglected import neglected
from pisama.transcript import parse


def _signals(transcript: str) -> list[tuple[int, str]]:
    trace = parse(transcript)
    return [
        (found.step.index, found.signal) for found in neglected(trace, features(trace), short_task=120, few=2)
    ]


@pytest.mark.parametrize(
    ("task", "answer", "found"),
    [
        ("Read https://a.example/tea and tell me the price.", "Tea is 3 EUR.", [(1, "never_used")]),
        ("Read https://a.example/tea and tell me the price.", "By a.example it is 3 EUR.", []),
        ("Read https://a.example/tea and tell me the price.", "I cannot help with that.", []),
        ("Read https://a.example/tea and tell me the price." + " Thanks!" * 20, "Tea is 3 EUR.", []),
        ("Read https://a.org, https://b.org and https://c.org and tell me.", "Tea is 3 EUR.", []),
    ],
)
def test_an_address_of_a_short_task_is_to_be_used_unless_the_answer_refuses(
    task: str, answer: str, found: list[tuple[int, str]]
) -> None:
    assert _signals(f"task: {task}\nagent: search(query='tea') -> 3 EUR\nagent: {answer}") == found


def test_a_run_that_is_still_going_on_has_left_nothing_unused() -> None:
    run = "task: Read https://a.example/tea and tell me.\nagent: search(query='tea') -> 3 EUR\n"
    assert _signals(run) == [(0, "never_used")]
    assert _signals(run + "unfinished") == []


def test_a_value_that_the_tool_refused_is_a_lesser_failure() -> None:
    run = "task: Cancel it. My reservation id is EHGLP3.\nagent: get(reservation_id='EHLGP3') -> %s"
    severities = []
    for came in ('{"price": 10}', "error: not found"):
        trace = parse(run % came)
        (found,) = neglected(trace, features(trace), short_task=120, few=2)
        severities.append((found.signal, found.severity))
    assert severities == [("slip", None), ("slip", 35)]
