"""Words, stems, sentences, similarity and quotes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pisama.text import (
    containment,
    overlap,
    quote,
    sentences,
    sentences_at,
    shingles,
    similarity,
    stable,
    stem,
    stems,
    words,
)
from tests.hanging import no_hang

ANYTHING = st.text(max_size=400)


def test_words_are_lower_case_and_keep_their_apostrophes() -> None:
    assert words("Don't STOP, user_id=42!") == ["don't", "stop", "user", "id", "42"]


@pytest.mark.parametrize(
    "family",
    [
        ("booking", "booked", "bookings", "book", "books"),
        ("cancel", "cancelled", "canceled", "cancelling", "cancellation"),
        ("study", "studies", "studied", "studying"),
        ("file", "files", "filed", "filing"),
        ("run", "runs", "running"),
        ("search", "searches", "searched", "searching"),
        ("box", "boxes"),
        ("quick", "quickly", "quickness"),
        ("install", "installed", "installing", "installation"),
        ("agent", "agents", "agent's"),
        ("pass", "passes", "passed", "passing"),
        ("query", "queries"),
    ],
)
def test_forms_of_a_word_share_a_stem(family: tuple[str, ...]) -> None:
    assert len({stem(word) for word in family}) == 1, {word: stem(word) for word in family}


def test_different_words_keep_different_stems() -> None:
    apart = [
        "station",
        "state",
        "university",
        "universal",
        "new",
        "news",
        "bus",
        "business",
        "user",
        "tax",
        "text",
    ]
    assert len({stem(word) for word in apart}) == len(apart)


def test_stop_words_are_no_stems_and_other_alphabets_stay_whole() -> None:
    assert stems("the flights to São Paulo and Москва") == ["flight", "são", "paulo", "москва"]


def test_sentences_end_at_marks_paragraphs_and_list_items_but_not_at_abbreviations() -> None:
    text = "Dr. Smith met J. Doe at 5 p.m. in St. Ives. He left!  Why?\n\nList:\n- one\n- two. Three\n2) four"
    assert sentences(text) == [
        "Dr. Smith met J. Doe at 5 p.m. in St. Ives.",
        "He left!",
        "Why?",
        "List:",
        "- one",
        "- two.",
        "Three",
        "2) four",
    ]


@given(ANYTHING)
def test_every_sentence_stands_where_it_says_and_nothing_but_space_is_lost(text: str) -> None:
    parts = list(sentences_at(text))
    assert all(text[at : at + len(part)] == part for at, part in parts)
    kept = sum(len("".join(part.split())) for _, part in parts)
    lost = len("".join(text.split())) - kept
    assert 0 <= lost <= 3 * text.count(".") + 3 * text.count("!") + 3 * text.count("?")


@given(ANYTHING, st.one_of(st.none(), st.integers(-5, 500), st.text(max_size=20)), st.integers(10, 300))
def test_a_quote_is_one_line_of_bounded_width(text: str, around: str | int | None, width: int) -> None:
    line = quote(text, around, width)
    assert len(line) <= width
    assert "\n" not in line


def test_a_quote_shows_what_it_was_asked_for() -> None:
    text = "before " * 200 + "NEEDLE" + " after" * 200
    line = quote(text, "NEEDLE", 60)
    assert "NEEDLE" in line
    assert line.startswith("…")
    assert line.endswith("…")


def test_a_quote_of_short_text_is_the_text() -> None:
    assert quote("  one\n  two ") == "one two"


def test_similarity_ignores_order_and_is_zero_below_the_bound() -> None:
    assert similarity("red blue green", "green red blue") == 1.0
    assert similarity("red blue", "quantum flux", at_least=0.9) == 0.0


def test_sets_are_compared_by_share() -> None:
    assert overlap({1, 2}, {2, 3}) == pytest.approx(1 / 3)
    assert overlap(set(), set()) == 0.0
    assert containment({1, 2}, {2, 3}) == 0.5
    assert containment(set(), {1}) == 1.0


def test_shingles_of_a_short_text_are_the_text() -> None:
    assert shingles(["a", "b"]) == frozenset([("a", "b")])
    assert shingles(["a", "b", "c", "d"]) == frozenset([("a", "b", "c"), ("b", "c", "d")])
    assert shingles([]) == frozenset()


def test_two_attempts_that_differ_in_times_and_addresses_are_the_same() -> None:
    one = "2026-01-01T10:00:00Z done in 12 ms at 0x7f00aa\nid 123e4567-e89b-12d3-a456-426614174000"
    two = "2026-02-03T11:22:33Z done in 900 ms at 0x7fbbbb id 00000000-e89b-12d3-a456-426614174000"
    assert stable(one) == stable(two)
    assert stable("row 12") != stable("row 13")


@given(st.from_regex(r"[a-z]{1,20}", fullmatch=True))
def test_a_stem_is_never_empty_nor_longer_than_its_word(word: str) -> None:
    assert 0 < len(stem(word)) <= len(word)


@pytest.mark.parametrize(
    "unit", ["a", "a'", ". ", ".\t", "\n", "\n ", "\n  -", '!")', "1.", "A.", " ", "0x", "2024-01-01T", "ab-"]
)
@pytest.mark.parametrize("function", [words, stems, sentences, stable, quote, shingles])
def test_a_megabyte_of_anything_takes_time_in_proportion(function: object, unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    with no_hang():
        function(list(text[:100_000]) if function is shingles else text)  # type: ignore[operator]
        # Linear is well below 2 s on a slow machine under load; quadratic would be hours.
