"""Exchanges as spans: every protocol, whole and streamed, what is new and what was resent."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import pytest

from pisama.trace import JSON, Location, Step, Trace
from pisama.watch.captured import Exchange
from pisama.watch.providers import MESSAGES, Api, api_of
from pisama.watch.recording import Recording
from pisama.watch.resent import Resent
from pisama.watch.spans_source import SpansSource
from tests.watch.provider import Turn, chat, generate, messages, responses

CALL: Turn = {"name": "list_files", "arguments": {"path": "/data"}}
PATHS = {
    chat: "/chat/completions",
    responses: "/responses",
    messages: "/v1/messages",
    generate: "/v1beta/models/gemini-2.0-flash:generateContent",
}


def exchange(
    path: str, request: Mapping[str, Any], response: bytes, *, number: int = 1, **further: Any
) -> Exchange:
    return Exchange(
        **{
            "number": number,
            "provider": "openai",
            "path": path,
            "request": json.dumps(request).encode(),
            "request_encoding": "",
            "status": 200,
            "response": response,
            "response_encoding": "",
            "started": number * 1_000_000_000,
            "ended": number * 1_000_000_000 + 500_000_000,
            **further,
        }
    )


def traces(*exchanges: Exchange) -> list[Trace]:
    recording, source = Recording("test"), SpansSource()
    for each in exchanges:
        span = recording.span(each)
        if span is not None:
            source.add(span, Location())
    return [item for item in source.whole() if isinstance(item, Trace)]


def told(step: Step) -> tuple[object, ...]:
    return (
        step.text,
        [(call.name, call.arguments, call.result) for call in step.tool_calls],
        [(message.role, message.text) for message in step.seen],
        step.finish_reason,
        step.usage.tokens if step.usage is not None else None,
    )


def conversation(path: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two requests of an agent; the second resends the first and adds the failed call."""
    failed = "no such directory"
    if path == "/responses":
        asked: list[Any] = [{"role": "user", "content": "Count."}]
        call = {
            "type": "function_call",
            "call_id": "call_1",
            "name": "list_files",
            "arguments": '{"path": "/data"}',
        }
        output = {"type": "function_call_output", "call_id": "call_1", "output": failed}
        frame = {"model": "gpt-4o-mini", "instructions": "Be brief."}
        return {**frame, "input": asked}, {**frame, "input": [*asked, call, output]}
    if path.endswith("/messages"):
        asked = [{"role": "user", "content": "Count."}]
        use = {"type": "tool_use", "id": "toolu_1", "name": "list_files", "input": {"path": "/data"}}
        result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": failed}
        more = [{"role": "assistant", "content": [use]}, {"role": "user", "content": [result]}]
        frame = {"model": "claude-3-5-haiku-latest", "system": "Be brief."}
        return {**frame, "messages": asked}, {**frame, "messages": [*asked, *more]}
    if path.endswith("generateContent"):
        asked = [{"role": "user", "parts": [{"text": "Count."}]}]
        called = {"functionCall": {"name": "list_files", "args": {"path": "/data"}}}
        answered = {"functionResponse": {"name": "list_files", "response": {"result": failed}}}
        more = [{"role": "model", "parts": [called]}, {"role": "user", "parts": [answered]}]
        system: dict[str, Any] = {"systemInstruction": {"parts": [{"text": "Be brief."}]}}
        return {**system, "contents": asked}, {**system, "contents": [*asked, *more]}
    asked = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Count."}]
    function = {"name": "list_files", "arguments": '{"path": "/data"}'}
    say = {"role": "assistant", "tool_calls": [{"id": "call_1", "type": "function", "function": function}]}
    answer = {"role": "tool", "tool_call_id": "call_1", "content": failed}
    return {"model": "gpt-4o-mini", "messages": asked}, {
        "model": "gpt-4o-mini",
        "messages": [*asked, say, answer],
    }


@pytest.mark.parametrize("protocol", PATHS, ids=lambda each: each.__name__)
@pytest.mark.parametrize("way", ["whole", "streamed", "gzip"])
def test_every_protocol_tells_the_same(protocol: Any, way: str) -> None:
    path = PATHS[protocol]
    bodies = []
    for number, turn in enumerate((CALL, "None."), 1):
        answer, events = protocol(number, turn)
        lines = (f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n" for _, event in events)
        body = "".join(lines).encode() if way == "streamed" else json.dumps(answer).encode()
        bodies.append(gzip.compress(body) if way == "gzip" else body)
    encoding = "gzip" if way == "gzip" else ""
    first, second = (
        exchange(path, request, response, number=number, response_encoding=encoding)
        for number, (request, response) in enumerate(zip(conversation(path), bodies, strict=True), 1)
    )
    (trace,) = traces(first, second)
    one, two = trace.steps
    assert trace.task == "Count."
    assert told(one)[:3] == (
        "",
        [("list_files", {"path": "/data"}, "no such directory")],
        [("system", "Be brief."), ("user", "Count.")],
    )
    assert told(two)[:3] == ("None.", [], [("tool", "no such directory")])
    assert [told(step)[4] for step in (one, two)] == [60, 60]


def test_what_is_resent_is_recorded_once() -> None:
    first, second = conversation("/chat/completions")
    recording = Recording("test")
    lines = [
        recording.span(exchange("/chat/completions", each, json.dumps(chat(1, CALL)[0]).encode()))
        for each in (first, second)
    ]
    texts = [json.dumps(line) for line in lines]
    assert ["Be brief." in text for text in texts] == [True, False]
    assert ["no such directory" in text for text in texts] == [False, True]


def test_the_same_failure_again_is_heard_again_where_calls_have_no_ids() -> None:
    path = PATHS[generate]
    first, second = conversation(path)
    third = {**second, "contents": [*second["contents"], *second["contents"][1:]]}
    response = json.dumps(generate(1, CALL)[0]).encode()
    (trace,) = traces(
        *(exchange(path, each, response, number=n) for n, each in enumerate((first, second, third), 1))
    )
    assert [[call.result for call in step.tool_calls] for step in trace.steps] == [
        ["no such directory"],
        ["no such directory"],
        [None],
    ]


def test_another_task_is_another_run_and_a_shortened_history_is_the_same() -> None:
    first, second = conversation("/chat/completions")
    response = json.dumps(chat(1, CALL)[0]).encode()
    other = {**first, "messages": [first["messages"][0], {"role": "user", "content": "Sum up."}]}
    shortened = {
        **second,
        "messages": [*second["messages"][:2], {"role": "assistant", "content": "I looked."}],
    }
    found = traces(
        *(
            exchange("/chat/completions", each, response, number=number)
            for number, each in enumerate((first, other, second, shortened), 1)
        )
    )
    assert [len(trace.steps) for trace in found] == [3, 1]


@pytest.mark.parametrize("protocol", PATHS, ids=lambda each: each.__name__)
@pytest.mark.parametrize("kept", [None, 4], ids=["whole conversation", "bounded context"])
def test_a_long_run_is_the_same_however_its_requests_resend_it(protocol: Any, kept: int | None) -> None:
    path = PATHS[protocol]
    field = MESSAGES[cast("Api", api_of(path))]
    one, two = conversation(path)
    count = len(one[field])
    turns = [json.dumps(two[field][count:]).replace("no such", f"{number}: no such") for number in range(9)]
    history = one[field]
    exchanges = []
    resent = Resent()
    response = json.dumps(protocol(1, CALL)[0]).encode()
    for number, turn in enumerate(turns, 1):
        latest = history[count:] if kept is None else history[count:][-kept * (len(json.loads(turn))) :]
        request = {**one, field: [*history[:count], *latest]}
        whole = exchange(path, request, response, number=number)
        cut = resent.cut(number, whole.request, field)
        exchanges.append(replace(whole, request=cut.body, after=cut.after))
        history = [*history, *json.loads(turn)]
    (trace,) = traces(*exchanges)
    results = [call.result for step in trace.steps for call in step.tool_calls]
    assert results == [*(f"{number}: no such directory" for number in range(8)), None]
    assert sum(len(step.seen) for step in trace.steps) == len(trace.steps[0].seen) + 8
    if kept is None:
        assert [each.after for each in exchanges] == [None, *range(1, 9)]


def test_the_same_task_begun_anew_is_another_run() -> None:
    first, _ = conversation("/chat/completions")
    response = json.dumps(chat(1, "Done.")[0]).encode()
    found = traces(*(exchange("/chat/completions", first, response, number=number) for number in (1, 2)))
    assert [len(trace.steps) for trace in found] == [1, 1]


def test_a_call_repeated_after_a_failure_is_the_same_run() -> None:
    first, _ = conversation("/chat/completions")
    refused = json.dumps({"error": {"message": "slow down"}}).encode()
    answered = json.dumps(chat(1, "Done.")[0]).encode()
    (trace,) = traces(
        exchange("/chat/completions", first, refused, status=429),
        exchange("/chat/completions", first, answered, number=2),
    )
    assert [(step.error, step.text) for step in trace.steps] == [("429: slow down", ""), (None, "Done.")]


def test_a_stream_that_broke_off_gives_what_had_come() -> None:
    _, events = chat(1, "A long answer.")
    body = f"data: {json.dumps(events[0][1])}\n\ndata: {{".encode()
    request, _ = conversation("/chat/completions")
    (trace,) = traces(exchange("/chat/completions", request, body, error="the program gave up waiting"))
    assert [(step.text, step.error) for step in trace.steps] == [
        ("A long answer.", "the program gave up waiting")
    ]


def test_requests_that_call_no_model_are_no_spans() -> None:
    assert Recording("test").span(exchange("/v1/files", {}, b"{}")) is None
    assert Recording("test").span(exchange("/v1/messages/count_tokens", {}, b"{}")) is None


@pytest.mark.parametrize(
    "body", [b"", b"\x00\xff", b"[1, 2", b'"text"', b"data: [DONE]\n\n", b'{"choices": 3}']
)
@pytest.mark.parametrize("path", PATHS.values())
def test_no_answer_is_too_odd(path: str, body: bytes) -> None:
    odd = cast("Mapping[str, JSON]", {"messages": [3, None, {"role": 7}], "input": 4, "contents": {"a": 1}})
    assert len(traces(exchange(path, odd, body))) == 1
