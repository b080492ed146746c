from __future__ import annotations

import shutil
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

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


def test_a_folder_of_several_conversations_is_several_runs(tmp_path: Path) -> None:
    for name in ("one", "two"):
        shutil.copytree(FOLDER / "conversation", tmp_path / name)
    assert [getattr(item, "id", item) for item in load(tmp_path)] == ["conv-1", "conv-1"]


def test_a_failed_conversation_is_a_failed_step() -> None:
    failed: JSON = {
        "kind": "ConversationErrorEvent",
        "source": "environment",
        "code": "LLMError",
        "detail": "no credit",
    }
    trace = one_trace([failed])
    assert (trace.outcome, trace.steps[0].error) == ("error", "LLMError: no credit")


def test_what_is_no_event_is_named() -> None:
    events: JSON = [{"kind": "PauseEvent", "source": "user"}, {"colour": "red"}]
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
