"""Work that agents hand to each other and that comes to nothing."""

from __future__ import annotations

import pytest

from pisama.cross_purposes import Bounds, cross_purposes
from pisama.features import features
from pisama.transcript import parse

BOUNDS = Bounds(
    min_returns=4,
    min_repeats=3,
    same_request=0.88,
    same_facts=0.7,
    min_request_words=4,
    compared=8,
    min_idle=3,
)


def _signals(transcript: str) -> list[tuple[int, str]]:
    trace = parse(transcript)
    return [(found.step.index, found.signal) for found in cross_purposes(trace, features(trace), BOUNDS)]


@pytest.mark.parametrize(
    ("came", "found"), [("Transferred to billing", [(0, "unanswered")]), ("error: no such agent", [])]
)
def test_work_whose_handoff_failed_was_never_given(came: str, found: list[tuple[int, str]]) -> None:
    run = """
        task: I want a refund for order 7.
        triage: transfer_to_billing() -> {}
        refunds: I have the form here.
        billing_desk: It is Monday.
        """
    assert _signals(run.format(came)) == found


def test_a_run_of_returns_ends_where_one_of_the_two_works() -> None:
    turn = "triage: transfer_to_billing() -> Transferred to billing\nbilling: %stransfer_to_triage() -> Transferred to triage\n"
    run = "task: I want a refund for order 7.\n" + turn % "" + turn + "triage: I am sorry."
    assert _signals(run % "") == [(0, "ping_pong")]
    assert _signals(run % 'look_up(order="7") -> paid in May\n  ') == []


def test_turns_that_wait_are_a_stall_of_several_agents_and_end_where_a_user_speaks() -> None:
    waiting = "{0}: I am waiting for the figures.\n{1}: Please share the figures.\n{2}{0}: Still waiting for the figures.\n"
    assert _signals("task: Compare.\n" + waiting.format("ann", "bob", "")) == [(0, "stalled")]
    assert _signals("task: Compare.\n" + waiting.format("ann", "ann", "")) == []
    assert _signals("task: Compare.\n" + waiting.format("ann", "bob", "user: They are late.\n")) == []
