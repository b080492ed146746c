"""Arguments are held to their schema as leniently as the frameworks that run tools do it."""

from __future__ import annotations

import pytest

from pisama.schema import MAX_CHECKS, violations
from pisama.trace import JSON
from tests.hanging import no_hang

SEARCH: dict[str, JSON] = {
    "type": "object",
    "properties": {
        "query": {"type": "string"},
        "limit": {"type": "integer"},
        "exact": {"type": "boolean"},
        "order": {"enum": ["newest", "oldest"]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "range": {"$ref": "#/$defs/range"},
    },
    "required": ["query"],
    "additionalProperties": False,
    "$defs": {"range": {"type": "object", "properties": {"from": {"type": "number"}}, "required": ["from"]}},
}


def _found(value: JSON, schema: dict[str, JSON] = SEARCH) -> list[tuple[str, str]]:
    return [(violation.rule, violation.path) for violation in violations(value, schema)]


@pytest.mark.parametrize(
    "arguments",
    [
        {"query": "cats"},
        {"query": 7},
        {"query": "cats", "limit": "5", "exact": "true"},
        {"query": "cats", "limit": 5.0, "order": "Newest"},
        {"query": "cats", "limit": None},
        {"query": "cats", "tags": '["a", "b"]', "range": '{"from": 1}'},
    ],
)
def test_arguments_that_a_runtime_would_accept_are_valid(arguments: JSON) -> None:
    assert _found(arguments) == []


@pytest.mark.parametrize(
    ("arguments", "broken"),
    [
        ({}, [("required", "query")]),
        ({"query": None}, [("type", "query")]),
        ({"query": "cats", "colour": "red"}, [("unknown", "colour")]),
        ({"query": "cats", "limit": "five"}, [("type", "limit")]),
        ({"query": "cats", "limit": True}, [("type", "limit")]),
        ({"query": "cats", "order": "random"}, [("enum", "order")]),
        ({"query": "cats", "tags": ["a", {}]}, [("type", "tags[1]")]),
        ({"query": "cats", "range": {}}, [("required", "range.from")]),
        ("cats", [("type", "")]),
    ],
)
def test_each_broken_rule_is_named_with_its_place(arguments: JSON, broken: list[tuple[str, str]]) -> None:
    assert _found(arguments) == broken


def test_the_message_says_what_was_expected_and_what_came() -> None:
    messages = [
        violation.message for violation in violations({"query": "x", "limit": "five", "order": 3}, SEARCH)
    ]
    assert messages == [
        "`limit` must be an integer, not 'five'",
        "`order` must be one of 'newest', 'oldest', not 3",
    ]


def test_a_value_that_fits_one_branch_of_a_union_is_valid() -> None:
    schema: dict[str, JSON] = {"anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "null"}]}
    assert _found([1, 2], schema) == []
    assert _found(None, schema) == []
    assert _found(["one"], schema) == [("type", "[0]")]


def test_without_a_schema_for_extra_properties_they_are_allowed() -> None:
    assert _found({"anything": 1}, {"type": "object", "properties": {}}) == []


def test_a_schema_of_unknown_types_says_nothing() -> None:
    assert _found({"answer": object.__name__}, {"properties": {"answer": {"type": "any"}}}) == []
    assert _found({"answer": 1}, {"query": {"type": "string"}}) == []


def test_a_schema_that_refers_to_itself_ends() -> None:
    schema: dict[str, JSON] = {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}
    assert _found(1, schema) == []


def test_a_huge_array_costs_no_more_than_the_limit() -> None:
    schema: dict[str, JSON] = {"type": "array", "items": {"type": "integer"}}
    value: JSON = ["x"] * 1_000_000
    with no_hang():
        found = violations(value, schema)
        assert len(found) <= MAX_CHECKS
