"""Values that change without a reason."""

from __future__ import annotations

import pytest

from pisama.features import features
from pisama.state_changes import Restated, state_changes
from pisama.transcript import parse


def _kinds(transcript: str) -> list[str]:
    trace = parse(transcript)
    return [
        "restated" if isinstance(found, Restated) else found.kind
        for found in state_changes(trace, features(trace))
    ]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("- Price of tea: 4 EUR", ["restated"]),
        ("- Price of tea: 3.00 EUR", []),
        ("- Price of tea: 4 to 5 EUR", []),
        ("- Price of coffee: 4 EUR", []),
        ("The price of tea: 4 EUR", []),
    ],
)
def test_a_line_of_a_list_of_facts_is_restated_with_another_number_that_nobody_gave(
    line: str, found: list[str]
) -> None:
    facts = "Known facts\\n- Price of tea: 3 EUR"
    run = f"task: What is tea?\nagent: {facts}\nagent: I look.\n%sagent: Known facts\\n{line}"
    assert _kinds(run % "") == found
    assert _kinds(run % "user: They say 4 now, or 5.\n") == []


@pytest.mark.parametrize(
    ("then", "now", "found"),
    [
        ("4", "unknown", ["type_changed"]),
        ("4", ["tea"], ["type_changed"]),
        ("4", "7", ["unasked_change"]),
        (["tea", "milk"], "tea 17", []),
        (["tea", "milk"], ["tea"], ["items_lost"]),
        (["tea", "milk"], ["tea", "bread"], []),
    ],
)
def test_a_stored_number_must_stay_one_and_a_list_must_not_only_shrink(
    then: str | list[str], now: str | list[str], found: list[str]
) -> None:
    run = f"""
        task: Keep count.
        agent: memory_write(key="count", value={then!r}) -> ok
        agent: memory_write(key="count", value={now!r}) -> ok
        """
    assert _kinds(run) == found
