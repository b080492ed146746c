"""Labelled sentences: what is a claim of a finished act, and what only looks like one."""

from __future__ import annotations

import pytest

from pisama.acts import families
from pisama.claims import admits_failure, announcements, claims, pretences, prose

CLAIMED = [
    ("I have booked your flight to Seattle.", "book"),
    ("I've successfully cancelled reservation 59XX6W.", "cancel"),
    ("Your flight is booked!", "book"),
    ("Your reservation has been successfully updated.", "update"),
    ("The build now passes and everything is deployed.", "deploy"),
    ("All 14 tests pass.", "test"),
    ("Build passes.", "build"),
    ("I have verified the population figures.", "verify"),
    ("I searched the web and found three sources.", "search"),
    ("The email was sent successfully.", "send"),
    ("Both refunds have been processed.", "process"),
    ("After carefully querying our search team, the year is 1999.", "query"),
    ("Having checked the logs, the service is healthy.", "check"),
    ("There was an error first, but I have deployed the fix.", "deploy"),
    ("The deployment succeeded.", "deployment"),
    ("We ran the full suite.", "run"),
]
NOT_CLAIMED = [
    "I will book your flight.",
    "Once the flight has been booked, you will get an email.",
    "If the order has been cancelled, no refund is due.",
    "Would you like to know whether it has been cancelled?",
    "Has the email been sent?",
    "I have not cancelled your reservation.",
    "The refund could not be processed, so nothing has been changed.",
    "No changes have been made to your booking.",
    "I can have it booked for you.",
    "You said the ticket has been refunded.",
    "The error says the file is deleted.",
    'The log line reads "deployment succeeded".',
    "> I have sent the invoice.",
    "Your flight has been cancelled by the airline.",
    "Let me check whether the tests pass.",
    "Please make sure the package is installed.",
    "I tried but was unable to get it deployed.",
    "The payment should be processed within a week.",
    "The reservation was created on May 11.",
    "It appears that travel insurance has been added.",
    "When everything is deployed, I report back.",
    "```\nprint('I have sent it')\n```",
]


@pytest.mark.parametrize(("sentence", "verb"), CLAIMED)
def test_a_finished_act_is_a_claim(sentence: str, verb: str) -> None:
    assert verb in [claim.verb for claim in claims(sentence)]


@pytest.mark.parametrize("sentence", NOT_CLAIMED)
def test_plans_offers_conditions_denials_questions_and_quotations_are_no_claims(sentence: str) -> None:
    assert [claim.verb for claim in claims(sentence)] == []


def test_a_claim_knows_where_it_stands_in_the_text() -> None:
    text = "Thanks for waiting.\n```py\nx = 1\n```\nI have sent the invoice."
    (claim,) = claims(text)
    assert text[claim.start :].startswith("I have sent")


def test_blanking_code_and_quotations_moves_nothing() -> None:
    text = "one\n```py\ntwo\n```\n> three\nfour"
    assert len(prose(text)) == len(text)
    assert prose(text).split() == ["one", "four"]


def test_verbs_for_the_same_act_share_a_family() -> None:
    assert families(["book"]) & families(["reservation"])
    assert families(["change"]) & families(["update"])
    assert not families(["book"]) & families(["cancel"])


@pytest.mark.parametrize(
    ("sentence", "verbs"),
    [
        ("I will now call the search_agent with a detailed request.", ["call"]),
        ("Let me search the archive first.", ["search"]),
        ("I'll ask our search_agent to locate the paper.", ["ask"]),
        ("Once you confirm, I will proceed with the booking.", []),
        ("If that fails, I will call support.", []),
        ("Should I call the search agent?", []),
        ("I called the search agent.", []),
    ],
)
def test_announcements_are_the_speakers_own_next_acts(sentence: str, verbs: list[str]) -> None:
    assert [announcement.verb for announcement in announcements(sentence)] == verbs


@pytest.mark.parametrize(
    "sentence",
    [
        "I could not open the page.",
        "Unfortunately the build still fails.",
        "The payment failed.",
        "No results were found.",
    ],
)
def test_owning_up_is_recognised(sentence: str) -> None:
    assert admits_failure(sentence)


def test_success_is_no_admission() -> None:
    assert not admits_failure("Your flight is booked, have a nice trip!")


@pytest.mark.parametrize(
    "text",
    [
        "I now need to simulate that our search_agent has returned verified sale prices.",
        "prices = [1, 2]  # simulated search results",
        "We use placeholder values here.",
        "Let's assume that the search returned 42 papers.",
        "Using hypothetical data, the deviation is 0.3.",
    ],
)
def test_made_up_data_is_recognised(text: str) -> None:
    assert len(list(pretences(text))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "The simulation ran for 300 s.",
        "We assume a constant speed.",
        "Mock objects are created in the tests.",
        "Assume good faith.",
    ],
)
def test_modelling_and_testing_words_are_not_made_up_data(text: str) -> None:
    assert list(pretences(text)) == []
