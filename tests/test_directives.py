"""Directives read from prompts, and replies held against them."""

from __future__ import annotations

import pytest

from pisama.directives import LIMIT, Directive, DirectiveKind, directives
from pisama.replies import measure, reply_breaks
from tests.hanging import no_hang

PROMPT = """You are a researcher in a team.
Always end your reply with "TERMINATE".
Your final answer must be at most 50 words.
Never use the word "obviously".
Make only one tool call at a time. If you are stuck, reply with "HELP".
You must wrap your result in <answer> tags.
Example: always end your reply with "DEMO".
"""


def found(text: str) -> list[tuple[DirectiveKind, tuple[str, ...], int, str, bool]]:
    return [(item.kind, item.literals, item.limit, item.unit, item.final) for item in directives(text)]


def test_a_prompt_is_read_into_its_checkable_demands() -> None:
    assert found(PROMPT) == [
        (DirectiveKind.END, ("TERMINATE",), 0, "", False),
        (DirectiveKind.LENGTH, (), 50, "word", True),
        (DirectiveKind.FORBID, ("obviously",), 0, "", False),
        (DirectiveKind.ONE_CALL, (), 0, "", False),
        (DirectiveKind.CONTAIN, ("<answer>",), 0, "", False),
    ]


@pytest.mark.parametrize(
    ("sentence", "kind", "literals", "limit", "unit"),
    [
        ('End your answer with "DONE".', DirectiveKind.END, ("DONE",), 0, ""),
        ("Every reply must start with `OK`.", DirectiveKind.START, ("OK",), 0, ""),
        ("Write the code, add <end> and stop.", DirectiveKind.END, ("<end>",), 0, ""),
        ("Use the following format: Answer: [text]", DirectiveKind.CONTAIN, ("Answer:",), 0, ""),
        (
            "Your reply must be under one hundred and fewer than 20 words.",
            DirectiveKind.LENGTH,
            (),
            19,
            "word",
        ),
        ("Print only the first 1,000 characters of a page.", DirectiveKind.PIECE, (), 1000, "character"),
        ("Read it ten lines at a time.", DirectiveKind.PIECE, (), 10, "line"),
        ("If you make a tool call, you must not respond.", DirectiveKind.CALL_OR_TEXT, (), 0, ""),
        ("Do not call a tool with exactly the same arguments.", DirectiveKind.NO_REPEAT, (), 0, ""),
        ("You must provide a tool call.", DirectiveKind.ALWAYS_CALL, (), 0, ""),
        ("No trailing punctuation.", DirectiveKind.NO_FINAL_STOP, (), 0, ""),
        ("'I cannot find it' is not accepted.", DirectiveKind.NO_SURRENDER, (), 0, ""),
    ],
)
def test_each_kind_of_demand_is_read(
    sentence: str, kind: DirectiveKind, literals: tuple[str, ...], limit: int, unit: str
) -> None:
    (only,) = directives(sentence)
    assert (only.kind, only.literals, only.limit, only.unit) == (kind, literals, limit, unit)
    assert (only.sentence, only.start) == (sentence, 0)


@pytest.mark.parametrize(
    "sentence",
    [
        'If you are done, your reply must end with "DONE".',
        'You may end your reply with "DONE".',
        "Search queries must be at most 5 words.",
        'Task: always end your reply with "DONE".',
        "The report has at most 50 words each day, they say.",
        "Please be kind.",
        "",
    ],
)
def test_conditions_options_examples_and_other_things_are_no_directives(sentence: str) -> None:
    assert directives(sentence) == ()


def test_parts_are_the_headings_below_the_sentence_that_demands_them() -> None:
    text = "Your report must use the following headings:\n1. Facts\n2. **Doubts**:\n\nThank you."
    (only,) = directives(text)
    assert only == Directive(
        DirectiveKind.PARTS,
        "Your report must use the following headings:",
        0,
        ("Facts", "Doubts"),
    )


def test_offsets_lead_to_the_sentence_wherever_it_stands() -> None:
    text = f"Intro.\n\n  Be kind.  {PROMPT}"
    for directive in directives(text):
        assert text[directive.start :].startswith(directive.sentence)


def test_a_line_that_begins_with_a_tag_goes_on_with_the_sentence() -> None:
    (only,) = directives("You must wrap your answer in\n<answer> tags.")
    assert only.literals == ("<answer>",)


def test_of_a_long_prompt_the_beginning_and_the_end_are_read() -> None:
    rule = 'Never use the word "{}".'
    text = f"{rule.format('first')}\n{'data, data. ' * LIMIT}{rule.format('middle')}\n{'data. ' * LIMIT}\n{rule.format('last')}"
    assert [item.literals for item in directives(text)] == [("first",), ("last",)]


def test_what_was_read_before_is_read_alike_again() -> None:
    assert directives(PROMPT) == directives(PROMPT)
    assert [item.start for item in directives(PROMPT)] == [
        item.start - 4 for item in directives(f"Hi.\n{PROMPT}")
    ]


@pytest.mark.parametrize(
    ("kind", "literals", "reply", "how"),
    [
        (DirectiveKind.END, ("DONE",), "All right. DONE.", None),
        (DirectiveKind.END, ("DONE",), "All right.", "does not end with 'DONE'"),
        (DirectiveKind.END, ("DONE",), f"DONE {'more ' * 20}", "goes on after 'DONE'"),
        (DirectiveKind.START, ("OK",), "**OK** then", None),
        (DirectiveKind.START, ("OK",), "Well, OK", "does not start with 'OK'"),
        (DirectiveKind.CONTAIN, ("<answer>",), "<ANSWER>4</ANSWER>", None),
        (DirectiveKind.CONTAIN, ("<answer>", "Facts:"), "four", "lacks '<answer>', 'Facts:'"),
        (DirectiveKind.FORBID, ("obviously",), "It is obviously 4", "contains 'obviously'"),
        (DirectiveKind.FORBID, ("obviously",), "The word 'obviously' is banned", None),
        (DirectiveKind.PARTS, ("Facts", "Doubts (if any)"), "## Facts\n...\n## Doubts", None),
        (DirectiveKind.PARTS, ("Facts", "Doubts"), "## Facts", "lacks the part 'Doubts'"),
        (DirectiveKind.NO_FINAL_STOP, (), "It is 4.", "ends with '.'"),
        (DirectiveKind.NO_FINAL_STOP, (), "And so on...", None),
        (DirectiveKind.ONE_CALL, (), "anything", None),
        (DirectiveKind.END, ("DONE",), "  ", None),
    ],
)
def test_a_reply_is_held_against_a_directive(
    kind: DirectiveKind, literals: tuple[str, ...], reply: str, how: str | None
) -> None:
    assert reply_breaks(Directive(kind, "", 0, literals), reply) == how


def test_a_tenth_over_a_long_limit_is_not_broken() -> None:
    limit = Directive(DirectiveKind.LENGTH, "", 0, limit=20, unit="word")
    assert reply_breaks(limit, "word " * 22) is None
    assert reply_breaks(limit, "word " * 23) == "has 23 words where at most 20 are allowed"


@pytest.mark.parametrize(
    ("unit", "length"),
    [("word", 6), ("line", 3), ("paragraph", 2), ("sentence", 3), ("character", 31)],
)
def test_lengths_are_counted_in_each_unit(unit: str, length: int) -> None:
    assert measure("One two. Three!\nFour.\n\n(Five) 6", unit) == length


@pytest.mark.parametrize(
    "piece",
    [
        "\n<",
        "must ",
        '"',
        ". A",
        "always end with ",
        "these parts\n",
        "`",
        "first 1 ",
        " " * 7,
        "no more than 1 ",
    ],
)
def test_time_is_linear_in_a_hostile_prompt(piece: str) -> None:
    with no_hang():
        directives(piece * (2_000_000 // len(piece)))
