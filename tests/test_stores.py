"""What calls read from and write to memories and records."""

from __future__ import annotations

import pytest

from pisama.features import features
from pisama.stores import accesses
from pisama.trace import JSON
from pisama.transcript import parse


def seen(line: str) -> list[tuple[str, str, str, JSON]]:
    trace = parse(f"task: Go.\nagent: {line}")
    return [
        (access.mode, *access.cell, access.value)
        for call in features(trace).calls
        for access in accesses(call)
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('set_memory(key="theBudget", value="12") -> ok', [("write", "memory", "the_budget", "12")]),
        ('memory_get(key="budget") -> {"value": "12"}', [("read", "memory", "budget", "12")]),
        ('save_state(key="open", value="[1, 2]") -> ok', [("write", "memory", "open", [1, 2])]),
        (
            'get_order(order_id="W1") -> {"order_id": "W1", "address": "Oak", "lines": [{"x": 1}]}',
            [("read", "order_id=W1", "address", "Oak")],
        ),
        ('update_order(order_id="W1", address="Elm") -> ok', [("write", "order_id=W1", "address", "Elm")]),
        ('ship(order_id="W1", address="Elm") -> ok', [("use", "order_id=W1", "address", "Elm")]),
        ('update_order(order_id="W1", address="Elm") -> error: locked', []),
        ('search(query="x") -> nothing', []),
    ],
)
def test_a_call_reads_writes_or_uses(line: str, expected: list[tuple[str, str, str, JSON]]) -> None:
    assert seen(line) == expected
