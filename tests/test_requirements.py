"""Requirements of a task, and answers held against them."""

from __future__ import annotations

import pytest

from pisama.requirements import (
    Requirement,
    RequirementKind,
    covered,
    has_table,
    items_of,
    language_of,
    requirements,
)
from pisama.text import stems
from tests.hanging import no_hang


def found(task: str) -> list[tuple[RequirementKind, str]]:
    return [(item.kind, item.value) for item in requirements(task)]


def test_a_task_is_read_into_counts_forms_languages_and_topics() -> None:
    task = (
        "List five reasons to visit Oslo and return JSON. The summary must include prices, opening hours and a map. "
        "Write the email in French."
    )
    assert list(requirements(task)) == [
        Requirement(RequirementKind.COUNT, "List five reasons", "5"),
        Requirement(RequirementKind.FORM, "return JSON", "json"),
        Requirement(RequirementKind.LANGUAGE, "Write the email in French", "french"),
        Requirement(RequirementKind.TOPIC, "must include prices, opening hours and a map", "prices"),
        Requirement(RequirementKind.TOPIC, "must include prices, opening hours and a map", "opening hours"),
        Requirement(RequirementKind.TOPIC, "must include prices, opening hours and a map", "a map"),
    ]


@pytest.mark.parametrize(
    ("task", "value"),
    [
        ("Give me 3 different ideas for a name.", "3"),
        ("Suggest the top ten books.", "10"),
        ("Come up with 12 bullet points.", "12"),
    ],
)
def test_counts_are_read_as_words_and_digits(task: str, value: str) -> None:
    assert (RequirementKind.COUNT, value) in found(task)


@pytest.mark.parametrize(
    "task",
    ["What does the JSON file say?", "There are five reasons.", "Read data.csv", "He lives in France.", ""],
)
def test_what_is_no_demand_is_not_read(task: str) -> None:
    assert found(task) == []


def test_the_items_at_the_margin_count_where_there_are_any() -> None:
    assert items_of("1. One\n   - part\n   - part\n2. Two") == 2
    assert items_of("  - One\n  - Two\n  - Three") == 3
    assert items_of("No list.") == 0


def test_a_table_is_markdown_or_html() -> None:
    assert has_table("| a | b |\n|---|---|\n| 1 | 2 |")
    assert has_table("<TABLE><tr></tr></TABLE>")
    assert not has_table("a | b")


def test_a_topic_is_covered_by_its_words_or_by_synonyms() -> None:
    said = frozenset(stems("The cost is 3 EUR and the museum opens at nine."))
    assert covered("prices", said) == 1.0
    assert covered("opening prices and maps", said) == pytest.approx(2 / 3)
    assert covered("of the", said) == 1.0


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("the cat is in the house and it is not for sale with this garden that was from my aunt", "english"),
        (
            "der Hund ist nicht mit dem Ball auf der Wiese und das Kind ist auch nicht im Garten zu sehen",
            "german",
        ),
        (
            "le chat est dans la maison et les enfants sont avec une tante qui est sur le banc pour la nuit",
            "french",
        ),
        ("far too short", None),
        ("x1 y2 " * 20, None),
    ],
)
def test_a_language_is_told_by_its_function_words(text: str, language: str | None) -> None:
    assert language_of(text) == language


@pytest.mark.parametrize(
    "piece", ["list five ", "must include a, ", "| a |\n", "- a\n", "in json ", "write "]
)
def test_time_is_linear_in_a_hostile_task(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    with no_hang():
        list(requirements(text))
        items_of(text)
        has_table(text)
