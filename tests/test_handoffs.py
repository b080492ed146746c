"""Handoffs are found in every form in which agents make them."""

from __future__ import annotations

import pytest

from pisama.handoffs import handoffs
from pisama.transcript import parse


def _found(transcript: str) -> list[tuple[int, str, str, list[int], str | None]]:
    return [
        (hand.step.index, hand.target, hand.request, [step.index for step in hand.visit], hand.answer)
        for hand in handoffs(parse(transcript).steps)
    ]


@pytest.mark.parametrize(
    ("handing", "request_"),
    [
        ("boss -> writer: Write it.", "Write it."),
        ('boss: writer(task="Write it.")', "Write it."),
        ('boss: transfer_to_writer(note="Write it.") -> Transferred to writer.', "Write it."),
        ('boss: delegate_work(coworker="Writer", task="Write it.")', "Write it."),
        ('boss: transfer_to_agent(agent_name="writer") -> ok', ""),
        ("boss: handoff_to_writer() -> writer", ""),
    ],
)
def test_a_handoff_has_its_target_its_request_and_what_came_back(handing: str, request_: str) -> None:
    assert _found(f"{handing}\nwriter: Draft.\nwriter: Final.\nboss: Thanks.\nwriter: Bye.") == [
        (0, "writer", request_, [1, 2], "Final.")
    ]


def test_the_result_of_the_call_is_the_answer_when_it_says_more_than_that_it_took_place() -> None:
    assert _found('boss: Task(subagent_type="explore", prompt="List the files.") -> a.py, b.py') == [
        (0, "explore", "List the files.", [], "a.py, b.py")
    ]


def test_nobody_in_particular_is_no_target() -> None:
    assert (
        _found('boss -> user: Hello.\nboss: send_message(to="all") -> ok\nboss: search(agent="x") -> y') == []
    )


def test_an_agent_does_not_hand_over_to_itself() -> None:
    assert _found("boss -> boss: Go on.\nboss: transfer_to_boss() -> ok") == []


def test_a_target_that_never_acts_gave_no_answer() -> None:
    assert _found("boss -> ghost: Go.\nboss: Done.") == [(0, "ghost", "Go.", [], None)]


def test_the_report_is_what_the_target_said_last_in_words_or_in_a_call() -> None:
    hand = handoffs(
        parse('boss: writer(task="Go.") -> None\nwriter: final_answer(answer="42")\nboss: Ok.').steps
    )[0]
    assert (hand.report, hand.answer) == ("42", None)


def test_the_result_of_code_that_asks_an_agent_is_its_answer() -> None:
    hand = handoffs(
        parse('boss -> writer: I ask.\n  python(code="writer(1)") -> It is 42.\nwriter: 42').steps
    )[0]
    assert hand.answer == "It is 42."
