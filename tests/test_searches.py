"""What searches ask, and what is made of what they found."""

from __future__ import annotations

import pytest

from pisama.features import features
from pisama.searches import Aftermath, answer_to_other, misses_in_a_row, rephrased, searches_of
from pisama.trace import JSON, Step, ToolCall, Trace
from pisama.transcript import parse


@pytest.mark.parametrize(
    ("arguments", "query"),
    [
        ({"query": "old bridges"}, "old bridges"),
        ("old bridges", "old bridges"),
        ({"queries": ["old bridges", 7, "museums"]}, "old bridges museums"),
        ({"limit": 7}, None),
        ({"query": 7}, None),
        (["old bridges"], None),
        (None, None),
    ],
)
def test_the_query_of_a_search_is_what_it_asks_in_words(arguments: JSON, query: str | None) -> None:
    step = Step(0, "agent", tool_calls=(ToolCall("search", arguments, result="none"),))
    found = searches_of(features(Trace(id="run", format="test", steps=(step,))))
    assert [each.query for group in found.values() for each in group] == ([] if query is None else [query])


def test_another_question_in_between_ends_a_row_of_the_same_one() -> None:
    same = [f'agent: search(query="opening year of the {word} bridge") -> none' for word in ("old", "Old")]
    other = 'agent: search(query="best museums nearby") -> none'

    def rows(*lines: str) -> list[int]:
        table = features(parse("\n".join(("task: Find it.", *lines))))
        (searches,) = searches_of(table).values()
        return [len(group) for group in rephrased(searches, 0.7, 4)]

    assert rows(*same, *same) == [4]
    assert rows(*same, other, *same) == []
    assert rows(*same, *same, other) == [4]


def test_the_very_same_search_again_and_again_is_no_row_of_misses() -> None:
    def rows(*queries: str) -> list[int]:
        lines = [f'agent: search(query="{query}") -> No results found.' for query in queries]
        (searches,) = searches_of(features(parse("\n".join(("task: Find it.", *lines))))).values()
        return [len(misses) for misses in misses_in_a_row(searches, 3)]

    assert (rows("a b", "a c", "a d"), rows("a b", "a b", "a b")) == ([3], [])


@pytest.mark.parametrize(
    ("result", "rest", "speaks"),
    [
        ("Recipes for soup with leek, cream and bread. " * 10, "", True),
        ("Recipes for soup with leek, cream and bread.", "", False),
        ("The opening year of the museum in Molde is told below. " * 10, "", False),
        (
            "Recipes for soup with leek, cream and bread. " * 10,
            "agent: open(id='7') -> It opened then.\n",
            False,
        ),
    ],
)
def test_an_answer_after_long_results_on_something_else_is_told_unless_more_was_found(
    result: str, rest: str, speaks: bool
) -> None:
    trace = parse(
        f'task: Find it.\nagent: search(query="opening year museum Molde") -> {result}\n{rest}agent: The museum was opened in 1912.'
    )
    table = features(trace)
    (searches,) = searches_of(table).values()
    speaker = answer_to_other(Aftermath(trace, table), table, searches[-1], min_stems=2, relevant_share=0.2)
    assert (speaker is not None) is speaks
