"""Texts listed letter by letter."""

from __future__ import annotations

import pytest

from pisama.letters import letter_by_letter


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("Tree:\nD\ni\nr\ne\nc\nt\no\nr\ny\n", 6),
        ("0: D\n1: i\n2: r\n3: e\n4: c\n5: t\n6: o\n7: r\n8: y\n", 0),
        ("['D', 'i', 'r', 'e', 'c', 't', 'o', 'r', 'y', ' ']", 1),
        ("['\\n', ' ', '-', '.', 'A', 'B', 'C', 'D', 'E', 'F']", 1),
    ],
)
def test_a_text_taken_apart_is_found_where_it_begins(text: str, offset: int) -> None:
    assert letter_by_letter(text) == offset


@pytest.mark.parametrize(
    "text",
    [
        "A\nB\nC\nD\nE\nF\nG\nH\nI\n",
        "1\n1\n2\n7\n9\n3\n4\n8\n5\n",
        "/\n/\n/\n/\n/\n/\n/\n/\n/\n",
        "a.py\nb.py\nc.py\nd.py\ne.py\nf.py\ng.py\nh.py\n",
        "['A', 'B', 'C']",
        "",
    ],
)
def test_alphabets_numbers_and_rules_are_lists_of_their_own(text: str) -> None:
    assert letter_by_letter(text) is None
