"""Arguments against what was given."""

from __future__ import annotations

import pytest

from pisama.elements import Element, elements
from pisama.known import Known
from pisama.mismatches import mismatches
from pisama.trace import JSON, Message, Step


def found(wish: str, arguments: JSON, own: str = "", tool: str = "reserve") -> list[tuple[str, str, str]]:
    def elements_of(text: str) -> list[Element]:
        return list(elements(text))

    known = Known(elements_of)
    known.hear(Step(0, "agent", seen=(Message("user", wish),)))
    return [
        (each.sort, each.fact.value, each.expected.value) for each in mismatches(tool, arguments, known, own)
    ]


@pytest.mark.parametrize(
    ("wish", "arguments", "expected"),
    [
        ("My order id is W12345.", {"order_id": "W12354"}, [("slip", "W12354", "W12345")]),
        ("My order id is W12345.", {"order_id": "A99"}, []),
        ("My order id is W12345.", {"order_id": "B77001"}, [("unknown", "B77001", "W12345")]),
        ("A table for 4 guests.", {"guests": 2}, [("count", "2", "4 guests")]),
        ("A table for four guests.", {"guests": 4}, []),
        ("2 guests on Monday, 3 guests on Friday.", {"guests": 5}, []),
        ("Come on 2026-05-12.", {"date": "2026-05-21"}, [("date", "2026-05-21", "2026-05-12")]),
        ("Come on May 12, 2026.", {"date": "2026-05-12"}, []),
        ("Come a week after 2026-05-12.", {"date": "2026-05-19"}, []),
        ("Sum data/sales_2024.csv.", {"path": "data/sales_2023.csv"}, [("slip", "data/sales_2023.csv", "data/sales_2024.csv")]),
        ("Sum data/sales_2024.csv.", {"path": "/home/me/data/sales_2024.csv"}, []),
        ("Open https://www.a.org/page.", {"url": "http://a.org/page/"}, []),
        ("Fix the build in /workspace/a-long-name__project.", {"path": "/workspace/a-long-name__project/Makefile"}, []),
    ],
)  # fmt: skip
def test_an_argument_is_held_against_the_wish(
    wish: str, arguments: JSON, expected: list[tuple[str, str, str]]
) -> None:
    assert found(wish, arguments) == expected


def test_what_the_agent_works_out_in_words_is_no_mismatch() -> None:
    assert found("A table for 4 guests.", {"date": "2026-05-21"}, own="So I take 2026-05-21.") == []


def test_calls_that_make_something_new_may_name_it() -> None:
    assert found("My order id is W12345.", {"order_id": "W99999"}, tool="create_order") == []


def test_arguments_that_could_not_be_parsed_are_left_alone() -> None:
    assert found("My order id is W12345.", '{"order_id": "W1') == []
