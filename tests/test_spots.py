"""Looking only where a pattern can match."""

from __future__ import annotations

import re

import pytest

from pisama.spots import Sign, find_near, holds, one_of, spots, stretches


def test_needles_are_found_in_order_whether_letters_or_patterns() -> None:
    text = "an id, a number, ids and an idea"
    assert spots(text, ("number", re.compile(r"id(?=s?\b)"))) == [3, 9, 17]


def test_stretches_that_touch_are_one_and_stay_in_the_text() -> None:
    text = "x" * 10 + "aa" + "x" * 3 + "aa" + "x" * 40 + "AA"
    assert list(stretches(text, ("aa",), before=4, after=6)) == [(6, 21), (53, 59)]
    assert list(stretches("nothing here", ("aa",), 4, 6)) == []


def test_a_letter_that_becomes_two_in_lower_case_has_the_whole_text_looked_at() -> None:
    text = "\u0130stanbul: no PASSWORD here"
    assert list(stretches(text, ("password",), 0, 8)) == [(0, len(text))]


@pytest.mark.parametrize("text", ["", "ab", "To do: plan A, then PLAN B; no other planning", "plan" * 50])
def test_what_is_found_near_its_words_is_what_is_found_everywhere(text: str) -> None:
    pattern = re.compile(r"\b(?:\w{1,8} )?plan\b", re.IGNORECASE)
    near = [match.span() for match in find_near(pattern, text, ("plan",), before=10, after=6)]
    assert near == [match.span() for match in pattern.finditer(text)]


def test_a_sign_is_sought_only_where_one_of_its_words_is() -> None:
    sign = Sign(("stop",), re.compile(r"\w+ and stop", re.IGNORECASE))
    found = sign.search("Write it AND STOP", "write it and stop")
    assert found is not None
    assert found.group() == "it AND STOP"
    assert sign.search("Write it and halt", "write it and halt") is None


def test_holds_is_letter_for_letter() -> None:
    assert holds("a tool call", ("x", "tool"))
    assert not holds("a Tool call", ("tool",))
    assert not holds("anything", ())


def test_one_of_prefers_the_longest_name() -> None:
    pattern = re.compile(one_of(["may", "march", "mar", "june"]))
    assert pattern.findall("march mar may june jul") == ["march", "mar", "may", "june"]
