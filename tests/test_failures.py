"""What agents make of failed calls."""

from __future__ import annotations

import pytest

from pisama.failures import Bounds, failures
from pisama.features import features
from pisama.transcript import parse

BOUNDS = Bounds(max_retries=3, same_failures=3, guesses=6)
FAILED = "task: Mail the report.\nagent: send_mail(to='bob') -> error: {}\n"


def _found(transcript: str) -> list[tuple[int, str, str]]:
    trace = parse(transcript)
    return [
        ((found.ignoring or found.primary.step).index, found.kind, found.fault)
        for found in failures(trace, features(trace), BOUNDS)
    ]


@pytest.mark.parametrize(
    ("rest", "found"),
    [
        ("agent: Here is the report.", [(1, "ignored", "agent")]),
        ("agent: The mail could not be sent. Here is the report.", []),
        ("agent: note(text='a') -> kept\nagent: Here is the report.", []),
        ("other: look_up(name='bob') -> bob@a.org\nagent: Here is the report.", []),
        ("agent: Here is the report.\nagent: Now it is sent, sorry.", []),
        ("", [(0, "fatal", "environment")]),
    ],
)
def test_a_failure_is_ignored_when_nobody_works_on_or_says_a_word_about_it(
    rest: str, found: list[tuple[int, str, str]]
) -> None:
    assert _found(FAILED.format("permission denied by the server") + rest) == found


def test_a_failure_beside_another_call_of_the_same_tool_is_not_ignored() -> None:
    both = """
        task: Mail the report.
        agent: {}(to='ann') -> done
          send_mail(to='bob') -> error: permission denied by the server
        agent: Here is the report.
        """
    assert _found(both.format("save_report")) == [(1, "ignored", "agent")]
    assert _found(both.format("send_mail")) == []
