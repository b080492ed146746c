"""Habits of emitters of spans, each in a small run of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from pisama.loaders.span_traces import assemble
from pisama.loaders.spans import SpanEvent, SpanRecord
from pisama.trace import JSON, Trace, Usage


def span(
    number: int,
    parent: int | None,
    name: str,
    attributes: Mapping[str, JSON] | None = None,
    *events: SpanEvent,
    end: int | None = None,
    failure: str | None = None,
) -> SpanRecord:
    """A span that begins at the second that is its id, and ends one second later."""
    return SpanRecord(
        trace_id="t",
        id=str(number),
        parent_id=None if parent is None else str(parent),
        name=name,
        start=number,
        end=number + 1 if end is None else end,
        status="error" if failure else None,
        status_message=failure,
        attributes=attributes or {},
        events=events,
    )


def read(*spans: SpanRecord) -> Trace:
    (trace,) = assemble(spans, format_id="otlp")
    return trace


def called(trace: Trace) -> list[tuple[str, str, list[tuple[str, JSON, str | None, str | None]]]]:
    """Who said what in each step, and the calls with what came back."""
    return [
        (
            step.agent,
            step.text,
            [(call.name, call.arguments, call.result, call.error) for call in step.tool_calls],
        )
        for step in trace.steps
    ]


def adk_call(
    number: int, parent: int, given: list[JSON], said: list[JSON], instruction: str = "Be brief."
) -> SpanRecord:
    """A model call of ADK 1: the request and the response as JSON texts, without an operation name."""
    request: JSON = {
        "model": "m",
        "config": {
            "system_instruction": instruction,
            "tools": [{"function_declarations": [{"name": "find", "parameters": {"type": "OBJECT"}}]}],
        },
        "contents": given,
    }
    response: JSON = {"content": {"role": "model", "parts": said}, "finish_reason": "STOP"}
    return span(
        number,
        parent,
        "call_llm",
        {
            "gen_ai.system": "gcp.vertex.agent",
            "gcp.vertex.agent.llm_request": json.dumps(request),
            "gcp.vertex.agent.llm_response": json.dumps(response),
            "gen_ai.usage.input_tokens": 10 * number,
            "gen_ai.usage.output_tokens": number,
        },
    )


def adk_tool(number: int, parent: int, name: str, arguments: JSON, answer: JSON) -> SpanRecord:
    return span(
        number,
        parent,
        f"execute_tool {name}",
        {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": name,
            "gen_ai.tool.call.id": f"adk-{number}",
            "gcp.vertex.agent.tool_call_args": json.dumps(arguments),
            "gcp.vertex.agent.tool_response": json.dumps(answer),
            "gcp.vertex.agent.llm_request": "{}",
            "gcp.vertex.agent.llm_response": "{}",
        },
    )


ASKED: JSON = {"role": "user", "parts": [{"text": "Where is order 17?"}]}
ASKS: JSON = {"function_call": {"name": "ask_shipping", "args": {"request": "order 17"}}}
ANSWERED: JSON = {"function_response": {"name": "ask_shipping", "response": {"result": "In Oslo."}}}


def test_spans_of_adk_1_are_agents_and_model_calls_though_they_name_no_operation() -> None:
    find: JSON = {"function_call": {"name": "find", "args": {"order": 17}}}
    found: JSON = {"function_response": {"name": "find", "response": {"result": "Oslo"}}}
    trace = read(
        span(1, None, "invocation", end=20),
        span(2, 1, "agent_run [front desk]", end=20),
        adk_call(3, 2, [ASKED], [{"text": "I ask."}, ASKS]),
        adk_tool(4, 3, "ask_shipping", {"request": "order 17"}, {"result": "In Oslo."}),
        span(5, 4, "invocation", end=10),
        span(6, 5, "agent_run [shipping]", end=10),
        adk_call(7, 6, [{"role": "user", "parts": [{"text": "order 17"}]}], [find]),
        adk_tool(8, 7, "find", {"order": 17}, {"result": "Oslo"}),
        adk_call(9, 6, [{"role": "user", "parts": [found]}], [{"text": "In Oslo."}]),
        adk_call(
            11,
            2,
            [
                ASKED,
                {"role": "model", "parts": [{"text": "I ask."}, ASKS]},
                {"role": "user", "parts": [ANSWERED]},
            ],
            [{"text": "It is in Oslo."}],
        ),
    )
    assert called(trace) == [
        ("front desk", "I ask.", [("ask_shipping", {"request": "order 17"}, "In Oslo.", None)]),
        ("shipping", "", [("find", {"order": 17}, "Oslo", None)]),
        ("shipping", "In Oslo.", []),
        ("front desk", "It is in Oslo.", []),
    ]
    assert [(step.recipient, step.parent, step.usage) for step in trace.steps] == [
        ("shipping", None, Usage(30, 3)),
        (None, 0, Usage(70, 7)),
        (None, 0, Usage(90, 9)),
        (None, None, Usage(110, 11)),
    ]
    assert (trace.task, trace.final_answer) == ("Where is order 17?", "It is in Oslo.")
    assert [tool.name for tool in trace.tools or ()] == ["find", "ask_shipping"]
    assert [message.text for message in trace.steps[0].seen] == ["Be brief.", "Where is order 17?"]


def test_a_model_call_of_adk_1_that_failed_is_a_step_though_nothing_else_was_recorded_of_it() -> None:
    trace = read(
        span(1, None, "invocation", end=9),
        span(2, 1, "agent_run [desk]", end=9),
        span(3, 2, "call_llm", failure="500 INTERNAL"),
    )
    assert [(step.agent, step.error) for step in trace.steps] == [("desk", "500 INTERNAL")]


def test_the_span_that_adk_adds_for_tools_run_side_by_side_is_no_call() -> None:
    names = ("find", "count", "(merged tools)")
    trace = read(
        span(1, None, "invoke_agent desk", {"gen_ai.operation.name": "invoke_agent"}, end=9),
        span(2, 1, "generate_content m", {"gen_ai.operation.name": "generate_content"}),
        *(
            span(
                3 + number,
                1,
                f"execute_tool {name}",
                {
                    "gen_ai.operation.name": "execute_tool",
                    "gen_ai.tool.name": name,
                    "gen_ai.tool.call.id": f"c{number}",
                },
            )
            for number, name in enumerate(names)
        ),
    )
    assert [call.name for _, call in trace.calls()] == ["find", "count"]


def strands(kind: str, **fields: JSON) -> SpanEvent:
    """An event whose messages are JSON text of Bedrock's blocks."""
    return SpanEvent(
        f"gen_ai.{kind}",
        {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()},
    )


def test_messages_that_strands_records_as_events_are_read_with_their_calls_and_results() -> None:
    asked = strands("user.message", content=[{"text": "Send the invoice."}])
    use: JSON = [
        {"text": "I send it."},
        {"toolUse": {"toolUseId": "c1", "name": "send", "input": {"amount": -5}}},
        {"toolUse": {"toolUseId": "c2", "name": "send", "input": {"amount": 5}}},
    ]
    results: JSON = [
        {"toolResult": {"toolUseId": "c1", "status": "error", "content": [{"text": "must be positive"}]}},
        {"toolResult": {"toolUseId": "c2", "status": "success", "content": [{"text": "sent"}]}},
    ]
    chat: dict[str, JSON] = {"gen_ai.operation.name": "chat", "gen_ai.system": "strands-agents"}
    agent: dict[str, JSON] = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "clerk"}
    trace = read(
        span(1, None, "invoke_agent clerk", agent, asked, end=9),
        span(2, 1, "chat", chat, asked, strands("choice", message=use, finish_reason="tool_use")),
        span(
            4,
            1,
            "chat",
            chat,
            asked,
            strands("assistant.message", content=use),
            strands("tool.message", content=results),
            strands("choice", message=[{"text": "One was sent."}], finish_reason="end_turn"),
        ),
    )
    assert called(trace) == [
        (
            "clerk",
            "I send it.",
            [
                ("send", {"amount": -5}, "must be positive", "must be positive"),
                ("send", {"amount": 5}, "sent", None),
            ],
        ),
        ("clerk", "One was sent.", []),
    ]
    assert [step.finish_reason for step in trace.steps] == ["tool_use", "end_turn"]


def test_an_agent_called_as_a_tool_of_a_graph_is_named_by_the_metadata_of_langchain() -> None:
    properties = "traceloop.association.properties."

    def call(number: int, agent: str, namespace: str) -> SpanRecord:
        attributes: dict[str, JSON] = {
            "gen_ai.operation.name": "chat",
            f"{properties}lc_agent_name": agent,
            f"{properties}langgraph_checkpoint_ns": namespace,
        }
        return span(number, 1, "ChatOpenAI.chat", attributes)

    top: dict[str, JSON] = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "desk"}
    trace = read(
        span(1, None, "invoke_agent desk", top, end=9),
        call(2, "desk", "model:1"),
        call(3, "shipping", "tools:2|model:3"),
    )
    assert [step.agent for step in trace.steps] == ["desk", "shipping"]


def test_flattened_calls_are_in_the_order_of_their_numbers_whatever_order_a_store_gives_them() -> None:
    prefix = "llm.output_messages.0.message."
    attributes: dict[str, JSON] = {
        f"{prefix}tool_calls.{number}.tool_call.function.{name}": value
        for number in sorted(range(12), key=str)
        for name, value in (("name", f"tool {number}"), ("arguments", "{}"))
    }
    texts: dict[str, JSON] = {
        f"{prefix}contents.{number}.message_content.text": f"{number}" for number in reversed(range(11))
    }
    trace = read(
        span(
            1,
            None,
            "call",
            {"openinference.span.kind": "LLM", f"{prefix}role": "assistant", **attributes, **texts},
        )
    )
    assert [call.name for _, call in trace.calls()] == [f"tool {number}" for number in range(12)]
    assert trace.steps[0].text.split() == [f"{number}" for number in range(11)]


@pytest.mark.parametrize(
    ("name", "kind"), [("Step 1", "CHAIN"), ("model", "CHAIN"), ("execute_event_loop_cycle", None)]
)
def test_a_part_of_a_run_whose_own_span_is_missing_is_no_agent_and_no_task(
    name: str, kind: str | None
) -> None:
    part: dict[str, JSON] = {"openinference.span.kind": kind} if kind else {}
    llm: dict[str, JSON] = {
        "openinference.span.kind": "LLM",
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.content": "Go",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": "Gone",
    }
    trace = read(
        span(2, 1, name, {**part, "input.value": "memory_step=ActionStep(1)", "output.value": "done"}, end=4),
        span(3, 2, "generate", llm),
    )
    assert (trace.task, trace.final_answer, trace.agents) == ("Go", "Gone", ("agent",))
    assert not trace.complete


def test_a_span_that_lost_its_parent_belongs_to_the_only_run_that_it_lies_within() -> None:
    top: dict[str, JSON] = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "desk"}
    chat: dict[str, JSON] = {"gen_ai.operation.name": "chat"}
    within = span(3, 99, "chat", chat, failure="500")
    after = span(12, 99, "chat", chat, failure="500")
    trace = read(span(1, None, "invoke_agent desk", top, end=9), within, after)
    assert [step.agent for step in trace.steps] == ["desk", "agent"]
    trace = read(
        span(1, None, "invoke_agent desk", top, end=9), span(2, None, "invoke_agent twin", top, end=9), within
    )
    assert [step.agent for step in trace.steps if step.error] == ["agent"]


def test_a_client_that_emits_spans_of_its_own_beside_an_instrumentor_is_counted_once() -> None:
    told: dict[str, JSON] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m",
        "gen_ai.output.messages": json.dumps([{"role": "assistant", "content": "Hello"}]),
        "gen_ai.usage.input_tokens": 7,
    }
    own: dict[str, JSON] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m",
        "gen_ai.usage.input_tokens": 7,
    }
    trace = read(
        span(2, 1, "anthropic.chat", told, end=5),
        span(3, 1, "anthropic.messages.create", own, end=4),
        span(6, 1, "anthropic.messages.create", own, end=9),
        span(7, 1, "anthropic.chat", told, end=8),
        span(10, 1, "anthropic.chat", told),
        span(20, 1, "anthropic.messages.create", own),
    )
    assert [step.text for step in trace.steps] == ["Hello", "Hello", "Hello", ""]
    assert [step.span_id for step in trace.steps] == ["2", "7", "10", "20"]


def test_model_calls_side_by_side_that_record_as_much_are_calls_of_their_own() -> None:
    chat: dict[str, JSON] = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
    other: dict[str, JSON] = {**chat, "gen_ai.request.model": "n"}
    trace = read(
        span(1, None, "run", end=9),
        span(2, 1, "chat a", chat, end=9),
        span(3, 1, "chat b", chat, end=9),
        span(4, 1, "chat c", other, end=9),
    )
    assert len(trace.steps) == 3


def test_what_llama_index_does_before_a_model_call_is_no_model_call_and_its_tool_outputs_are_opened() -> None:
    llm: dict[str, JSON] = {"openinference.span.kind": "LLM"}
    said: dict[str, JSON] = {
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "find",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": '{"order": 17}',
    }
    output: JSON = {
        "blocks": [{"text": "no such order"}],
        "tool_name": "find",
        "raw_input": {},
        "is_error": True,
    }
    answer = "StopEvent(result=AgentOutput(response=ChatMessage(text='The order..."
    trace = read(
        span(
            1, None, "AgentWorkflow.run", {"openinference.span.kind": "CHAIN", "output.value": answer}, end=9
        ),
        span(2, 1, "OpenAI._prepare_chat_with_tools", {**llm, "input.value": '{"user_msg": null}'}),
        span(3, 1, "OpenAI.astream_chat", {**llm, **said}),
        span(
            5,
            1,
            "FunctionTool.acall",
            {
                "openinference.span.kind": "TOOL",
                "tool.name": "find",
                "input.value": '{"kwargs": {"order": 17}}',
                "output.value": json.dumps(output),
            },
        ),
        span(7, 1, "OpenAI.astream_chat", {**llm, "output.value": "There is none."}),
    )
    assert called(trace) == [
        ("AgentWorkflow", "", [("find", {"order": 17}, "no such order", "no such order")]),
        ("AgentWorkflow", "There is none.", []),
    ]
    assert trace.final_answer == "There is none."


def test_runs_of_adk_under_openinference_have_the_task_and_the_results_that_gemini_is_given() -> None:
    asked: JSON = {"user_id": "u", "new_message": {"role": "user", "parts": [{"text": "Where is it?"}]}}
    output: JSON = {"id": "c", "name": "find", "response": {"result": "In Oslo."}}
    tool: dict[str, JSON] = {
        "openinference.span.kind": "TOOL",
        "tool.name": "find",
        "output.value": json.dumps(output),
    }
    trace = read(
        span(
            1,
            None,
            "invocation [desk]",
            {"openinference.span.kind": "CHAIN", "input.value": json.dumps(asked)},
            end=9,
        ),
        span(2, 1, "agent_run [desk]", {"openinference.span.kind": "AGENT", "agent.name": "desk"}, end=9),
        span(3, 2, "execute_tool find", tool),
    )
    assert trace.task == "Where is it?"
    assert [(step.agent, call.name, call.result) for step, call in trace.calls()] == [
        ("desk", "find", "In Oslo.")
    ]


def test_a_text_that_the_vercel_ai_sdk_wrote_as_json_is_the_text() -> None:
    called: dict[str, JSON] = {
        "ai.operationId": "ai.toolCall",
        "ai.toolCall.name": "find",
        "ai.toolCall.args": '{"order": 17}',
        "ai.toolCall.result": json.dumps('{"place": "Oslo"}'),
    }
    trace = read(
        span(1, None, "ai.generateText.doGenerate", {"ai.operationId": "ai.generateText.doGenerate"}),
        span(2, None, "ai.toolCall", called),
    )
    assert [(call.arguments, call.result) for _, call in trace.calls()] == [
        ({"order": 17}, '{"place": "Oslo"}')
    ]
