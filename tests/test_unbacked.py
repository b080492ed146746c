"""Claims held against the calls before them."""

from __future__ import annotations

from pisama.transcript import parse
from pisama.unbacked import unbacked


def _kinds(transcript: str) -> list[tuple[int, str]]:
    return [(item.step.index, item.kind) for item in unbacked(parse(transcript))]


def test_an_unrelated_failure_does_not_touch_a_claim() -> None:
    assert not _kinds(
        """
        task: Mail the invoice.
        agent: read_calendar(day="Monday") -> error: timeout
        agent: send_email(to="a@example.org") -> sent
        agent: The email has been sent.
        """
    )


def test_a_success_of_the_same_act_with_other_arguments_backs_the_claim() -> None:
    assert not _kinds(
        """
        task: Book a flight.
        agent: book_flight(flight="A1") -> error: sold out
        agent: book_flight(flight="A2") -> ok
        agent: Your flight has been booked.
        """
    )


def test_a_command_that_worked_once_and_fails_now_does_not_back_the_claim() -> None:
    assert _kinds(
        """
        task: Fix it.
        agent: bash(command="pytest -q") -> 3 passed
        agent: edit(path="a.py", new="x") -> ok
        agent: bash(command="pytest -q") -> error: 1 failed
        agent: All tests pass.
        """
    ) == [(3, "claimed_after_error")]


def test_saying_that_the_act_failed_is_no_claim_of_it() -> None:
    assert not _kinds(
        """
        task: Book a flight.
        agent: book_flight(flight="A1") -> error: sold out
        agent: I was unable to book the flight. The booking is not confirmed.
        """
    )


def test_success_handed_over_by_an_answering_tool_is_a_claim_too() -> None:
    assert _kinds(
        """
        task: Book a flight.
        agent: book_flight(flight="A1") -> error: sold out
        agent: final_answer(answer="Your flight has been booked.")
        """
    ) == [(1, "claimed_after_error")]
