from __future__ import annotations

import pytest

from pisama.loaders.buffer_string import is_buffer_string, read_buffer_string
from pisama.loaders.python_text import MAX_CHARACTERS, open_python
from pisama.trace import JSON


def test_entries_keep_their_lines_and_results_answer_calls_in_order() -> None:
    text = (
        "System: Be brief.\nHuman: Two\nlines: here\n"
        "AI: I look.[{'name': 'a', 'args': {'x': None}, 'id': '1'}, {'name': 'b', 'args': {}, 'id': '2'}]\n"
        'Tool: one\nTool: two\nAI: [{"name":"c","args":{"y":true},"type":"tool_call","id":"3"}]\nFunction: three'
    )
    first: list[JSON] = [
        {"name": "a", "args": {"x": None}, "id": "1"},
        {"name": "b", "args": {}, "id": "2"},
    ]
    second: list[JSON] = [{"name": "c", "args": {"y": True}, "type": "tool_call", "id": "3"}]
    assert read_buffer_string(text) == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Two\nlines: here"},
        {"role": "assistant", "content": "I look.", "tool_calls": first},
        {"role": "tool", "content": "one", "tool_call_id": "1", "name": "a"},
        {"role": "tool", "content": "two", "tool_call_id": "2", "name": "b"},
        {"role": "assistant", "content": "", "tool_calls": second},
        {"role": "tool", "content": "three", "tool_call_id": "3", "name": "c"},
    ]


def test_calls_that_cannot_be_read_stay_words() -> None:
    assert read_buffer_string("AI: [{'name': oops}]") == [
        {"role": "assistant", "content": "[{'name': oops}]"}
    ]


def test_only_a_text_that_begins_with_a_speaker_is_such_a_conversation() -> None:
    assert is_buffer_string("Human: hi")
    assert not is_buffer_string("A human: hi")
    assert not is_buffer_string("Systematically: no")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{'a': [1, None, True]}", {"a": [1, None, True]}),
        ("plain", "plain"),
        ("{'a': open('x')}", "{'a': open('x')}"),
        ("{1: 2}", "{1: 2}"),
        ("[(1, 2)]", "[(1, 2)]"),
        ("[" * 5_000, "[" * 5_000),
        ("[" + "-" * 50_000 + "1]", "[" + "-" * 50_000 + "1]"),
        (f"['{'x' * MAX_CHARACTERS}']", f"['{'x' * MAX_CHARACTERS}']"),
        (7, 7),
    ],
    ids=["object", "plain", "code", "keys", "tuple", "deep", "signs", "long", "number"],
)
def test_what_python_printed_is_opened_and_nothing_is_run(text: JSON, expected: JSON) -> None:
    assert open_python(text) == expected
