"""What a run does that is not what was asked for."""

from __future__ import annotations

import pytest

from pisama.off_task import (
    LeftOut,
    OtherAnswer,
    drifted,
    misanswered,
    other_name,
    other_source,
    other_year,
    wishes_of,
)
from pisama.trace import Trace
from pisama.transcript import parse

SOURCE = "task: According to the Oslo Harbour Museum, how many boats are there?\nagent: {}\nagent: {}"


@pytest.mark.parametrize(
    ("call", "answer", "off"),
    [
        ('search(query="boats") -> 14 boats lie at the pier', "There are 14 boats.", True),
        ('search(query="harbour boats") -> 14 boats lie at the pier', "There are 14 boats.", False),
        ('search(query="boats") -> 14 boats, says the museum', "There are 14 boats.", False),
        ('search(query="boats") -> 14 boats lie at the pier', "I cannot help with that.", False),
    ],
)
def test_a_source_is_left_aside_when_no_call_no_result_and_no_refusal_has_to_do_with_it(
    call: str, answer: str, off: bool
) -> None:
    assert (other_source(parse(SOURCE.format(call, answer))) is not None) is off


def _other_name(task: str, city: str) -> str | None:
    trace = parse(f"task: {task}\nagent: weather(city='{city}') -> 12 degrees\nagent: It is 12 degrees.")
    found = other_name(trace, wishes_of(trace))
    return found.value if found is not None else None


def test_a_strange_name_counts_where_the_task_has_names_and_none_of_them_is_ever_used() -> None:
    assert _other_name("What is the weather in Trondheim today?", "Bergen") == "Bergen"
    assert _other_name("What is the weather in Trondheim today?", "Trondheim") is None
    assert _other_name("what is the weather today?", "Bergen") is None
    assert (
        _other_name("Is it Trondheim, Molde, Narvik, Tromso or Lillehammer that is warm?", "Bergen") is None
    )


def test_another_year_counts_when_no_call_asks_for_the_tasks_and_nobody_brought_it_up() -> None:
    def year(*queries: str) -> str | None:
        lines = [f"agent: search(query='budget {query}') -> none" for query in queries]
        trace = parse("\n".join(("task: What was the budget of 2023?", *lines)))
        found = other_year(trace, wishes_of(trace), 2)
        return found.year if found is not None else None

    assert year("2021", "of 2021") == "2021"
    assert year("2021") is None
    assert year("2021", "of 2021", "2023") is None
    assert year("2021", "2020") is None


def _misanswered(task: str, answer: str) -> list[str]:
    found = misanswered(parse(f"task: {task}\nagent: {answer}"), long_answer=12, share=0.1)
    return [item.question if isinstance(item, LeftOut) else type(item).__name__ for item in found]


TASK = "Compare the opening years of the three museums in Oslo, Bergen and Molde."
SOUP = "Cut the leek into rings, fry it in butter, add cream, bread and salt, then serve it hot."


@pytest.mark.parametrize(
    ("task", "answer", "found"),
    [
        (TASK, SOUP, [OtherAnswer.__name__]),
        (TASK, f"Oslo and Bergen first. {SOUP}", []),
        (TASK, f"--- a/leek\\n+++ b/leek\\n {SOUP}", []),
        (TASK, "Leek soup.", []),
        (f"{TASK} {'Thank you. ' * 600}", SOUP, []),
        ("Say it.", SOUP, []),
    ],
)
def test_a_long_answer_in_words_to_a_short_task_must_share_some_of_its_words(
    task: str, answer: str, found: list[str]
) -> None:
    assert _misanswered(task, answer) == found


def test_the_answer_to_something_else_begins_after_the_last_step_on_the_task() -> None:
    run = f"task: {TASK}\nagent: The museums of Oslo, Bergen and Molde.\nagent: Cut the leek.\nagent: {SOUP}"
    (found,) = misanswered(parse(run), long_answer=12, share=0.1)
    assert isinstance(found, OtherAnswer)
    assert (found.first.index, found.shared) == (1, 0)


def test_a_question_is_left_out_when_others_are_answered_and_there_are_few_of_them() -> None:
    asked = "When was the harbour museum opened? Which ferry line sails past the lighthouse island?"
    answer = "The harbour museum was opened in 1912, on a cold day in May of that year."
    assert _misanswered(asked, answer) == ["Which ferry line sails past the lighthouse island?"]
    assert _misanswered(asked, f"{answer} The ferry of the red line.") == []
    more = " ".join(
        f"What is the {word} worth?" for word in ("anchor", "lantern", "compass", "rudder", "mast")
    )
    assert _misanswered(f"{asked} {more}", answer) == []


def _drift(trace: Trace) -> tuple[int, int] | None:
    found = drifted(trace, wishes_of(trace), 3)
    return (found.first.index, found.steps) if found is not None else None


@pytest.mark.parametrize(
    ("task", "last", "found"),
    [
        (TASK, "agent: Serve it hot.", (3, 4)),
        (TASK, "agent: Back to the museums.", None),
        ("Compare them.", "agent: Serve it hot.", None),
    ],
)
def test_a_run_has_drifted_when_its_last_steps_have_no_word_of_a_telling_task(
    task: str, last: str, found: tuple[int, int] | None
) -> None:
    on_task = "agent: I compare the museums of Oslo.\n" * 3
    off_task = "agent: Cut the leek.\nagent: Fry it in butter.\nagent: Add cream.\n"
    assert _drift(parse(f"task: {task}\n{on_task}{off_task}{last}")) == found
