"""Recorded values are read as they were meant, and what means nothing is not recorded."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pisama.loaders.values import (
    as_integer,
    as_list,
    as_mapping,
    as_nanoseconds,
    as_number,
    as_string,
    as_text,
    first,
    open_json,
    to_json,
)
from pisama.trace import JSON

MOMENT = 1_747_000_000_123_456_000
"""2025-05-11T21:46:40.123456Z."""

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


def nested(levels: int) -> JSON:
    value: JSON = "ü"
    for level in range(levels):
        value = {"a": value} if level % 2 else [value, None]
    return value


@pytest.mark.parametrize(
    "recorded",
    [
        "2025-05-11T21:46:40.123456Z",
        "2025-05-11T23:46:40.123456+02:00",
        "2025-05-11 21:46:40.123456",
        1_747_000_000_123_456,
        "1747000000123456",
        1_747_000_000_123_456_000,
        "1747000000123456000",
    ],
)
def test_a_moment_is_read_in_every_spelling(recorded: JSON) -> None:
    assert as_nanoseconds(recorded) == MOMENT


def test_epoch_numbers_are_told_apart_by_size() -> None:
    assert as_nanoseconds(1_747_000_000) == 1_747_000_000 * 10**9
    assert as_nanoseconds("1747000000.5") == 1_747_000_000_500_000_000
    assert as_nanoseconds(1_747_000_000_123) == 1_747_000_000_123 * 10**6


@pytest.mark.parametrize(
    "recorded", [None, True, 0, -5, "", "soon", "²", "nan", "1e400", 10**30, "9" * 5000, [], {}]
)
def test_what_is_no_moment_is_not_recorded(recorded: JSON) -> None:
    assert as_nanoseconds(recorded) is None


def test_a_moment_before_the_epoch_keeps_its_sign() -> None:
    assert as_nanoseconds("1969-12-31T23:59:59.500Z") == -500_000_000


@pytest.mark.parametrize(
    ("recorded", "number"),
    [
        *((7, 7), ("7", 7), (" 7 ", 7), (7.9, 7), ("7.9", 7), ("9007199254740993", 9007199254740993)),
        *(
            (None, None),
            (True, None),
            ("", None),
            ("many", None),
            ("inf", None),
            (float("nan"), None),
            ([7], None),
        ),
    ],
)
def test_counts_are_read_from_numbers_and_digits(recorded: JSON, number: int | None) -> None:
    assert as_integer(recorded) == number


def test_a_fraction_stays_one() -> None:
    assert as_number("0.25") == 0.25


def test_names_and_ids_are_strings() -> None:
    recorded: tuple[JSON, ...] = ("a", "", 7, True, None, [])
    assert [as_string(value) for value in recorded] == ["a", None, "7", None, None, None]


def test_what_is_no_object_or_list_counts_as_an_empty_one() -> None:
    assert (as_mapping([1]), as_mapping({"a": 1}), as_list({"a": 1}), as_list([1])) == ({}, {"a": 1}, [], [1])


def test_structured_text_becomes_json_text() -> None:
    recorded: tuple[JSON, ...] = (None, "", "x", 1, {"a": [1]})
    assert [as_text(value) for value in recorded] == [None, "", "x", "1", '{"a":[1]}']


def test_json_text_is_opened_once() -> None:
    assert open_json(' {"a": "[1]"}') == {"a": "[1]"}
    assert open_json('"[1]"') == "[1]"
    assert str(open_json('{"a": NaN}')) == "{'a': nan}"


@pytest.mark.parametrize("value", ["plain", "", "{oops", "12", "null", None, 7, [1], {"a": 1}, "[" * 5000])
def test_what_is_no_json_text_stays_as_it_is(value: JSON) -> None:
    assert open_json(value) == value


def test_the_first_field_that_is_not_null_counts() -> None:
    assert first({"a": None, "b": 0, "c": 1}, "a", "b", "c") == 0
    assert first({}, "a") is None


def test_json_text_of_deep_values_is_written_without_recursion() -> None:
    value = nested(5000)
    text = to_json(value)
    assert text.startswith('{"a":[{"a":[')
    assert text.count("null") == 2500
    assert json.loads(to_json(nested(300))) == nested(300)


@given(json_values)
def test_json_text_says_the_same_as_the_value(value: JSON) -> None:
    plain = json.loads(to_json(value))
    deep = value
    for _ in range(300):
        deep = [deep]
    written = json.loads(to_json(deep)[300:-300])
    assert written == plain


@given(json_values)
def test_no_value_raises(value: JSON) -> None:
    as_nanoseconds(value)
    as_integer(value)
    open_json(value)
    as_text(value)
