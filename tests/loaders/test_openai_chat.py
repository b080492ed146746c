"""Messages of OpenAI chat completions, however they were written down, become runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given

from pisama.loaders import load, open_document
from pisama.loaders.base import Document
from pisama.loaders.openai_chat import OpenAIChatLoader
from pisama.report import LoadError
from pisama.trace import JSON, Location, Tool, Trace, Usage
from tests.hanging import no_hang
from tests.loaders.hostile import records
from tests.loaders.outline import one_trace, outline

TRACES = Path(__file__).parents[1] / "traces" / "openai_chat"
EXAMPLES = Path(__file__).parents[2] / "examples"
SHARED = Path(__file__).parents[3] / "shared"

NAMES = (
    "role",
    "content",
    "messages",
    "tools",
    "tool_calls",
    "request",
    "response",
    "choices",
    "message",
    "traj",
)
WORDS = ("user", "assistant", "tool", "text", "c1", "[]", '{"a":1}')

QUESTION: JSON = {"role": "user", "content": "Name a colour"}
ANSWER: JSON = {"role": "assistant", "content": "Blue"}


def confidence(value: JSON) -> float:
    document = open_document(json.dumps(value))
    assert isinstance(document, Document)
    return OpenAIChatLoader().sniff(document)


def errors(text: str | bytes, input_format: str | None = None) -> list[str]:
    return [str(item) for item in load(text, input_format, "in.json") if isinstance(item, LoadError)]


def asks(name: str, arguments: JSON, call_id: str | None = None) -> JSON:
    call: dict[str, JSON] = {"type": "function", "function": {"name": name, "arguments": arguments}}
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [call if call_id is None else {**call, "id": call_id}],
    }


@pytest.mark.parametrize("case", ["row.json", "tau_bench.json", "log.jsonl", "agents.jsonl"])
def test_a_recording_becomes_the_runs_it_holds(case: str) -> None:
    file = TRACES / case
    assert outline(file) == file.with_suffix(".txt").read_text().removesuffix("\n")


def test_a_row_gives_its_tools_and_its_places() -> None:
    file = TRACES / "row.json"
    trace = one_trace(file)
    step = trace.steps[0]
    assert trace.tools is not None
    assert trace.tools[0] == Tool(
        "read_moisture",
        "read moisture",
        {"type": "object", "properties": {"plant": {"type": "string"}}, "required": ["plant"]},
    )
    assert [tool.name for tool in trace.tools] == ["read_moisture", "water"]
    assert step.at == Location(str(file), None, "/messages/2")
    assert [call.at for call in step.tool_calls] == [
        Location(str(file), None, "/messages/2/tool_calls/0"),
        Location(str(file), None, "/messages/2/tool_calls/1"),
    ]
    assert (trace.metadata, step.model) == ({"model": "small-1"}, "small-1")


@pytest.mark.parametrize("case", ["row.json", "tau_bench.json"])
def test_labels_rewards_and_right_answers_never_get_into_a_trace(case: str) -> None:
    for trace in load(TRACES / case):
        assert "LABEL" not in repr(trace)
        assert "reward" not in repr(trace)


def test_a_log_gives_model_usage_and_finish_reason_of_each_step() -> None:
    trace = next(iter(load(TRACES / "log.jsonl")))
    assert isinstance(trace, Trace)
    assert [
        (step.model, step.usage, step.finish_reason, step.at and step.at.line) for step in trace.steps
    ] == [
        ("small-1-2026", Usage(10, 5, 1), "tool_calls", 1),
        ("small-1", None, None, 2),
        ("small-1-2026", Usage(20, 5, 2), "stop", 3),
        ("small-1-2026", Usage(30, 5, 3), "stop", 4),
    ]


def test_the_first_message_of_a_user_is_the_task_and_later_ones_are_seen() -> None:
    messages: JSON = [
        QUESTION,
        ANSWER,
        {"role": "user", "content": "Another"},
        {"role": "assistant", "content": "Red"},
    ]
    assert outline(json.dumps(messages)) == "\n".join(
        (
            "openai-chat trace",
            "task: Name a colour",
            "    user: Name a colour",
            "1 assistant: Blue",
            "    user: Another",
            "3 assistant: Red",
            "answer: Red",
        )
    )


def test_a_run_that_ends_with_an_open_call_has_no_answer() -> None:
    assert one_trace(json.dumps([QUESTION, ANSWER, asks("look", "{}")])).final_answer is None


def test_an_empty_answer_is_recorded_as_empty() -> None:
    assert one_trace(json.dumps([QUESTION, {"role": "assistant", "content": ""}])).final_answer == ""


def test_tools_are_not_recorded_unless_the_row_says_so() -> None:
    assert one_trace(json.dumps({"messages": [QUESTION, ANSWER]})).tools is None
    assert one_trace(json.dumps({"messages": [QUESTION, ANSWER], "tools": []})).tools == ()
    assert one_trace(json.dumps({"messages": [QUESTION, ANSWER], "functions": [{"name": "f"}]})).tools == (
        Tool("f"),
    )


@pytest.mark.parametrize("field", ["messages", "traj", "trajectory", "conversation", "history"])
def test_a_row_may_keep_its_messages_under_any_usual_name(field: str) -> None:
    assert one_trace(json.dumps({field: [QUESTION, ANSWER]}), "openai-chat").final_answer == "Blue"


def test_messages_as_json_text_are_opened() -> None:
    assert one_trace(json.dumps({"messages": json.dumps([QUESTION, ANSWER])})).final_answer == "Blue"


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([QUESTION, ANSWER]),
        json.dumps({"messages": [QUESTION, ANSWER]}),
        json.dumps([{"messages": [QUESTION, ANSWER]}]),
        f"{json.dumps(QUESTION)}\n{json.dumps(ANSWER)}\n",
        json.dumps({"request": {"messages": [QUESTION]}, "response": {"choices": [{"message": ANSWER}]}}),
        json.dumps({"messages": [QUESTION], "choices": [{"message": ANSWER}]}),
        json.dumps(
            {
                "request": {"body": {"messages": [QUESTION]}},
                "response": {"body": {"choices": [{"message": ANSWER}]}},
            }
        ),
    ],
)
def test_every_way_of_writing_a_run_down_gives_the_same_steps(text: str) -> None:
    trace = one_trace(text)
    assert [(step.index, step.text, len(step.seen)) for step in trace.steps] == [(1, "Blue", 1)]


def test_each_row_and_each_list_on_a_line_of_its_own_is_a_run() -> None:
    rows = "\n".join(json.dumps({"messages": [QUESTION, ANSWER]}) for _ in range(3))
    lists = "\n".join(json.dumps([QUESTION, ANSWER]) for _ in range(3))
    assert [item.id for item in load(rows, path="a/log.jsonl.gz") if isinstance(item, Trace)] == [
        *("log:1", "log:2", "log:3")
    ]
    assert len([item for item in load(lists) if isinstance(item, Trace)]) == 3


def test_ids_in_one_document_are_unique() -> None:
    rows: JSON = [{"id": "same", "messages": [QUESTION, ANSWER]} for _ in range(3)]
    assert [item.id for item in load(json.dumps(rows)) if isinstance(item, Trace)] == [
        "same",
        "same#2",
        "same#3",
    ]


def test_a_run_whose_last_line_is_cut_off_is_not_complete() -> None:
    text = f'{json.dumps(QUESTION)}\n{json.dumps(ANSWER)}\n{{"role": "us'
    assert outline(text).splitlines()[0] == "openai-chat trace (unfinished)"
    assert errors(text) == []


def test_a_response_without_its_request_is_a_step() -> None:
    response: JSON = {
        "object": "chat.completion",
        "model": "m",
        "choices": [{"message": ANSWER, "finish_reason": "stop"}],
    }
    trace = one_trace(json.dumps([response, response]))
    assert [(step.index, step.text, step.model, step.finish_reason) for step in trace.steps] == [
        (0, "Blue", "m", "stop"),
        (1, "Blue", "m", "stop"),
    ]


def test_a_response_that_holds_no_message_is_an_error_and_its_request_is_read() -> None:
    text = json.dumps({"request": {"messages": [QUESTION]}, "response": {"id": "r"}})
    assert errors(text, "openai-chat") == ["in.json#/response: a response without a message"]
    assert [item.task for item in load(text) if isinstance(item, Trace)] == ["Name a colour"]


def test_unfinished_runs_of_prompts_only_are_runs_without_steps() -> None:
    system: JSON = {"role": "system", "content": "Be brief."}
    assert outline(json.dumps([system])) == "openai-chat trace\ntask: None\nanswer: None"
    assert (
        outline(json.dumps({"messages": [system, QUESTION]}))
        == "openai-chat trace\ntask: Name a colour\nanswer: None"
    )


def test_a_run_without_messages_is_an_error() -> None:
    assert errors('{"messages": []}') == ["in.json#/messages: no messages in it"]


def test_a_bad_row_among_thousands_is_an_error_with_its_line() -> None:
    rows = [json.dumps({"messages": [QUESTION, ANSWER]}) for _ in range(3000)]
    rows[1234] = '{"messages": "none"}'
    rows[2345] = "{oops}"
    found = list(load("\n".join(rows), path="in.jsonl"))
    assert [str(item) for item in found if isinstance(item, LoadError)] == [
        "in.jsonl:1235: neither a message nor a row with a list of messages",
        "in.jsonl:2346: not JSON: expecting property name enclosed in double quotes at column 2",
    ]
    assert len(found) == 3000


def test_bad_messages_of_a_list_are_one_error_and_the_rest_is_read() -> None:
    text = json.dumps({"messages": [QUESTION, 7, {"content": "who?"}, ANSWER]})
    assert errors(text) == ["in.json#/messages/1: not a message: it has no role; nor are 1 more of this list"]
    assert [step.index for item in load(text) if isinstance(item, Trace) for step in item.steps] == [3]


def test_numbers_as_strings_and_ids_as_numbers_are_read() -> None:
    call = {"id": 1, "function": {"name": "look", "arguments": {"n": "2"}}}
    text = json.dumps(
        {
            "request": {"messages": [QUESTION]},
            "response": {
                "choices": [{"message": {"role": "assistant", "tool_calls": [call]}}],
                "usage": {"prompt_tokens": "12", "completion_tokens": "3", "cost": "0.5"},
            },
        }
    )
    step = one_trace(text).steps[0]
    assert (step.usage, step.tool_calls[0].id, step.tool_calls[0].arguments) == (
        Usage(12, 3, None, 0.5),
        "1",
        {"n": "2"},
    )


def test_calls_and_results_without_ids_are_paired_in_order() -> None:
    messages: JSON = [QUESTION, asks("look", "{}"), {"role": "tool", "content": "a wall"}, ANSWER]
    assert [call.result for _, call in one_trace(json.dumps(messages)).calls()] == ["a wall"]


def test_two_hundred_levels_inside_a_message_are_read() -> None:
    deep: JSON = "x"
    for _ in range(200):
        deep = {"a": deep}
    trace = one_trace(json.dumps([QUESTION, asks("look", deep), {"role": "tool", "content": [deep]}]))
    (call,) = trace.steps[0].tool_calls
    assert (call.arguments, call.result) == (deep, json.dumps([deep], separators=(",", ":")))


def test_plain_chat_is_only_a_guess_and_calls_are_more() -> None:
    assert confidence([QUESTION, ANSWER]) == 0.4
    assert confidence([QUESTION, asks("look", "{}", "c1")]) == 0.65
    assert (
        confidence(
            {"messages": [QUESTION, ANSWER], "tools": [{"type": "function", "function": {"name": "f"}}]}
        )
        == 0.85
    )


@pytest.mark.parametrize(
    "value",
    [
        *(
            {},
            [],
            [1, 2],
            "text",
            {"a": 1},
            [{"role": "user"}],
            {"messages": 5},
            {"messages": [1]},
            {"resourceSpans": []},
        ),
        [QUESTION, {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}, ANSWER],
        [{"role": "user", "parts": [{"text": "Gemini"}]}],
        {
            "messages": [
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "x"}]}
            ]
        },
    ],
)
def test_other_shapes_are_left_to_others(value: JSON) -> None:
    assert confidence(value) == 0


def test_a_log_that_resends_a_long_conversation_gives_each_message_once() -> None:
    count = 150
    messages: list[JSON] = [QUESTION]
    lines = []
    for number in range(count):
        answer: JSON = {"role": "assistant", "content": f"Answer {number}"}
        lines.append(
            json.dumps({"request": {"messages": messages}, "response": {"choices": [{"message": answer}]}})
        )
        messages = [*messages, answer, {"role": "user", "content": f"Question {number}"}]
    trace = one_trace("\n".join(lines))
    assert [step.text for step in trace.steps] == [f"Answer {number}" for number in range(count)]
    assert {len(step.seen) for step in trace.steps} == {1}


def test_forty_thousand_messages_are_read_in_linear_time() -> None:
    messages: JSON = [QUESTION] + [asks("look", "{}"), {"role": "tool", "content": "a wall"}] * 20_000
    text = json.dumps(messages)
    with no_hang():
        trace = one_trace(text)
        assert len(trace.steps) == 20_000


@given(records(NAMES, WORDS))
def test_no_json_raises(value: JSON) -> None:
    document = open_document(json.dumps(value))
    assert isinstance(document, Document)
    OpenAIChatLoader().sniff(document)
    list(OpenAIChatLoader().load(document))


@pytest.mark.parametrize(
    ("name", "steps", "calls"),
    [
        *(("failing-tool.messages.json", 7, 6), ("failing-tool.messages.jsonl", 7, 6)),
        *(("healthy.messages.json", 3, 2), ("six-files.messages.json", 7, 6)),
    ],
)
def test_the_examples_are_read_whole(name: str, steps: int, calls: int) -> None:
    trace = one_trace(EXAMPLES / name)
    assert (trace.format, len(trace.steps), len(list(trace.calls()))) == ("openai-chat", steps, calls)
    assert all(call.result for _, call in trace.calls())
    assert trace.final_answer


@pytest.mark.skipif(not SHARED.is_dir(), reason="the data sets are not part of the project")
@pytest.mark.parametrize(
    ("name", "runs"),
    [
        ("formats/openai_chat/ok.messages.json", 1),
        ("formats/openai_chat/toolerr.request_response_log.jsonl", 1),
        ("formats/tau_bench/gpt-4o-airline.first12.json", 12),
        ("data/taubench_airline/gpt-4o-airline.json", 200),
        ("data/agentprocessbench/hotpotqa.jsonl", 116),
    ],
)
def test_real_files_are_read_whole(name: str, runs: int) -> None:
    traces = list(load(SHARED / name))
    assert len(traces) == runs
    for trace in traces:
        assert isinstance(trace, Trace)
        assert trace.format == "openai-chat"
        assert trace.task
        assert all(call.result is not None for _, call in trace.calls())


def test_a_call_written_as_react_writes_it_is_a_call_when_an_observation_follows() -> None:
    assert outline(TRACES / "react.json") == (TRACES / "react.txt").read_text().rstrip("\n")


def test_a_call_in_words_that_nobody_ran_stays_words() -> None:
    said: list[JSON] = [
        {"role": "user", "content": "How does ReAct look?"},
        {"role": "assistant", "content": "Like this:\nAction: search\nAction Input: x"},
        {"role": "user", "content": "Thanks."},
    ]
    assert one_trace(said).steps[0].tool_calls == ()
