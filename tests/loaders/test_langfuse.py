from __future__ import annotations

import json
from pathlib import Path

import pytest

from pisama.loaders import load, open_document, sniff
from pisama.loaders.langfuse import LangfuseLoader
from pisama.report import LoadError
from pisama.trace import JSON, Tool, Trace, Usage
from tests.loaders.outline import one_trace, outline

TRACES = Path(__file__).parents[1] / "traces" / "langfuse"


def generation(number: int, **more: JSON) -> dict[str, JSON]:
    return {
        "id": f"g{number}",
        "traceId": "t",
        "parentObservationId": None,
        "type": "GENERATION",
        "name": "chat",
        "startTime": f"2026-03-02T10:00:0{number}Z",
        **more,
    }


def only_step(**more: JSON) -> str:
    return outline([generation(1, **more)]).split("\n", 2)[2].rpartition("\nanswer:")[0]


@pytest.mark.parametrize("name", ["trace.json", "observations.jsonl"])
def test_a_download_and_an_export_are_read_whole(name: str) -> None:
    file = TRACES / name
    assert outline(file) == file.with_suffix(".txt").read_text().rstrip("\n")


@pytest.mark.parametrize("name", ["trace.json", "observations.jsonl"])
def test_both_are_recognised_for_sure(name: str) -> None:
    document = open_document(TRACES / name)
    assert not isinstance(document, LoadError)
    assert LangfuseLoader().sniff(document) == 1.0
    assert isinstance(sniff(document), LangfuseLoader)


def test_a_trace_of_the_api_and_a_page_of_observations_are_the_same_run() -> None:
    downloaded = json.loads((TRACES / "trace.json").read_text())
    api = {**downloaded["trace"], "observations": downloaded["observations"]}
    page = {"data": downloaded["observations"], "meta": {"page": 1}}
    steps = [step.text for step in one_trace(downloaded).steps]
    assert [step.text for step in one_trace(api).steps] == steps
    assert [step.text for step in one_trace(page).steps] == steps


def test_tokens_held_apart_by_langfuse_are_counted_again_and_cost_once() -> None:
    trace = one_trace(TRACES / "trace.json")
    assert [step.usage for step in trace.steps] == [Usage(70, 12), Usage(120, 8, 30, 0.0021)]
    assert trace.metadata == {"session": "s1", "service": "shop-api", "scopes": ["shop"]}
    assert trace.complete


def test_a_cost_of_nothing_is_a_price_that_langfuse_does_not_know() -> None:
    step = one_trace([generation(1, output="Hi", totalCost=0, inputUsage=0)]).steps[0]
    assert step.usage is None


def test_tools_shown_among_the_messages_are_tools_that_were_offered() -> None:
    trace = next(item for item in load(TRACES / "observations.jsonl") if isinstance(item, Trace))
    assert trace.tools == (Tool("search", "Finds pages.", {"type": "object"}),)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (
            {"input": "system: Be\nbrief.\nuser: Two?\nassistant: None\ntool: 4", "output": "Four."},
            "    system: Be\nbrief.\n    user: Two?\n    tool: 4\n0 agent: Four.",
        ),
        (
            {"input": {"prompt": "Weather?", "system": "Be brief."}, "output": "None"},
            "    system: Be brief.\n    user: Weather?\n0 agent:",
        ),
        (
            {"output": [{"toolCallId": "c", "toolName": "get", "input": '{"a": 1}'}]},
            "0 agent:\n  get({'a': 1}) -> None",
        ),
        (
            {"output": {"candidates": [{"content": {"role": "model", "parts": [{"text": "Hi"}]}}]}},
            "0 agent: Hi",
        ),
        (
            {"output": {"choices": [{"message": {"role": "assistant", "content": "Hi"}}]}},
            "0 agent: Hi",
        ),
        ({"level": "ERROR", "statusMessage": "429"}, "0 agent:\n  failed: 429"),
        ({"output": [1, None, {"role": []}]}, "0 agent:"),
    ],
)
def test_inputs_and_outputs_are_read_in_every_form(more: dict[str, JSON], expected: str) -> None:
    assert only_step(**more) == expected


def test_an_mcp_result_is_its_text_and_its_error() -> None:
    output: JSON = {"content": [{"type": "text", "text": "no city"}], "isError": True}
    tool = {**generation(2, input={"input": {"city": "X"}}, output=output), "type": "TOOL", "name": "weather"}
    call = one_trace([generation(1, output="Looking."), tool]).steps[0].tool_calls[0]
    assert (call.arguments, call.result, call.error) == ({"city": "X"}, "no city", "no city")


def test_two_traces_in_one_export_are_two_runs() -> None:
    rows = [generation(1, output="a"), {**generation(2, output="b"), "traceId": "u"}]
    assert [item.id for item in load(rows) if isinstance(item, Trace)] == ["t", "u"]


def test_an_execution_answers_the_call_with_its_arguments_though_another_step_called_last() -> None:
    def called(number: int, city: str) -> dict[str, JSON]:
        call: JSON = {"id": city, "function": {"name": "weather", "arguments": json.dumps({"city": city})}}
        return generation(number, output={"role": "assistant", "content": "", "tool_calls": [call]})

    def ran(number: int, city: str) -> dict[str, JSON]:
        return {
            **generation(number, input={"city": city}, output=f"rain in {city}"),
            "type": "TOOL",
            "name": "weather",
        }

    trace = one_trace([called(1, "Oslo"), called(2, "Rome"), ran(3, "Oslo"), ran(4, "Rome")])
    assert [call.result for _, call in trace.calls()] == ["rain in Oslo", "rain in Rome"]


def test_an_agent_that_began_before_the_one_around_it_is_read_nevertheless() -> None:
    outer = {**generation(5), "type": "AGENT", "name": "outer"}
    inner = {**generation(1), "type": "AGENT", "name": "inner", "parentObservationId": "g5"}
    answer = {**generation(2, output="Hi"), "parentObservationId": "g1"}
    assert [(step.agent, step.text) for step in one_trace([outer, inner, answer]).steps] == [("inner", "Hi")]


def test_an_agent_of_pydantic_ai_before_it_followed_the_conventions_is_an_agent() -> None:
    attributes: JSON = {"agent_name": "critic", "pydantic_ai.all_messages": "[]", "final_result": "Good"}
    agent = {**generation(1), "type": "SPAN", "name": "critic run", "metadata": {"attributes": attributes}}
    answer = {**generation(2, output="It is good."), "parentObservationId": "g1"}
    trace = one_trace([agent, answer])
    assert (trace.agents, trace.final_answer) == (("critic",), "Good")


@pytest.mark.parametrize("wrong", [7, [], {"a": []}, "x", None])
def test_fields_of_wrong_types_are_no_reason_to_fail(wrong: JSON) -> None:
    fields = ("type", "name", "input", "output", "metadata", "usageDetails", "startTime", "level", "traceId")
    for field in fields:
        items = list(load([generation(1, output="Hi") | {field: wrong}], "langfuse"))
        assert all(isinstance(item, Trace) or "its fault" not in item.reason for item in items)


def test_the_events_of_beeai_are_one_span_for_each_model_call_and_tool() -> None:
    def event(number: int, kind: str, name: str, **attributes: JSON) -> dict[str, JSON]:
        metadata: JSON = {
            "scope": {"name": "openinference.instrumentation.beeai"},
            "attributes": {"openinference.span.kind": kind, **attributes},
        }
        kinds = {"LLM": "GENERATION"}
        found = generation(number, metadata=metadata) | {"type": kinds.get(kind, "SPAN"), "name": name}
        return found | {"parentObservationId": "g1" if number > 1 else None}

    def asked(text: str) -> dict[str, JSON]:
        return {"llm.input_messages.0.message.role": "user", "llm.input_messages.0.message.content": text}

    rows = [
        event(
            1,
            "AGENT",
            "main",
            source="ReActAgent",
            **{"output.value": "{'role': 'assistant', 'text': 'Rain.'}"},
        ),
        event(2, "LLM", "chat.start-1", target="backend.chat.start", **asked("Oslo?")),
        event(3, "AGENT", "agent.react.update-1", target="agent.react.update", thought="Look."),
        event(
            4,
            "AGENT",
            "agent.react.update-2",
            target="agent.react.update",
            **{"tool.name": "Weather", "tool.parameters": '{"city": "Oslo"}'},
        ),
        event(5, "TOOL", "tool.weather.start-1", target="tool.weather.start"),
        event(6, "TOOL", "tool.weather.success-1", target="tool.weather.success", **{"output.value": "rain"}),
        event(7, "LLM", "chat.start-2", target="backend.chat.start", **asked("Oslo?")),
        event(8, "LLM", "backend.chat.success-2"),
        event(9, "AGENT", "agent.react.success-1", target="agent.react.success", **{"output.value": "Rain."}),
    ]
    assert outline(rows) == (
        "langfuse t\n"
        "task: Oslo?\n"
        "    user: Oslo?\n"
        "0 ReActAgent:\n"
        "  thinks: Look.\n"
        "  Weather({'city': 'Oslo'}) -> rain\n"
        "1 ReActAgent: Rain.\n"
        "answer: Rain."
    )


def test_calls_that_koog_wrote_as_text_are_calls() -> None:
    call = '[{"function":{"name":"Hello","arguments":"{}"},"id":"c1","type":"function"}]'
    said: JSON = {"gen_ai.completion.0.role": "tool", "gen_ai.completion.0.content": call}
    ran: JSON = {"gen_ai.tool.name": "Hello", "gen_ai.tool.call.id": "c1", "output.value": "Hi Bob"}
    model = generation(1, metadata={"attributes": said})
    tool = generation(2, metadata={"attributes": ran}) | {"type": "SPAN", "name": "tool.Hello"}
    step = one_trace([model, tool]).steps[0]
    assert (step.text, [(call.name, call.result) for call in step.tool_calls]) == ("", [("Hello", "Hi Bob")])
