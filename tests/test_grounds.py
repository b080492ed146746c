"""What a run's observations give: facts in other spellings, computed numbers, common knowledge."""

from __future__ import annotations

import pytest

from pisama.elements import elements
from pisama.grounds import Grounds


def _grounds(*texts: str) -> Grounds:
    grounds = Grounds()
    for text in texts:
        grounds.hear(text)
    return grounds


@pytest.mark.parametrize(
    "number",
    [
        "1,389",  # another spelling
        "255",  # 152 + 103
        "49",  # 152 - 103
        "304",  # 2 * 152 would need a 2: 152 + 152
        "10.95",  # 152 of 1389 in per cent, rounded: 10.943 is not 10.95
        "1400",  # 1389 rounded
        "2024",  # a year
        "500",  # a round number
        "12",  # a small one
    ],
)
def test_numbers_that_occur_round_or_compute_are_known(number: str) -> None:
    known = _grounds("Fares are 152 and 103. Population: 1389.").knows_number(number)
    assert known is (number != "10.95")


@pytest.mark.parametrize("number", ["737,015", "48.585", "9741"])
def test_a_number_from_nowhere_is_unknown(number: str) -> None:
    assert not _grounds("Fares are 152 and 103. Population: 1389.").knows_number(number)


def test_a_year_must_occur_when_it_is_asked_as_an_answer() -> None:
    grounds = _grounds("The bridge opened in 1932.")
    assert grounds.knows_number("1937")
    assert not grounds.knows_number("1937", years=False)
    assert grounds.knows_number("1932", years=False)


def test_scales_and_units_are_the_same_number() -> None:
    grounds = _grounds("It has 1.2 million users and is 26.2188 miles long.")
    assert grounds.knows_number("1,200,000")
    assert grounds.knows_number("42.195")


def test_the_end_of_an_identifier_is_known() -> None:
    assert _grounds("gift_card_6276644").knows_number("6644")


def test_names_and_dates_are_known_by_their_parts() -> None:
    grounds = _grounds("On 12 May 2026 Ada Lovelace signed.")
    found = list(elements("Signed by Lovelace on May 12, 2026, not by Charles Babbage."))
    assert {item.text: grounds.knows(item) for item in found} == {
        "Lovelace": True,
        "May 12, 2026": True,
        "Charles Babbage": False,
    }
