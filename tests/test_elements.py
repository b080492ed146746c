"""Elements of texts, in all the spellings that traces have."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pisama.elements import ElementKind, elements, normal_date, normal_number, normal_time
from tests.hanging import no_hang

MEGABYTE = 1_000_000
ANYTHING = st.text(alphabet=st.characters(exclude_categories=()), max_size=300)
NASTY = st.text(alphabet="aA1_-./:,@\"' \n\\T(){}", max_size=300)


def found(text: str) -> list[tuple[str, str]]:
    return [(element.kind.value, element.value) for element in elements(text)]


def test_a_booking_request_gives_its_codes_dates_times_and_amounts() -> None:
    text = (
        "My reservation id is EHGLP3 and I fly to JFK on May 15th, 2024 at 9:30 pm, "
        "paid $1,243.50 with gift_card_8003 (#W1234567)."
    )
    assert found(text) == [
        ("identifier", "ehglp3"),
        ("name", "jfk"),
        ("date", "2024-05-15"),
        ("time", "21:30"),
        ("number", "1243.5"),
        ("identifier", "gift_card_8003"),
        ("identifier", "w1234567"),
    ]


def test_code_paths_urls_and_addresses_are_told_apart() -> None:
    text = (
        "Use `get_user_details` in store/text.py or C:\\data\\x.txt; see "
        "https://en.example.org/wiki/Foo_(bar), (https://example.com/a). Mail a.b@x.co.uk"
    )
    assert found(text) == [
        ("identifier", "get_user_details"),
        ("path", "store/text.py"),
        ("path", "c:\\data\\x.txt"),
        ("url", "en.example.org/wiki/foo_(bar)"),
        ("url", "example.com/a"),
        ("email", "a.b@x.co.uk"),
    ]


def test_the_full_stop_after_a_path_is_not_part_of_it() -> None:
    assert found("Save it as /home/me/clip.mp4. Then read notes.txt.") == [
        ("path", "/home/me/clip.mp4"),
        ("path", "notes.txt"),
    ]


def test_keys_of_json_are_not_facts_and_quoted_facts_are_what_they_are() -> None:
    text = '{"user_id": "sara_496", "date": "May 12", "n": 3, "total": "1,200.50", "item": "Blue Shirt"}'
    assert found(text) == [
        ("identifier", "sara_496"),
        ("date", "--05-12"),
        ("number", "3"),
        ("number", "1200.5"),
        ("quoted", "blue shirt"),
    ]


def test_the_first_word_of_a_sentence_is_no_name_unless_it_is_an_acronym() -> None:
    text = "Flights are late. NASA said so. In Paris, Marie Curie of Warsaw didn't."
    assert found(text) == [("name", "nasa"), ("name", "paris"), ("name", "marie curie of warsaw")]


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("2026-05-12", "2026-05-12"),
        ("2026/05/12", "2026-05-12"),
        ("05/12/2026", "2026-05-12"),
        ("25/12/2026", "2026-12-25"),
        ("12.05.2026", "2026-05-12"),
        ("12 May 2026", "2026-05-12"),
        ("May 12th, 2026", "2026-05-12"),
        ("12th of May", "--05-12"),
        ("sept 3", "--09-03"),
        ("May 2026", "2026-05"),
    ],
)
def test_a_date_is_one_date_however_it_is_written(text: str, normal: str) -> None:
    assert normal_date(text) == normal
    assert found(f"It was on {text}") == [("date", normal)]


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("+1,200.50", "1200.5"),
        ("007", "7"),
        ("0.50", "0.5"),
        ("-3.0", "-3"),
        ("-0", "0"),
        ("twelve", "12"),
        ("1,234,567", "1234567"),
        ("none", "none"),
    ],
)
def test_a_number_is_one_number_however_it_is_written(text: str, normal: str) -> None:
    assert normal_number(text) == normal


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("9:30 pm", "21:30"),
        ("12 AM", "00:00"),
        ("12:15 p.m.", "12:15"),
        ("09:30:00", "09:30"),
        ("9:30:05", "09:30:05"),
    ],
)
def test_a_time_is_one_time_however_it_is_written(text: str, normal: str) -> None:
    assert normal_time(text) == normal


def test_only_the_beginning_of_a_long_text_is_read() -> None:
    assert list(elements("x" * 50 + " ABC123", limit=50)) == []


@given(st.one_of(ANYTHING, NASTY))
def test_every_element_stands_where_it_says(text: str) -> None:
    last = 0
    for element in elements(text):
        assert text[element.start : element.start + len(element.text)] == element.text
        assert element.value
        assert element.start >= last
        last = element.start


@given(st.integers(min_value=-(10**15), max_value=10**15))
def test_grouping_digits_does_not_change_a_number(number: int) -> None:
    assert normal_number(f"{number:,}") == normal_number(str(number)) == str(number)


@given(st.dates(min_value=date(1000, 1, 1)))
def test_every_date_survives_its_spellings(day: object) -> None:
    written = f"{day:%d %B} {day:%Y}"
    assert normal_date(written) == f"{day:%Y-%m-%d}"


@given(st.times())
def test_a_clock_time_survives_the_twelve_hour_clock(moment: object) -> None:
    assert normal_time(f"{moment:%I:%M %p}") == f"{moment:%H:%M}"


def test_a_kind_that_is_unlikely_to_be_shared_by_chance_weighs_more() -> None:
    weights = {element.kind: element.weight for element in elements("See https://a.org/x on 12 May: 7 times")}
    assert weights[ElementKind.URL] > weights[ElementKind.DATE] > weights[ElementKind.NUMBER]


@pytest.mark.parametrize(
    "unit",
    ["a", "A", "1,", "1.", "111,", '"', '"a', "/a", "a/", "a_", "aB", "a@", "a.", "a@a.", " ", "12 may ", "Aa of the ", "-",
     "2024-", "1:1", "http://a", "'a ", "T1:"],
)  # fmt: skip
def test_a_megabyte_of_anything_takes_time_in_proportion(unit: str) -> None:
    text = unit * (MEGABYTE // len(unit))
    with no_hang():
        for _ in elements(text, limit=MEGABYTE):
            pass
        # Linear is 1-4 s on a slow machine under load; quadratic would be hours.


@settings(max_examples=20, deadline=None)
@given(NASTY)
def test_repeating_a_nasty_piece_many_times_stays_fast(piece: str) -> None:
    text = piece * (20_000 // max(1, len(piece)))
    with no_hang():
        list(elements(text))
