"""Places in the output of agents that cannot be parsed."""

from __future__ import annotations

import pytest

from pisama.features import features
from pisama.trace import JSON, Message, Step, ToolCall, Trace
from pisama.transcript import parse
from pisama.unparsable import defects

REFUSED = "Error in code parsing: your code snippet is invalid."


def _kinds(trace: Trace) -> list[tuple[int, str]]:
    return [(defect.step.index, defect.kind) for defect in defects(trace, features(trace))]


def _of_steps(*steps: Step) -> list[tuple[int, str]]:
    return _kinds(Trace(id="run", format="test", steps=steps))


def _called(arguments: JSON, *, name: str = "find", error: str | None = None) -> list[tuple[int, str]]:
    return _of_steps(Step(0, "clerk", tool_calls=(ToolCall(name, arguments, error=error),)))


def test_a_call_that_names_no_tool_is_a_defect_whatever_its_arguments() -> None:
    assert _called({"id": 7}, name=" ") == [(0, "name")]


def test_an_argument_without_a_name_is_a_defect() -> None:
    assert _called({"": 7}) == [(0, "empty_key")]
    assert _called({"id": 7}) == []


@pytest.mark.parametrize(
    ("arguments", "error", "found"),
    [
        ("Paris in spring", None, []),
        ("Paris in spring", "connection refused", []),
        ("Paris in spring", "the input is no JSON object", [(0, "arguments")]),
        ('{"id": 7', None, [(0, "arguments")]),
        ('{"id": 7}', None, []),
    ],
)
def test_text_as_arguments_is_a_defect_only_where_json_was_meant(
    arguments: str, error: str | None, found: list[tuple[int, str]]
) -> None:
    assert _called(arguments, error=error) == found


def test_what_the_runtime_could_not_read_is_told_by_the_call_by_the_step_or_by_what_is_heard_next() -> None:
    heard = Step(1, "clerk", "I try again.", seen=(Message("user", REFUSED),))
    calls = (ToolCall("run", {}, error=REFUSED),)
    assert _of_steps(Step(0, "clerk", tool_calls=calls)) == [(0, "rejected")]
    assert _of_steps(Step(0, "clerk", "Print it.", error=REFUSED)) == [(0, "rejected")]
    assert _of_steps(Step(0, "clerk", "Print it."), heard) == [(0, "rejected")]


def test_neither_a_long_prompt_about_the_format_nor_another_agents_words_are_a_rejection() -> None:
    explained = Message("user", REFUSED + " So take care to write code as shown." * 200)
    quoted = Message("assistant", REFUSED, "critic")
    heard = Step(1, "clerk", "I see.", seen=(explained, quoted))
    assert _of_steps(Step(0, "clerk", "Print it."), heard) == []


def test_a_step_of_which_a_call_worked_was_not_rejected() -> None:
    heard = Step(1, "clerk", "I try again.", seen=(Message("user", REFUSED),))
    worked = Step(0, "clerk", tool_calls=(ToolCall("find", {"id": 7}, result="Ann, 12 May"),))
    assert _of_steps(worked, heard) == []


def test_a_call_as_text_is_one_of_a_tool_that_was_offered() -> None:
    run = 'tools: search(query)\nsearcher: <tool_call>{"name": "%s", "arguments": {}}</tool_call>'
    assert _kinds(parse(run % "search")) == [(0, "call_as_text")]
    assert _kinds(parse(run % "lookup")) == []


def test_a_token_of_the_model_in_its_text_is_a_lost_call_unless_it_stands_in_a_block_of_code() -> None:
    assert _kinds(parse("searcher: Now <|python_tag|>search(Paris)")) == [(0, "call_as_text")]
    assert _kinds(parse("searcher: The template is\\n```\\n<|python_tag|>\\n```")) == []


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("Here it is:\\n```python\\nprint(1", True),
        ("Here it is:\\n```python\\nprint(1)\\n```\\nand then", False),
        ("<thinking>I look.</thinking><answer>It is Par", True),
        ("<thinking>I look.</thinking><answer>Paris</answer> as the page", False),
    ],
)
def test_a_cut_off_output_is_truncated_when_a_block_or_a_tag_is_left_open(text: str, cut: bool) -> None:
    assert _kinds(parse(f"coder [finish=length]: {text}")) == ([(0, "truncated")] if cut else [])
    assert _kinds(parse(f"coder [finish=stop]: {text}")) == []
