"""What agents do held against the directives they were given."""

from __future__ import annotations

import pytest

from pisama.breaches import breaches
from pisama.directives import DirectiveKind
from pisama.trace import JSON, Message, Step, ToolCall, Trace
from pisama.transcript import parse


def _of(trace: Trace) -> list[tuple[DirectiveKind, list[int]]]:
    return [
        (breach.given.directive.kind, [step.index for step, _ in breach.steps])
        for breach in breaches(trace, min_replies=3)
    ]


def _broken(transcript: str) -> list[tuple[DirectiveKind, list[int]]]:
    return _of(parse(transcript))


@pytest.mark.parametrize(
    ("rule", "kept", "broken"),
    [
        ("Every reply must start with `OK`.", "OK, it is open.", "It is open."),
        ("You must wrap your answer in <answer> tags.", "<answer>open</answer>", "It is open."),
        ("Your reply must be under 4 words.", "It is open.", "It is open all day."),
        ('Do not use the word "cheap".', "It is open.", "It is cheap."),
    ],
)
def test_a_rule_of_the_system_prompt_holds_for_every_reply(rule: str, kept: str, broken: str) -> None:
    run = f"system: {rule}\nclerk: {kept}\nclerk: %s\nclerk: {kept}"
    assert _broken(run % kept) == []
    assert [steps for _, steps in _broken(run % broken)] == [[1]]


def test_a_rule_of_a_user_holds_for_the_next_reply_only() -> None:
    run = "user: Start your reply with `OK`.\nclerk: %s\nuser: And then?\nclerk: It is closed."
    assert _broken(run % "OK, it is open.") == []
    assert _broken(run % "It is open.") == [(DirectiveKind.START, [0])]


def test_words_beside_a_call_break_the_rule_that_wants_one_of_them() -> None:
    run = "system: If you make a tool call, you must not respond.\nclerk: %s\n  find(id=7) -> Ann\nclerk: It is Ann."
    assert _broken(run % "") == []
    assert _broken(run % "I look.") == [(DirectiveKind.CALL_OR_TEXT, [0])]


def test_a_repeated_call_counts_where_its_arguments_say_something() -> None:
    run = "system: Do not call a tool with exactly the same arguments.\n" + "clerk: %s -> Ann\n" * 2
    assert _broken(run % (("find(id=7)",) * 2)) == [(DirectiveKind.NO_REPEAT, [1])]
    assert _broken(run % ("find(id=7)", "find(id=8)")) == []
    assert _broken(run % (("next_page()",) * 2)) == []


def test_a_step_without_the_demanded_call_is_excused_by_what_a_user_just_said() -> None:
    run = "system: You must provide a tool call.\nclerk: find(id=7) -> Ann\n%sclerk: It is Ann."
    assert _broken(run % "") == [(DirectiveKind.ALWAYS_CALL, [1])]
    assert _broken(run % "user: Just tell me who it is.\n") == []


@pytest.mark.parametrize(
    ("arguments", "broken"),
    [
        ({"answer": "17"}, False),
        ({"answer": "17."}, True),
        ({"answer": 17}, False),
        ("17.", True),
        (["about", "17."], True),
        (None, False),
    ],
)
def test_a_rule_for_the_final_answer_is_held_against_the_call_that_hands_it_over(
    arguments: JSON, broken: bool
) -> None:
    asked = Message("user", "How many are there? No trailing punctuation.")
    step = Step(0, "clerk", seen=(asked,), tool_calls=(ToolCall("final_answer", arguments),))
    trace = Trace(id="run", format="test", steps=(step,))
    assert _of(trace) == ([(DirectiveKind.NO_FINAL_STOP, [0])] if broken else [])
