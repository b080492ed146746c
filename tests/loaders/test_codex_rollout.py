from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from pisama.trace import JSON
from tests.loaders.golden import TRACES, assert_golden, assert_survives, problems, recognised
from tests.loaders.hostile import records
from tests.loaders.outline import one_trace

FOLDER = TRACES / "codex_rollout"


def test_threads_of_sub_agents_are_steps_below_the_call_that_spawned_them() -> None:
    assert recognised(FOLDER / "threads.jsonl") == "codex-rollout"
    assert_golden(FOLDER / "threads.jsonl", "threads.txt")


def test_a_rollout_of_bare_items_is_read_like_one_in_envelopes() -> None:
    assert recognised(FOLDER / "bare.jsonl") == "codex-rollout"
    assert_golden(FOLDER / "bare.jsonl", "bare.txt")


def lines(*rows: JSON) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def envelope(kind: str, **payload: JSON) -> JSON:
    return {"timestamp": "2026-02-03T10:00:00Z", "type": kind, "payload": payload}


def said(text: str, role: str = "assistant") -> JSON:
    return envelope(
        "response_item", type="message", role=role, content=[{"type": "output_text", "text": text}]
    )


def counted(tokens: int) -> JSON:
    total: dict[str, JSON] = {
        "total_token_usage": {"input_tokens": tokens, "output_tokens": 1, "cached_input_tokens": 0}
    }
    return envelope("event_msg", type="token_count", info=total)


def test_a_thread_of_its_own_is_a_run_of_its_own() -> None:
    rows = (FOLDER / "threads.jsonl").read_text().splitlines(keepends=True)
    trace = one_trace("".join(rows[-5:]))
    assert (trace.task, trace.agents, trace.steps[0].parent) == ("Read the log", ("Ada",), None)


def test_tokens_that_are_counted_before_the_response_is_written_belong_to_it() -> None:
    header = envelope("session_meta", id="t")
    trace = one_trace(
        lines(header, counted(10), said("one"), counted(10), said("x", "user"), counted(25), said("two"))
    )
    assert [step.usage.input_tokens for step in trace.steps if step.usage] == [10, 15]


def test_an_aborted_turn_and_a_failed_request_are_the_outcome() -> None:
    header = envelope("session_meta", id="t")
    aborted = one_trace(
        lines(header, said("one"), envelope("event_msg", type="turn_aborted", reason="interrupted"))
    )
    assert aborted.outcome == "aborted"
    failed = one_trace(lines(header, envelope("event_msg", type="error", message="stream disconnected")))
    assert (failed.outcome, failed.steps[0].error) == ("error", "stream disconnected")


def test_a_call_that_still_runs_leaves_the_run_unfinished() -> None:
    call = envelope("response_item", type="function_call", name="shell", arguments="{}", call_id="c")
    assert not one_trace(lines(envelope("session_meta", id="t"), call)).complete


def test_a_forked_rollout_that_repeats_the_header_of_its_origin_is_one_run() -> None:
    fork = envelope("session_meta", id="new", forked_from_id="old")
    trace = one_trace(lines(fork, envelope("session_meta", id="old"), said("again")))
    assert (trace.id, len(trace.steps)) == ("new", 1)


def test_threads_that_call_each_other_parent_are_read_once() -> None:
    ring = [envelope("session_meta", id=a, parent_thread_id=b) for a, b in (("a", "b"), ("b", "a"))]
    assert len(one_trace(lines(ring[0], said("one"), ring[1], said("two"))).steps) == 2


def test_a_line_of_no_known_type_is_named_and_the_rest_is_read() -> None:
    rollout = (FOLDER / "bare.jsonl").read_text() + '{"colour": "red"}\n7\n'
    assert problems(rollout, "codex-rollout") == ["9: a line of no known type", "10: not an object"]


NAMES = (
    "type",
    "payload",
    "timestamp",
    "id",
    "role",
    "content",
    "text",
    "name",
    "arguments",
    "call_id",
    "output",
    "summary",
    "info",
    "total_token_usage",
    "input_tokens",
    "output_tokens",
    "instructions",
    "record_type",
    "parent_thread_id",
    "source",
    "model",
    "usage",
    "item",
)
WORDS = (
    "session_meta",
    "response_item",
    "event_msg",
    "turn_context",
    "message",
    "function_call",
    "function_call_output",
    "reasoning",
    "token_count",
    "user",
    "assistant",
    "th-1",
    "spawn_agent",
)


@given(st.lists(records(NAMES, WORDS), max_size=6))
def test_no_input_at_all_makes_it_raise(values: list[JSON]) -> None:
    assert_survives("codex-rollout", values)
