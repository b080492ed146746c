"""Statements that nothing before them gives."""

from __future__ import annotations

import pytest

from pisama.transcript import parse
from pisama.ungrounded import Bounds, DespiteReport, ungrounded

BOUNDS = Bounds(answer_words=12, min_figures=2, min_names=3)
SEEN = "task: Write about the bridges of the town.\nagent: search(query='bridges') -> There are two old bridges in town.\n"


def _kinds(transcript: str) -> list[tuple[int, str]]:
    return [
        (found.statement.step.index, "despite" if isinstance(found, DespiteReport) else found.kind)
        for found in ungrounded(parse(transcript), BOUNDS)
    ]


@pytest.mark.parametrize(
    ("figures", "found"),
    [
        ("187 and 243 metres", [(1, "figures")]),
        ("3874 metres", [(1, "figures")]),
        ("187 metres", []),
        ("187 and 187 metres", []),
        ("3,900 metres", []),
    ],
)
def test_one_number_of_four_digits_or_two_shorter_ones_must_come_from_somewhere(
    figures: str, found: list[tuple[int, str]]
) -> None:
    statement = (
        f"The two old bridges in town are well known to all, and they are {figures} long by all we know."
    )
    assert _kinds(f"{SEEN}agent: {statement}") == found


def test_names_are_invented_when_there_are_several_of_which_no_part_was_seen() -> None:
    statement = "The two old bridges in town were drawn by {}, who all knew each other well and lived there."
    some = "Maria Holmqvist and Peter Landvik"
    assert _kinds(SEEN + f"agent: {statement.format(some + ' and Ingrid Solberg')}") == [(1, "names")]
    assert _kinds(SEEN + f"agent: {statement.format(some)}") == []
    assert (
        _kinds(SEEN + f"user: Was it Holmqvist?\nagent: {statement.format(some + ' and Ingrid Solberg')}")
        == []
    )


def test_before_anything_was_observed_only_what_is_given_a_source_is_held_against_the_run() -> None:
    run = (
        "task: Write about the bridges.\nagent: {}the bridges of the town are 3874 metres long.\nagent: Next."
    )
    assert _kinds(run.format("I would say that ")) == []
    assert _kinds(run.format("According to the survey ")) == [(0, "figures")]


def test_who_opens_the_talk_of_a_group_hands_out_the_task() -> None:
    first = "According to the town, its bridges are 3874 metres long. Check it.\n"
    assert _kinds(f"boss: {first}clerk: I look.\nboss: Go on.") == []
    assert _kinds(f"clerk: I look.\nboss: {first}clerk: Go on.") == [(1, "figures")]


def test_a_program_that_only_prints_the_answer_is_no_source_of_it() -> None:
    run = "task: How many people live there?\nagent: search(query='people') -> No page was found.\nagent: python(code=\"{}\") -> 1389\n"
    answer = "  final_answer(answer='1389') -> ok"
    assert _kinds(run.format("final_answer('1389')") + answer) == [(1, "answer")]
    assert _kinds(run.format("print(count())") + answer) == []
    checked = run.format("final_answer('1389')").replace("python(", "check(")
    assert _kinds(checked + answer) == []


def test_only_the_answer_of_the_run_goes_against_a_report_that_nothing_was_found() -> None:
    run = "task: Which pages?\nagent: ask(task='Read it.') -> The recording was not found, so nothing could be read.\nagent: Pages twelve and sixty."
    assert _kinds(run) == [(1, "despite")]
    assert _kinds(f"{run}\nagent: The recording was not found.") == []
