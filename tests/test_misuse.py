"""Calls that use tools wrongly."""

from __future__ import annotations

import pytest

from pisama.features import features
from pisama.misuse import misused
from pisama.transcript import parse


def _found(*lines: str) -> list[tuple[str, str, int, bool]]:
    trace = parse("\n".join(("task: Find the price of tea.", *lines)))
    return [
        (found.misuse.signal, found.misuse.tool, len(found.calls), found.repaired)
        for found in misused(trace, features(trace))
    ]


@pytest.mark.parametrize(
    ("call", "found"),
    [
        ('open(url="the page with the prices of tea") -> error: failed', [("unfit_input", "open", 1, False)]),
        ('open(url="the page with the prices of tea") -> tea 3 EUR', []),
        ('open(url="https://a.example/tea") -> error: failed', []),
        ('read(path="https://a.example/tea") -> error: no such file', [("unfit_input", "read", 1, False)]),
        ('read(path="https://a.example/tea") -> error: 404 at https://a.example/tea', []),
        ('search(query="https://a.example/tea") -> error: failed', [("unfit_input", "search", 1, False)]),
    ],
)
def test_an_input_of_the_wrong_kind_is_a_misuse_where_the_call_failed(
    call: str, found: list[tuple[str, str, int, bool]]
) -> None:
    assert _found(f"agent: {call}") == found


def test_the_same_misuse_of_one_tool_is_told_once_and_is_repaired_by_the_next_call_that_works() -> None:
    wrong = 'agent: open(url="the page with the prices of {}") -> error: failed'
    right = 'agent: open(url="https://a.example/tea") -> tea 3 EUR'
    assert _found(wrong.format("tea"), wrong.format("coffee"), right) == [("unfit_input", "open", 2, True)]
    assert _found(wrong.format("tea"), right, wrong.format("coffee")) == [("unfit_input", "open", 2, False)]
