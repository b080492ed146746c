"""Named facts in prose and JSON, and what a run can know."""

from __future__ import annotations

import pytest

from pisama.elements import Element, elements
from pisama.facts import Fact, asked, fields, normal_key, opened, told
from pisama.known import Known
from pisama.trace import Message, Step, ToolCall
from tests.hanging import no_hang


def elements_of(text: str) -> list[Element]:
    return list(elements(text))


def listening(*said: str) -> Known:
    known = Known(elements_of)
    for index, text in enumerate(said):
        known.hear(Step(index, "agent", seen=(Message("user", text),)))
    return known


@pytest.mark.parametrize(
    "names",
    [
        ("reservation_id", "reservationId", "Reservation number", "reservation code", "Reservation IDs"),
        ("email", "e-mail", "E-mail address", "email addresses"),
        ("zip_code", "zip code", "zipCode"),
    ],
)
def test_spellings_of_a_field_have_one_key(names: tuple[str, ...]) -> None:
    assert len({normal_key(name) for name in names}) == 1, [normal_key(name) for name in names]


def test_fields_are_found_at_any_depth_with_their_keys() -> None:
    value = opened(
        '{"order": {"orderId": "W1", "items": [{"sku": 7}, {"sku": 8}], "paid": true, "note": null}}'
    )
    assert list(fields(value)) == [Fact("order_id", "W1"), Fact("sku", "7"), Fact("sku", "8")]


def test_only_objects_and_arrays_are_opened() -> None:
    assert opened("[1, 2]") == [1, 2]
    assert opened("12") is None
    assert opened("{broken") is None


def test_facts_are_told_under_labels_and_addresses_without() -> None:
    text = (
        "Hi, my user ID is anna_12, order number: #W1234, mail me at a@b.org. The reservation code is lost."
    )
    assert list(told(text, elements_of)) == [
        Fact("user_id", "anna_12"),
        Fact("order_id", "W1234"),
        Fact("email", "a@b.org"),
    ]


def test_asking_is_not_confirming() -> None:
    text = "Could you please provide your user ID and email? Please confirm the order number."
    assert [key for key, _ in asked(text)] == ["user_id", "email"]


def test_an_answer_belongs_to_the_only_question() -> None:
    known = Known(elements_of)
    known.questions = ("user_id",)
    known.hear(Step(3, "agent", seen=(Message("user", "Sure, it's anna_12."),)))
    assert (known.given["user_id"].value, known.given["user_id"].step) == ("anna_12", 3)


def test_a_value_is_used_once_a_call_sends_it() -> None:
    known = listening("My user id is anna_12.")
    known.learn(ToolCall("get", {"filter": {"who": "anna_12"}}, result='{"name": "Anna"}'), failed=False)
    assert known.given["user_id"].used
    assert known.recorded["name"].value == "Anna"
    assert known.has("anna")
    assert not known.has("bob_13")


def test_a_failed_call_records_no_fields_but_its_values_count_as_tried() -> None:
    known = listening("Read data/rows.csv")
    known.learn(ToolCall("read", {"path": "data/rows.csv"}, error='{"code": "gone"}'), failed=True)
    assert known.recorded == {}
    assert known.failed_with("data/rows.csv")


def test_a_year_is_invented_only_when_other_years_were_mentioned() -> None:
    assert listening("On May 20.", "It is 2024 now.").invented_year("2023", "05-20")
    assert not listening("On May 20.").invented_year("2023", "05-20")
    assert not listening("On May 20.", "2023 or 2024").invented_year("2023", "05-20")
    assert not listening("On May 21.", "It is 2024 now.").invented_year("2023", "05-20")


@pytest.mark.parametrize(
    "unit", ["user id ", "order number: ", "please ", "could you ", "a@", "W1 ", "what is your "]
)
def test_a_megabyte_of_words_is_read_in_no_time(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    with no_hang():
        list(told(text, elements_of))
        list(asked(text))


def test_a_deep_value_is_walked_without_recursion() -> None:
    value: list[object] = []
    for _ in range(100_000):
        value = [value]
    assert list(fields(value)) == []  # type: ignore[arg-type]
