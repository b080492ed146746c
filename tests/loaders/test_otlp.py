from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import cast

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from pisama.loaders import load, open_document
from pisama.loaders.base import Document
from pisama.loaders.otlp import OtlpLoader
from pisama.report import LoadError
from pisama.trace import JSON, Message, Step, Tool, ToolCall, Trace, Usage
from tests.loaders.hostile import records
from tests.loaders.outline import one_trace, outline

TRACES = Path(__file__).parents[1] / "traces" / "otlp"
EXAMPLES = Path(__file__).parents[2] / "examples"
SAMPLES = Path(__file__).parents[3] / "shared" / "formats"
GENAI = EXAMPLES / "failing-tool.genai.otlp.json"
OPENINFERENCE = EXAMPLES / "failing-tool.openinference.otlp.json"

TASK = "Book me a flight from Oslo to London on 12 May."
ANSWER = "Your flight from Oslo to London on 12 May is booked. The confirmation number is BK-77123."
FAILURE = "Error: payment service unavailable (503)"


def decoded(path: Path) -> dict[str, JSON]:
    return cast("dict[str, JSON]", json.loads(path.read_text()))


def attributes(values: dict[str, JSON]) -> JSON:
    return [{"key": key, "value": {"stringValue": str(value)}} for key, value in values.items()]


def span(span_id: str, parent: str = "", start: int = 1, name: str = "", **values: JSON) -> dict[str, JSON]:
    """A span of one trace; `start` in seconds, keyword `a__b` is the attribute `a.b`."""
    named = {key.replace("__", "."): value for key, value in values.items()}
    return {
        "traceId": "0" * 31 + "1",
        "spanId": span_id,
        "parentSpanId": parent,
        "name": name,
        "startTimeUnixNano": str(1_700_000_000_000_000_000 + start * 1_000_000_000),
        "attributes": attributes(named),
    }


def model_call(span_id: str, said: str, start: int = 1, parent: str = "", *heard: str) -> dict[str, JSON]:
    given: JSON = [{"role": "user", "content": text} for text in heard]
    return span(
        span_id,
        parent,
        start,
        "chat",
        gen_ai__operation__name="chat",
        gen_ai__input__messages=json.dumps(given),
        gen_ai__output__messages=json.dumps([{"role": "assistant", "content": said}]),
    )


def request(*spans: JSON) -> dict[str, JSON]:
    return {"resourceSpans": [{"scopeSpans": [{"scope": {"name": "test"}, "spans": list(spans)}]}]}


def protobuf(path: Path) -> bytes:
    """The same request as protobuf, whose JSON reader wants ids in base64."""

    def in_base64(value: JSON) -> JSON:
        if isinstance(value, list):
            return [in_base64(item) for item in value]
        if not isinstance(value, dict):
            return value
        return {
            key: base64.b64encode(bytes.fromhex(str(item))).decode()
            if key.endswith("Id")
            else in_base64(item)
            for key, item in value.items()
        }

    message = json_format.ParseDict(
        cast("dict[str, JSON]", in_base64(decoded(path))), ExportTraceServiceRequest()
    )
    return message.SerializeToString()


def facts(trace: Trace) -> list[object]:
    """All of a trace that does not depend on the dialect it was written in."""
    return [
        trace.task,
        trace.steps,
        trace.tools,
        trace.agents,
        trace.final_answer,
        trace.complete,
        trace.outcome,
    ]


def test_an_agent_that_calls_a_failing_tool_and_claims_success_is_read_whole() -> None:
    trace = one_trace(decoded(GENAI))
    arguments: JSON = {"origin": "OSL", "destination": "LHR", "date": "2026-05-12"}
    system = Message("system", "You are a travel agent. Help the user with the tools you have.")
    returned = Message("tool", FAILURE, "book_flight")
    assert [
        (
            step.index,
            step.agent,
            step.text,
            step.seen,
            step.usage,
            step.finish_reason,
            step.model,
            step.span_id,
        )
        for step in trace.steps
    ] == [
        (
            number,
            "travel_agent",
            ANSWER if number == 6 else "",
            (returned,) if number else (system, Message("user", TASK)),
            Usage(400 + 60 * number, 40),
            "stop" if number == 6 else "tool_calls",
            "gpt-4o",
            f"a0000000000000{number:02x}",
        )
        for number in range(7)
    ]
    assert [
        (step.index, call.name, call.arguments, call.id, call.result, call.error, call.span_id)
        for step, call in trace.calls()
    ] == [
        (
            number,
            "book_flight",
            arguments,
            f"call_{number + 1}",
            FAILURE,
            "payment service unavailable (503)",
            f"b0000000000000{number:02x}",
        )
        for number in range(6)
    ]
    schema: JSON = {
        "type": "object",
        "properties": {name: {"type": "string"} for name in ("origin", "destination", "date")},
        "required": ["origin", "destination", "date"],
    }
    assert trace.tools == (
        Tool("search_flights", "Search for flights on a date.", cast("dict[str, JSON]", schema)),
        Tool("book_flight", "Book a flight.", cast("dict[str, JSON]", schema)),
    )
    assert (trace.task, trace.final_answer, trace.agents) == (TASK, ANSWER, ("travel_agent",))
    assert (trace.format, trace.complete, trace.outcome) == ("otlp", True, None)
    assert trace.metadata == {"service": "travel-desk", "scopes": ["travel-desk.agent"]}


def test_the_same_run_in_genai_and_in_openinference_attributes_gives_the_same_facts() -> None:
    assert facts(one_trace(decoded(GENAI))) == facts(one_trace(decoded(OPENINFERENCE)))


@pytest.mark.parametrize("example", [GENAI, OPENINFERENCE])
def test_protobuf_gives_the_same_facts_as_json(example: Path) -> None:
    assert facts(one_trace(protobuf(example))) == facts(one_trace(decoded(example)))


def test_requests_that_follow_one_another_with_their_lengths_are_read() -> None:
    message = protobuf(GENAI)
    framed = len(message).to_bytes(4, "big") + message
    assert facts(one_trace(framed)) == facts(one_trace(decoded(GENAI)))


def _respelled(value: JSON, spell: Callable[[str, JSON], tuple[str, JSON]]) -> JSON:
    if isinstance(value, list):
        return [_respelled(item, spell) for item in value]
    if not isinstance(value, dict):
        return value
    return dict(spell(key, _respelled(item, spell)) for key, item in value.items())


def _snake_case(key: str, value: JSON) -> tuple[str, JSON]:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in key), value


def _numbers_and_names(key: str, value: JSON) -> tuple[str, JSON]:
    if key.endswith("UnixNano") or key == "intValue":
        return key, int(str(value))
    if key == "code":
        return key, "STATUS_CODE_ERROR" if value == 2 else "STATUS_CODE_OK"
    return key, value


def _base64_ids(key: str, value: JSON) -> tuple[str, JSON]:
    return key, base64.b64encode(bytes.fromhex(str(value))).decode() if key.endswith("Id") else value


def _tempo(key: str, value: JSON) -> tuple[str, JSON]:
    return {"resourceSpans": "batches"}.get(key, key), value


@pytest.mark.parametrize("spell", [_snake_case, _numbers_and_names, _base64_ids, _tempo])
def test_every_spelling_of_otlp_json_gives_the_same_steps(
    spell: Callable[[str, JSON], tuple[str, JSON]],
) -> None:
    def acts(value: dict[str, JSON]) -> list[object]:
        trace = one_trace(value)
        calls = [
            [(call.name, call.arguments, call.result, call.error, call.span_id) for call in step.tool_calls]
            for step in trace.steps
        ]
        return [trace.id, [(step.text, step.seen, step.usage, step.start) for step in trace.steps], calls]

    respelled = cast("dict[str, JSON]", _respelled(decoded(GENAI), spell))
    assert acts(respelled) == acts(decoded(GENAI))


def test_a_trace_spread_over_lines_in_any_order_is_one_trace(tmp_path: Path) -> None:
    value = json.loads(GENAI.read_text())
    scoped = value["resourceSpans"][0]["scopeSpans"][0]
    lines = [json.dumps(request(each)) for each in reversed(scoped["spans"])]
    path = tmp_path / "spans.jsonl"
    path.write_text("\n".join(lines))
    expected = [
        (step.text, step.seen, [call.result for call in step.tool_calls]) for step in one_trace(value).steps
    ]
    found = one_trace(path)
    assert [
        (step.text, step.seen, [call.result for call in step.tool_calls]) for step in found.steps
    ] == expected
    assert found.steps[0].at is not None
    assert (found.steps[0].at.line, found.steps[0].at.pointer) == (
        13,
        "/resourceSpans/0/scopeSpans/0/spans/0",
    )


@pytest.mark.parametrize(
    "name",
    [
        "agents_without_model_calls.json",
        "delegation.jsonl",
        "flattened_prompts.json",
        "message_events.json",
    ],
)
def test_a_dialect_is_read_as_written_down(name: str) -> None:
    assert outline(TRACES / name) == (TRACES / name).with_suffix(".txt").read_text().rstrip("\n")


def test_tokens_summed_on_agent_spans_are_not_counted_again() -> None:
    trace = one_trace(TRACES / "delegation.jsonl")
    assert sum(step.usage.tokens for step in trace.steps if step.usage) == 4 * 110


def test_two_trace_ids_are_two_traces_the_earlier_first() -> None:
    late = model_call("a" * 16, "late", 9)
    early = {**model_call("b" * 16, "early", 2), "traceId": "0" * 31 + "2"}
    found = [item for item in load(request(late, early)) if isinstance(item, Trace)]
    assert [trace.final_answer for trace in found] == ["early", "late"]


def test_the_same_result_returned_again_is_new_but_the_conversation_sent_again_is_not() -> None:
    heard = ("Go on.", "Busy.", "Busy.")
    calls = [
        model_call(f"{number:016x}", f"Try {number}", number, "", *heard[:number]) for number in (1, 2, 3)
    ]
    assert [[message.text for message in step.seen] for step in one_trace(request(*calls)).steps] == [
        ["Go on."],
        ["Busy."],
        ["Busy."],
    ]


def test_an_agent_invoked_anew_without_its_memory_is_given_its_task_again() -> None:
    agents = [
        span(
            f"{number}" * 16, start=number, name="invoke_agent helper", gen_ai__operation__name="invoke_agent"
        )
        for number in (1, 3)
    ]
    calls = [
        model_call(f"{number}" * 16, f"Done {number}", number, f"{number - 1}" * 16, "Look.")
        for number in (2, 4)
    ]
    assert [
        [message.text for message in step.seen] for step in one_trace(request(*agents, *calls)).steps
    ] == [
        ["Look."],
        ["Look."],
    ]


def test_a_tool_span_that_nothing_announced_belongs_to_the_step_before_it() -> None:
    tool = span(
        "c" * 16,
        start=3,
        name="execute_tool ls",
        gen_ai__operation__name="execute_tool",
        gen_ai__tool__call__result="a.txt",
    )
    steps = one_trace(request(model_call("a" * 16, "one", 2), tool, model_call("b" * 16, "two", 4))).steps
    assert [[(call.name, call.result, call.span_id) for call in step.tool_calls] for step in steps] == [
        [("ls", "a.txt", "c" * 16)],
        [],
    ]


def test_parallel_calls_of_one_tool_without_ids_are_told_apart_by_their_arguments() -> None:
    asked: JSON = [
        {
            "role": "assistant",
            "tool_calls": [
                {"function": {"name": "weather", "arguments": {"city": city}}} for city in ("Oslo", "Bergen")
            ],
        }
    ]
    call = span("a" * 16, gen_ai__operation__name="chat", gen_ai__output__messages=json.dumps(asked))
    tools = [
        span(
            f"{number}" * 16,
            start=number,
            openinference__span__kind="TOOL",
            tool__name="weather",
            input__value=json.dumps({"city": city}),
            output__value=f"{city}: rain",
        )
        for number, city in ((2, "Bergen"), (3, "Oslo"))
    ]
    assert [(found.arguments, found.result) for _, found in one_trace(request(call, *tools)).calls()] == [
        ({"city": "Oslo"}, "Oslo: rain"),
        ({"city": "Bergen"}, "Bergen: rain"),
    ]


def test_two_instrumentors_on_one_call_make_one_step_and_one_tool_call() -> None:
    outer = span("a" * 16, start=1, openinference__span__kind="LLM", output__value="Hello")
    inner = model_call("b" * 16, "Hello", 2, "a" * 16)
    tool = span("c" * 16, start=3, openinference__span__kind="TOOL", tool__name="ls", output__value="a.txt")
    again = span(
        "d" * 16,
        "c" * 16,
        4,
        gen_ai__operation__name="execute_tool",
        gen_ai__tool__name="ls",
        error__type="OSError",
    )
    steps = one_trace(request(outer, inner, tool, again)).steps
    assert [(step.span_id, step.text) for step in steps] == [("b" * 16, "Hello")]
    assert [(call.name, call.result, call.error) for call in steps[0].tool_calls] == [
        ("ls", "a.txt", "OSError")
    ]


def test_a_failed_model_call_is_a_step_with_an_error() -> None:
    status: JSON = {"code": 2, "message": "429"}
    failed = {**span("a" * 16, gen_ai__operation__name="chat"), "status": status}
    trace = one_trace(request(failed))
    assert [(step.error, step.text) for step in trace.steps] == [("429", "")]
    assert (trace.final_answer, trace.outcome, trace.metadata["content_recorded"]) == (None, "error", False)


def test_a_run_whose_agent_span_has_not_ended_is_unfinished() -> None:
    assert not one_trace(request(model_call("a" * 16, "Hello", 1, "f" * 16))).complete
    agent = span("b" * 16, "f" * 16, gen_ai__operation__name="invoke_agent", gen_ai__agent__name="desk")
    assert one_trace(request(agent, model_call("a" * 16, "Hello", 2, "b" * 16))).complete


def test_cut_off_values_are_kept_as_the_text_they_are() -> None:
    call = span(
        "a" * 16,
        gen_ai__operation__name="chat",
        gen_ai__input__messages='[{"role": "user", "content": "How lo',
        gen_ai__output__messages='[{"role": "assistant", "parts": [{"type": "te',
    )
    step = one_trace(request(call)).steps[0]
    assert step.text == '[{"role": "assistant", "parts": [{"type": "te'
    assert step.seen == (Message("user", '[{"role": "user", "content": "How lo'),)


def test_broken_spans_are_named_and_the_others_are_read() -> None:
    items = list(load(request(7, {"name": "no id"}, model_call("a" * 16, "Hello"))))
    problems = [(item.reason, item.at.pointer) for item in items if isinstance(item, LoadError)]
    above = "/resourceSpans/0/scopeSpans/0/spans"
    assert problems == [("a span without an id", f"{above}/0"), ("a span without an id", f"{above}/1")]
    assert [trace.final_answer for trace in items if isinstance(trace, Trace)] == ["Hello"]


def test_the_first_of_two_spans_with_one_id_counts_and_the_other_is_noted() -> None:
    trace = one_trace(request(model_call("a" * 16, "first"), model_call("a" * 16, "second")))
    assert ([step.text for step in trace.steps], trace.metadata["duplicate_spans"]) == (["first"], 1)


def test_spans_that_are_each_others_parents_do_not_hang_the_reader() -> None:
    ring = [model_call("a" * 16, "one", 1, "b" * 16), model_call("b" * 16, "two", 2, "a" * 16)]
    own = model_call("c" * 16, "three", 3, "c" * 16)
    assert [len(trace.spans) for trace in load(request(*ring, own)) if isinstance(trace, Trace)] == [3]


@pytest.mark.parametrize("number", ["--5", "9" * 5000, "\u0663", "", "1.5"])
def test_integers_that_are_none_are_kept_as_text(number: str) -> None:
    call = model_call("a" * 16, "Hello")
    tokens: JSON = {"key": "gen_ai.usage.input_tokens", "value": {"intValue": number}}
    cast("list[JSON]", call["attributes"]).append(tokens)
    assert [step.text for step in one_trace(request(call)).steps] == ["Hello"]


def test_a_trace_of_noise_has_spans_and_no_steps() -> None:
    trace = one_trace(request(span("a" * 16, name="GET /"), span("b" * 16, "a" * 16, name="SELECT")))
    assert ([item.name for item in trace.spans], trace.steps, trace.agents, trace.tools) == (
        ["GET /", "SELECT"],
        (),
        (),
        None,
    )


def test_spans_keep_small_attributes_and_no_messages() -> None:
    call = model_call("a" * 16, "Hello", 1, "", "Hi")
    cast("list[JSON]", call["attributes"]).append({"key": "note", "value": {"stringValue": "x" * 201}})
    kept = one_trace(request(call)).spans[0]
    assert (kept.kind, dict(kept.attributes)["gen_ai.operation.name"]) == ("llm", "chat")
    assert "note" not in kept.attributes


def test_binary_data_that_is_no_request_is_left_alone() -> None:
    for raw in (b"\x0a\x02hi", b"\x0a\x00", b"\x00\x00\x00\x05\x0ahello", b"\x0a" + b"\xff" * 40):
        assert OtlpLoader().sniff(Document(None, lambda: iter(()), raw=raw)) == 0.0


def test_only_documents_with_resource_spans_are_recognised() -> None:
    for value, sure in ((request(), 1.0), ([request()], 1.0), ({"spans": []}, 0.0), ([1, "x"], 0.0)):
        document = open_document(cast("dict[str, JSON] | list[JSON]", value))
        assert isinstance(document, Document)
        assert OtlpLoader().sniff(document) == sure


def test_thousands_of_tool_spans_of_one_step_are_placed_in_order() -> None:
    calls = [{"function": {"name": "ls", "arguments": {"n": number}}} for number in range(3000)]
    asked = json.dumps([{"role": "assistant", "tool_calls": calls}])
    step = span("f" * 16, gen_ai__operation__name="chat", gen_ai__output__messages=asked)
    tools = [
        span(
            f"{number:016x}",
            start=number + 2,
            openinference__span__kind="TOOL",
            tool__name="ls",
            input__value=json.dumps({"n": number}),
        )
        for number in range(1, 3000)
    ]
    found = one_trace(request(step, *tools)).steps[0].tool_calls
    assert [call.span_id for call in found] == [None, *(f"{number:016x}" for number in range(1, 3000))]


NAMES = (
    *(
        "resourceSpans",
        "scopeSpans",
        "spans",
        "scope",
        "name",
        "spanId",
        "traceId",
        "parentSpanId",
        "attributes",
    ),
    *(
        "key",
        "value",
        "stringValue",
        "intValue",
        "arrayValue",
        "kvlistValue",
        "values",
        "events",
        "status",
        "code",
    ),
    *("startTimeUnixNano", "role", "content", "parts", "tool_calls", "function", "arguments", "type"),
)
WORDS = (
    *(
        "openinference.span.kind",
        "LLM",
        "TOOL",
        "AGENT",
        "CHAIN",
        "gen_ai.operation.name",
        "chat",
        "invoke_agent",
    ),
    *("gen_ai.input.messages", "gen_ai.output.messages", "llm.input_messages.0.message.role", "input.value"),
    *(
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.name",
        "assistant",
        "tool-response",
        "1" * 16,
    ),
    *(
        '[{"role":"assistant","content":[{"type":"text"}]}]',
        '{"messages":[[{"lc":1,"kwargs":{"content":3}}]]}',
    ),
)


@given(records(NAMES, WORDS))
def test_no_json_makes_the_reader_raise(value: JSON) -> None:
    for document in (
        {"resourceSpans": value},
        request(value),
        request({"spanId": "1" * 16, "attributes": value}),
    ):
        for item in OtlpLoader().load(_document(document)):
            assert isinstance(item, Trace | LoadError)


@given(st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from(WORDS) | st.text(max_size=9)), max_size=12))
def test_no_attributes_make_the_reader_raise(pairs: list[tuple[str, str]]) -> None:
    given_attributes = {name: cast(JSON, value) for name, value in pairs}
    spans = [
        {"spanId": f"{number}" * 16, "parentSpanId": "1" * 16, "attributes": given_attributes}
        for number in (1, 2)
    ]
    for item in OtlpLoader().load(_document(request(*cast("Iterable[JSON]", spans)))):
        assert isinstance(item, Trace)


def _document(value: dict[str, JSON]) -> Document:
    document = open_document(value)
    assert isinstance(document, Document)
    return document


def _failures(path: Path) -> list[tuple[str, int]]:
    traces = [item for item in load(path) if isinstance(item, Trace)]
    return [(call.name, step.index) for trace in traces for step, call in trace.calls() if call.error]


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the samples of real emitters are not on this machine")
@pytest.mark.parametrize(
    ("sample", "failures"),
    [
        ("otel_genai/maf/maf_toolerr.otlp.jsonl", 3),
        ("otel_genai/strands/strands_toolerr.otlp.pb", 3),
        ("otel_genai/openai_v2/openai_v2new_toolerr.otlp.pb", 3),
        ("otel_genai/openllmetry_openai/openai_tl_toolerr_old.otlp.pb", 3),
        ("otel_genai/pydantic_ai/pydantic_ai1.0_toolerr_v1.otlp.jsonl", 1),
        ("openinference/autogen/autogen_toolerr.otlp.jsonl", 3),
        ("openinference/crewai/crewai_toolerr.otlp.pb", 2),
        ("openinference/openai_sdk/openai_oi_toolerr.otlp.pb", 3),
        ("openinference/openai_agents/openai_agents_toolerr_responses.otlp.pb", 3),
        ("openinference/smolagents/smolagents_toolerr.otlp.pb", 6),
    ],
)
def test_the_failing_calls_of_real_emitters_are_found(sample: str, failures: int) -> None:
    assert [name for name, _ in _failures(SAMPLES / sample)] == ["book_flight"] * failures


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the samples of real emitters are not on this machine")
def test_every_sample_of_real_emitters_is_read_without_an_error() -> None:
    for folder in ("otel_genai", "openinference"):
        for path in sorted((SAMPLES / folder).rglob("*.otlp.*")):
            if ".logs." not in path.name:
                items = list(load(path))
                assert items, path
                assert all(isinstance(item, Trace) and item.format == "otlp" for item in items), path


def test_steps_and_calls_are_plain_values() -> None:
    trace = one_trace(decoded(GENAI))
    assert {type(step) for step in trace.steps} == {Step}
    assert {type(call) for _, call in trace.calls()} == {ToolCall}
