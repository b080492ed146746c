from __future__ import annotations

import shutil
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

import pisama
from pisama.loaders import load
from pisama.trace import JSON, Usage
from tests.loaders.golden import TRACES, assert_golden, assert_survives, problems, recognised
from tests.loaders.hostile import records
from tests.loaders.outline import one_trace

FOLDER = TRACES / "openhands_sdk"


def test_actions_of_one_response_are_one_step_and_exit_codes_tell_failures() -> None:
    assert recognised(FOLDER / "events.json") == "openhands-sdk"
    assert_golden(FOLDER / "events.json", "events.txt")


def test_a_folder_of_events_with_its_base_state_is_one_run_with_tokens_and_model() -> None:
    assert_golden(FOLDER / "conversation", "conversation.txt")
    (step,) = one_trace(FOLDER / "conversation").steps
    assert (step.model, step.usage) == ("m", Usage(10, 1))


def test_a_false_claim_that_a_call_delivers_is_found() -> None:
    events = [
        {
            "kind": "MessageEvent",
            "source": "user",
            "llm_message": {"role": "user", "content": "Build and deploy."},
        },
        *failing_build(1),
        *failing_build(2),
        {
            "kind": "ActionEvent",
            "source": "agent",
            "tool_name": "finish",
            "tool_call_id": "c3",
            "tool_call": {"arguments": '{"message": "The build now passes and everything is deployed."}'},
            "action": {"kind": "FinishAction", "message": "The build now passes and everything is deployed."},
        },
    ]
    assert "hallucination" in {issue.type for issue in pisama.analyze(one_trace(events)).issues}


def failing_build(number: int) -> list[dict[str, JSON]]:
    name: dict[str, JSON] = {"tool_name": "terminal", "tool_call_id": f"c{number}"}
    call: dict[str, JSON] = {"arguments": '{"command": "/bin/bash -lc \'make build\'"}'}
    content: list[JSON] = [{"type": "text", "text": "make: *** [build] Error 2"}]
    return [
        {"kind": "ActionEvent", "source": "agent", "tool_call": call, **name},
        {
            "kind": "ObservationEvent",
            "source": "environment",
            "observation": {"content": content, "exit_code": 2, "is_error": False},
            **name,
        },
    ]


def test_a_folder_of_several_conversations_is_several_runs(tmp_path: Path) -> None:
    for name in ("one", "two"):
        shutil.copytree(FOLDER / "conversation", tmp_path / name)
    assert [getattr(item, "id", item) for item in load(tmp_path)] == ["conv-1", "conv-1"]


def test_a_failed_conversation_is_a_failed_step() -> None:
    failed: dict[str, JSON] = {
        "kind": "ConversationErrorEvent",
        "source": "environment",
        "code": "LLMError",
        "detail": "no credit",
    }
    trace = one_trace([failed])
    assert (trace.outcome, trace.steps[0].error) == ("error", "LLMError: no credit")


def test_what_is_no_event_is_named() -> None:
    events: list[JSON] = [{"kind": "PauseEvent", "source": "user"}, {"colour": "red"}]
    assert problems(events, "openhands-sdk") == ["/1: not an event of a conversation"]


NAMES = (
    "kind",
    "source",
    "id",
    "llm_message",
    "role",
    "content",
    "text",
    "tool_name",
    "tool_call_id",
    "tool_call",
    "arguments",
    "action",
    "thought",
    "observation",
    "exit_code",
    "is_error",
    "error",
    "llm_response_id",
    "execution_status",
    "agent",
    "llm",
    "model",
    "stats",
    "usage_to_metrics",
    "token_usages",
    "key",
    "value",
    "tools",
    "title",
)
WORDS = (
    "ActionEvent",
    "ObservationEvent",
    "MessageEvent",
    "AgentErrorEvent",
    "SystemPromptEvent",
    "Condensation",
    "agent",
    "user",
    "finish",
    "r1",
    "c1",
    "finished",
    "full_state",
)


@given(st.lists(records(NAMES, WORDS), max_size=6))
def test_no_input_at_all_makes_it_raise(values: list[JSON]) -> None:
    assert_survives("openhands-sdk", values)
