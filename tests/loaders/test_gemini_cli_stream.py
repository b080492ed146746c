from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from pisama.trace import JSON
from tests.loaders.golden import TRACES, assert_golden, assert_survives, problems, recognised
from tests.loaders.hostile import records
from tests.loaders.outline import one_trace

FOLDER = TRACES / "gemini_cli_stream"


def test_pieces_of_text_are_joined_and_results_paired_with_their_calls() -> None:
    assert recognised(FOLDER / "run.jsonl") == "gemini-cli-stream"
    assert_golden(FOLDER / "run.jsonl", "run.txt")


def test_a_failed_run_is_a_failed_step() -> None:
    failed: dict[str, JSON] = {
        "type": "result",
        "status": "error",
        "error": {"type": "quota", "message": "quota exceeded"},
    }
    stream = (FOLDER / "run.jsonl").read_text().splitlines()[:2]
    trace = one_trace("\n".join((*stream, json.dumps(failed))) + "\n")
    assert (trace.outcome, trace.steps[-1].error) == ("error", "quota exceeded")


def test_a_stream_without_its_result_is_not_complete() -> None:
    stream = (FOLDER / "run.jsonl").read_text().splitlines(keepends=True)[:-1]
    assert not one_trace("".join(stream)).complete


def test_a_text_in_many_pieces_takes_linear_time() -> None:
    piece = json.dumps({"type": "message", "role": "assistant", "content": "x" * 20, "delta": True})
    start = (FOLDER / "run.jsonl").read_text().splitlines()[0]
    trace = one_trace("\n".join((start, *[piece] * 20_000)) + "\n")
    assert len(trace.steps[0].text) == 400_000


def test_an_event_without_a_type_is_named() -> None:
    stream = (FOLDER / "run.jsonl").read_text() + '{"colour": "red"}\n'
    assert problems(stream, "gemini-cli-stream") == ["11: an event without a type"]


NAMES = (
    "type",
    "role",
    "content",
    "delta",
    "tool_name",
    "tool_id",
    "parameters",
    "status",
    "output",
    "error",
    "message",
    "stats",
    "input_tokens",
    "output_tokens",
    "session_id",
    "model",
    "timestamp",
)
WORDS = (
    "init",
    "message",
    "tool_use",
    "tool_result",
    "result",
    "error",
    "user",
    "assistant",
    "success",
    "t1",
)


@given(st.lists(records(NAMES, WORDS), max_size=6))
def test_no_input_at_all_makes_it_raise(values: list[JSON]) -> None:
    assert_survives("gemini-cli-stream", values)
