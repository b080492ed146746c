"""Messages of every chat API say who spoke, what was called and what came back; results find their calls."""

from __future__ import annotations

import pytest
from hypothesis import given

from pisama.loaders.messages import (
    MAX_LISTENERS,
    MAX_SEEN,
    ChatMessage,
    ConversationBuilder,
    ToolResult,
    content_text,
    read_message,
    role_of,
)
from pisama.loaders.values import as_mapping
from pisama.trace import JSON, Location, Message, Step, ToolCall
from tests.hanging import no_hang
from tests.loaders.hostile import records

AT = Location("in.json", 3, "/messages/1")

NAMES = (
    "role",
    "content",
    "type",
    "text",
    "tool_calls",
    "function",
    "name",
    "arguments",
    "id",
    "input",
    "is_error",
)
WORDS = ("user", "assistant", "tool", "text", "tool_use", "tool_result", "thinking", "{", '{"a":1}')


def call(name: str, call_id: str | None = None) -> ToolCall:
    return ToolCall(name, {}, call_id)


def result(text: str, call_id: str | None = None, name: str | None = None) -> ChatMessage:
    return ChatMessage("tool", results=(ToolResult(text, call_id, name),))


def paired(*messages: tuple[ToolCall, ...] | ChatMessage) -> list[list[str | None]]:
    """The results that the calls of each step end up with."""
    builder = ConversationBuilder()
    for index, message in enumerate(messages):
        if isinstance(message, ChatMessage):
            builder.hear(message)
        else:
            builder.act(Step(index, "assistant"), message)
    return [[each.result for each in step.tool_calls] for step in builder.steps()]


@pytest.mark.parametrize(
    ("recorded", "role"),
    [
        *(
            ("user", "user"),
            ("Human", "user"),
            ("developer", "system"),
            ("ai", "assistant"),
            ("model", "assistant"),
        ),
        *(("function", "tool"), ("somebody", "user"), (None, "user"), (7, "user")),
    ],
)
def test_roles_are_read_in_every_spelling(recorded: JSON, role: str) -> None:
    assert role_of(recorded) == role


def test_an_openai_message_with_calls_is_read_whole() -> None:
    message = read_message(
        {
            "role": "assistant",
            "name": "Planner",
            "content": "Looking.",
            "reasoning_content": "First the weather.",
            "finish_reason": "TOOL_CALLS",
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "weather", "arguments": '{"city": "Oslo"}'},
                },
                {"id": "c2", "type": "function", "function": {"name": "clock", "arguments": ""}},
                {"id": "c3", "type": "function", "function": {"name": "broken", "arguments": '{"city": '}},
            ],
        },
        AT,
    )
    assert message == ChatMessage(
        role="assistant",
        text="Looking.",
        name="Planner",
        reasoning="First the weather.",
        calls=(
            ToolCall(
                "weather", {"city": "Oslo"}, "c1", at=Location("in.json", 3, "/messages/1/tool_calls/0")
            ),
            ToolCall("clock", {}, "c2", at=Location("in.json", 3, "/messages/1/tool_calls/1")),
            ToolCall("broken", '{"city": ', "c3", at=Location("in.json", 3, "/messages/1/tool_calls/2")),
        ),
        finish_reason="tool_calls",
        at=AT,
    )


def test_the_old_function_call_is_a_call_without_an_id() -> None:
    message = read_message(
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}}
    )
    assert (message.text, message.calls) == ("", (ToolCall("f", {}),))


def test_anthropic_blocks_are_sorted_by_what_they_are() -> None:
    message = read_message(
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "xyz"},
                {"type": "redacted_thinking", "data": "AAAA"},
                {"type": "text", "text": "I will look."},
                {"type": "tool_use", "id": "t1", "name": "look", "input": {"path": "a"}},
                {"type": "image", "source": {"data": "AAAA"}},
            ],
            "stop_reason": "tool_use",
        },
        AT,
    )
    assert message == ChatMessage(
        role="assistant",
        text="I will look.\n[image]",
        reasoning="Hm.",
        calls=(ToolCall("look", {"path": "a"}, "t1", at=Location("in.json", 3, "/messages/1/content/3")),),
        finish_reason="tool_use",
        at=AT,
    )


def test_results_among_the_words_of_a_user_are_results() -> None:
    message = read_message(
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": "no such file", "is_error": True},
                {"type": "tool_result", "tool_use_id": "t2", "content": [{"type": "text", "text": "fine"}]},
                {"type": "tool_result", "tool_use_id": "t3"},
                {"type": "text", "text": "Go on."},
            ],
        }
    )
    assert message.text == "Go on."
    assert message.results == (
        ToolResult("no such file", "t1", None, "no such file"),
        ToolResult("fine", "t2"),
        ToolResult(None, "t3"),
    )


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"tool_call_id": "c1", "content": "ok"}, ToolResult("ok", "c1")),
        ({"tool_call_ids": ["c1"], "content": "ok"}, ToolResult("ok", "c1")),
        ({"name": "f", "content": {"a": 1}}, ToolResult('{"a":1}', None, "f")),
        ({"name": "f", "content": [{"id": 1}, {"id": 2}]}, ToolResult('[{"id":1},{"id":2}]', None, "f")),
        ({"tool_call_id": 7, "content": 42}, ToolResult("42", "7")),
        (
            {"tool_call_id": "c1", "content": "boom", "status": "error"},
            ToolResult("boom", "c1", None, "boom"),
        ),
        ({"tool_call_id": "c1", "content": "", "is_error": True}, ToolResult("", "c1", None, "failed")),
        ({"tool_call_id": "c1", "content": None}, ToolResult(None, "c1")),
    ],
)
def test_a_tool_message_is_what_one_call_returned(record: dict[str, JSON], expected: ToolResult) -> None:
    assert read_message({"role": "tool", **record}).results == (expected,)


def test_the_text_of_blocks_leaves_pictures_out() -> None:
    blocks: JSON = [
        {"type": "text", "text": "a"},
        {"type": "image", "source": {"data": "AAAA"}},
        {"text": "b"},
    ]
    assert content_text(blocks) == "a\n[image]\nb"
    others: tuple[JSON, ...] = (None, "x", [], {"a": 1})
    assert [content_text(value) for value in others] == [None, "x", "[]", '{"a":1}']


def test_genai_parts_are_read() -> None:
    message = read_message(
        {
            "role": "assistant",
            "parts": [
                {"type": "text", "content": "Hi"},
                {"type": "tool_call", "id": "c", "name": "f", "arguments": {"a": 1}},
            ],
        }
    )
    assert (message.text, message.calls) == ("Hi", (ToolCall("f", {"a": 1}, "c"),))


def test_results_are_paired_by_id_in_any_order() -> None:
    calls = (call("a", "1"), call("b", "2"))
    assert paired(calls, result("two", "2"), result("one", "1")) == [["one", "two"]]


def test_results_without_ids_answer_open_calls_in_order() -> None:
    calls = (call("a", "1"), call("b", "2"))
    assert paired(calls, result("one"), result("two")) == [["one", "two"]]


def test_results_without_ids_answer_by_name_first() -> None:
    calls = (call("a"), call("b"), call("b"))
    assert paired(calls, result("x", name="b"), result("y", name="b"), result("z", name="a")) == [
        ["z", "x", "y"]
    ]


def test_a_result_belongs_to_the_latest_step_with_an_open_call() -> None:
    assert paired((call("a"),), (call("b"),), result("two"), result("one")) == [["one"], ["two"]]


def test_a_result_of_an_unknown_call_is_given_to_no_call_that_has_an_id() -> None:
    assert paired((call("a", "1"),), result("lost", "9")) == [[None]]
    assert paired((call("a", "1"), call("a")), result("found", "9")) == [[None, "found"]]


def test_an_id_that_is_used_again_means_the_latest_call() -> None:
    assert paired((call("a", "0"),), result("one", "0"), (call("a", "0"),), result("two", "0")) == [
        ["one"],
        ["two"],
    ]
    assert paired((call("a", "0"),), (call("a", "0"),), result("two", "0")) == [[None], ["two"]]
    assert paired((call("a", "0"), call("b", "0")), result("one", "0"), result("two", "0")) == [
        ["one", "two"]
    ]


def test_each_step_sees_what_is_new_to_its_agent() -> None:
    builder = ConversationBuilder()
    builder.hear(ChatMessage("user", "Go"))
    builder.act(Step(1, "a", "I start"), (call("f", "1"),))
    builder.hear(result("done", "1"))
    builder.act(Step(3, "b", "I help"))
    builder.act(Step(4, "a", "Thanks"))
    assert [step.seen for step in builder.steps()] == [
        (Message("user", "Go"),),
        (Message("user", "Go"), Message("assistant", "I start", "a"), Message("tool", "done", "f")),
        (Message("tool", "done", "f"), Message("assistant", "I help", "b")),
    ]


def test_one_agent_sees_everything_however_much_it_is() -> None:
    builder = ConversationBuilder()
    for number in range(MAX_SEEN * 2):
        builder.hear(ChatMessage("user", str(number)))
    builder.act(Step(0, "a"))
    assert len(builder.steps()[0].seen) == MAX_SEEN * 2


def test_in_a_crowd_a_step_sees_the_latest_messages_only() -> None:
    builder = ConversationBuilder()
    for number in range(MAX_SEEN * 2):
        builder.act(Step(number, f"agent {number}", "Hello"))
    steps = builder.steps()
    assert len(steps[MAX_LISTENERS].seen) == MAX_LISTENERS
    assert len(steps[-1].seen) == MAX_SEEN


def test_thirty_thousand_parallel_calls_are_paired_in_linear_time() -> None:
    count = 30_000
    with no_hang():
        found = paired(tuple(call("f") for _ in range(count)), *(result("x", name="f") for _ in range(count)))
        assert found == [["x"] * count]


@given(records(NAMES, WORDS))
def test_no_message_raises(value: JSON) -> None:
    read_message(as_mapping(value), AT)
    read_message({"role": "tool", "content": value})
    read_message({"role": "assistant", "content": value, "tool_calls": value})
