from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

import pisama
from pisama.trace import JSON
from tests.loaders.golden import TRACES, assert_golden, assert_survives, problems, recognised
from tests.loaders.hostile import records
from tests.loaders.outline import one_trace

FOLDER = TRACES / "gemini_cli"


def test_turns_that_old_versions_merged_into_one_message_are_told_apart_by_the_times_of_their_calls() -> None:
    assert recognised(FOLDER / "merged.json") == "gemini-cli-session"
    assert_golden(FOLDER / "merged.json", "merged.txt")


def test_a_log_is_read_as_its_changes_leave_it_with_sub_agents_below_their_calls() -> None:
    assert recognised(FOLDER / "sub_agent.jsonl") == "gemini-cli-session"
    assert_golden(FOLDER / "sub_agent.jsonl", "sub_agent.txt")


def test_a_sub_agent_by_itself_is_a_run_with_the_whole_loop() -> None:
    header: dict[str, JSON] = {"sessionId": "s", "projectHash": "h", "kind": "subagent"}
    failed: list[JSON] = [{"functionResponse": {"response": {"error": "report must be object"}}}]
    rows = [
        {
            "id": f"m{n}",
            "type": "gemini",
            "content": "",
            "toolCalls": [
                {
                    "id": f"s#{n}-0",
                    "name": "complete_task",
                    "args": {"report": "x"},
                    "status": "error",
                    "result": failed,
                }
            ],
        }
        for n in range(50)
    ]
    trace = one_trace("".join(json.dumps(row) + "\n" for row in (header, *rows)))
    assert [len(step.tool_calls) for step in trace.steps] == [1] * 50
    assert trace.agents == ("subagent",)
    issue = next(issue for issue in pisama.analyze(trace).issues if issue.type == "loop")
    assert "50" in issue.summary


def test_sessions_that_call_each_other_are_read_once() -> None:
    def session(name: str, other: str) -> JSON:
        call: dict[str, JSON] = {
            "id": f"c-{name}",
            "name": "invoke_agent",
            "args": {},
            "agentId": other,
            "status": "success",
        }
        message: dict[str, JSON] = {"id": "m", "type": "gemini", "content": "", "toolCalls": [call]}
        return {"sessionId": name, "projectHash": "h", "messages": [message]}

    assert len(one_trace([session("a", "b"), session("b", "a")]).steps) == 2


def test_a_session_of_the_fork_qwen_code_is_read_alike() -> None:
    messages: list[JSON] = [
        {"id": "1", "type": "user", "content": "Hi"},
        {"id": "2", "type": "qwen", "content": "Hello."},
    ]
    trace = one_trace({"sessionId": "s", "projectHash": "h", "messages": messages})
    assert [step.text for step in trace.steps] == ["Hello."]


def test_a_session_of_notices_alone_has_no_steps() -> None:
    messages: list[JSON] = [{"id": "1", "type": "warning", "content": "Low disk"}]
    trace = one_trace({"sessionId": "s", "projectHash": "h", "messages": messages})
    assert (trace.steps, trace.task) == ((), None)


def test_what_is_neither_a_message_nor_a_change_is_named() -> None:
    log = (FOLDER / "sub_agent.jsonl").read_text() + '{"colour": "red"}\n'
    assert problems(log, "gemini-cli-session") == ["15: neither a message nor a change"]
    session: dict[str, JSON] = {"sessionId": "s", "projectHash": "h", "messages": [7]}
    assert problems(session, "gemini-cli-session") == ["/messages/0: not a message"]


NAMES = (
    "sessionId",
    "projectHash",
    "messages",
    "id",
    "type",
    "content",
    "text",
    "toolCalls",
    "name",
    "args",
    "result",
    "functionResponse",
    "response",
    "output",
    "error",
    "status",
    "timestamp",
    "tokens",
    "input",
    "agentId",
    "agent_name",
    "$set",
    "$rewindTo",
    "kind",
    "thoughts",
)
WORDS = ("gemini", "user", "info", "error", "g-1", "g-2", "subagent", "success", "invoke_agent")


@given(st.lists(records(NAMES, WORDS), max_size=6))
def test_no_input_at_all_makes_it_raise(values: list[JSON]) -> None:
    assert_survives("gemini-cli-session", values)
