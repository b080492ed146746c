from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pisama.loaders import load, loader, open_document
from pisama.loaders.base import Document
from pisama.loaders.claude_code import ClaudeCodeLoader
from pisama.loaders.claude_code_lines import without_wrappers
from pisama.report import LoadError
from pisama.trace import JSON, Location, Trace, Usage
from tests.loaders.hostile import records
from tests.loaders.outline import one_trace, outline

TRACES = Path(__file__).parents[1] / "traces" / "claude_code"
SAMPLES = Path(__file__).parents[3] / "shared" / "formats" / "claude_code"


def line(kind: str, content: JSON, uuid: str, parent: str | None = None, **more: JSON) -> str:
    message: dict[str, JSON] = {"role": kind, "content": content}
    for name in ("id", "model", "usage", "stop_reason"):
        if name in more:
            message[name] = more.pop(name)
    record: dict[str, JSON] = {"type": kind, "message": message, "uuid": uuid, "parentUuid": parent}
    return json.dumps({**record, "sessionId": "s1", "version": "2.1.0", **more})


def call(call_id: str, name: str = "Bash", **arguments: JSON) -> JSON:
    return [{"type": "tool_use", "id": call_id, "name": name, "input": arguments}]


def result(call_id: str, text: str, **more: JSON) -> JSON:
    return [{"type": "tool_result", "tool_use_id": call_id, "content": text, **more}]


def text(*lines: str) -> str:
    return "\n".join(lines) + "\n"


def test_a_session_becomes_one_step_for_each_response_of_the_model() -> None:
    assert outline(TRACES / "session.jsonl") == (TRACES / "session.txt").read_text().rstrip("\n")


def test_the_sub_agents_of_old_versions_are_steps_of_their_own_below_the_call_that_started_them() -> None:
    assert outline(TRACES / "sidechains.jsonl") == (TRACES / "sidechains.txt").read_text().rstrip("\n")


def test_lines_of_one_response_are_one_step_whose_tokens_count_once() -> None:
    usage: JSON = {"input_tokens": 5, "cache_read_input_tokens": 90, "output_tokens": 7}
    trace = one_trace(
        text(
            line("user", "Say hi", "u1"),
            line("assistant", [{"type": "thinking", "thinking": "Easy."}], "a1", "u1", id="m1", usage=usage),
            line("assistant", [{"type": "text", "text": "Hi."}], "a2", "a1", id="m1", usage=usage),
        )
    )
    (step,) = trace.steps
    assert (step.reasoning, step.text) == ("Easy.", "Hi.")
    assert step.usage == Usage(input_tokens=95, output_tokens=7, cached_tokens=90)
    assert step.at == Location(None, 2)


def test_after_a_rewind_only_the_last_branch_counts() -> None:
    session = text(
        line("user", "Paint it red", "u1"),
        line("assistant", "Which shade?", "a1", "u1", id="m1"),
        line("user", "Dark", "u2", "a1"),
        line("assistant", "Painted dark red.", "a2", "u2", id="m2"),
        line("user", "Light", "u3", "a1"),
        line("assistant", "Painted light red.", "a3", "u3", id="m3"),
    )
    trace = one_trace(session)
    assert [step.text for step in trace.steps] == ["Which shade?", "Painted light red."]
    assert trace.task == "Paint it red"


def test_a_rewind_to_the_very_start_leaves_the_first_prompt_behind() -> None:
    session = text(
        line("user", "Paint it red", "u1"),
        line("assistant", "Done: red.", "a1", "u1", id="m1"),
        line("user", "Paint it blue", "u2"),
        line("assistant", "Done: blue.", "a2", "u2", id="m2"),
    )
    assert outline(session) == (
        "claude-code s1\ntask: Paint it blue\n    user: Paint it blue\n0 claude: Done: blue.\nanswer: Done: blue."
    )


def test_results_of_parallel_calls_are_kept_though_they_hang_on_other_branches() -> None:
    trace = one_trace(
        text(
            line("user", "Look", "u1"),
            line("assistant", call("c1", path="a"), "a1", "u1", id="m1"),
            line("user", result("c1", "first"), "r1", "a1"),
            line("assistant", call("c2", path="b"), "a2", "a1", id="m1"),
            line("user", result("c2", "second"), "r2", "a2"),
            line("assistant", "Both there.", "a3", "r2", id="m2"),
        )
    )
    assert [found.result for _, found in trace.calls()] == ["first", "second"]


def test_the_tree_is_followed_through_lines_that_are_no_messages() -> None:
    trace = one_trace(
        text(
            line("user", "Go", "u1"),
            '{"type":"attachment","uuid":"x1","parentUuid":"u1","sessionId":"s1","attachment":{"secret":"skill text"}}',
            line("assistant", "Gone.", "a1", "x1", id="m1"),
        )
    )
    assert [step.text for step in trace.steps] == ["Gone."]
    assert "skill text" not in str(trace)


def test_a_parent_that_is_not_in_the_file_means_the_line_before() -> None:
    trace = one_trace(
        text(line("user", "Go", "u1"), line("assistant", "Gone.", "a1", "not-there", id="m1")),
    )
    assert trace.task == "Go"


def test_a_failed_call_of_the_model_is_an_error_of_the_step() -> None:
    trace = one_trace(
        text(
            line("user", "Go", "u1"),
            line("assistant", "Overloaded", "a1", "u1", model="<synthetic>", isApiErrorMessage=True),
        )
    )
    (step,) = trace.steps
    assert (step.error, step.text, step.model, step.usage) == ("Overloaded", "", None, None)


def test_what_the_program_wraps_around_a_prompt_is_not_the_task() -> None:
    prompt = "<command-name>/clear</command-name>\n<system-reminder>Be kind.</system-reminder>"
    trace = one_trace(
        text(
            line("user", prompt, "u0"),
            line("user", "Caveat", "u1", "u0", isMeta=True),
            line("user", f"{prompt} Fix the bug", "u2", "u1"),
            line("assistant", "Fixed.", "a1", "u2", id="m1"),
        )
    )
    assert trace.task == "Fix the bug"


def test_a_slash_command_is_the_task_when_there_is_no_other() -> None:
    prompt = "<command-name>/review</command-name><command-args>pull 12</command-args>"
    trace = one_trace(text(line("user", prompt, "u0"), line("assistant", "Reviewed.", "a1", "u0", id="m1")))
    assert trace.task == "/review pull 12"


def test_a_run_that_waits_for_a_result_is_not_complete() -> None:
    trace = one_trace(text(line("user", "Go", "u1"), line("assistant", call("c1"), "a1", "u1", id="m1")))
    assert (trace.complete, trace.final_answer) == (False, None)


def test_a_truncated_last_line_is_not_an_error() -> None:
    whole = text(line("user", "Go", "u1"), line("assistant", "Gone.", "a1", "u1", id="m1"))
    trace = one_trace(whole + '{"type":"assistant","mess')
    assert (trace.complete, len(trace.steps)) == (False, 1)


def test_a_run_is_aborted_only_if_the_agent_did_not_go_on() -> None:
    start = (line("user", "Go", "u1"), line("assistant", "Going.", "a1", "u1", id="m1"))
    stop = line("user", [{"type": "text", "text": "[Request interrupted by user]"}], "u2", "a1")
    more = (line("user", "Go on", "u3", "u2"), line("assistant", "Gone.", "a2", "u3", id="m2"))
    assert one_trace(text(*start, stop)).outcome == "aborted"
    assert one_trace(text(*start, stop, *more)).outcome is None


def test_two_sessions_in_one_file_are_two_traces() -> None:
    session = text(line("user", "One", "u1"), line("assistant", "1", "a1", "u1", id="m1"))
    other = session.replace('"s1"', '"s2"').replace('"u1"', '"u9"').replace('"a1"', '"a9"')
    assert [item.id for item in load(session + other) if isinstance(item, Trace)] == ["s1", "s2"]


def test_a_bad_line_is_named_and_the_rest_is_read() -> None:
    session = text(
        line("user", "Go", "u1"), "42", '{"type":"user","sessionId":"s1","uuid":"u2","message":"no"}'
    )
    problems = [item for item in load(session, "claude-code") if isinstance(item, LoadError)]
    assert [(problem.reason, problem.at.line) for problem in problems] == [
        ("not an object", 2),
        ("a line of type user without a message", 3),
    ]


@pytest.mark.parametrize(
    ("given_text", "left"),
    [
        ("plain", "plain"),
        ("<system-reminder>a</system-reminder>b", "b"),
        ("a <ide_selection>x</ide_selection> b", "a  b"),
        ("<system-reminder>never closed", "<system-reminder>never closed"),
    ],
)
def test_wrappers_are_cut_out_of_a_prompt(given_text: str, left: str) -> None:
    assert without_wrappers(given_text) == left


def test_many_unclosed_wrappers_take_linear_time() -> None:
    hostile = "<system-reminder>" * 200_000
    assert without_wrappers(hostile) == hostile


def test_many_lines_on_one_long_chain_of_bookkeeping_take_linear_time() -> None:
    chain = [
        f'{{"type":"progress","uuid":"p{n}","parentUuid":"p{n - 1}","sessionId":"s1"}}' for n in range(20_000)
    ]
    said = [line("assistant", "x", f"a{n}", "p19999", id=f"m{n}") for n in range(20_000)]
    assert len(one_trace(text(*chain, *said)).steps) == 20_000


NAMES = (
    *(
        "type",
        "message",
        "uuid",
        "parentUuid",
        "sessionId",
        "isSidechain",
        "agentId",
        "toolUseResult",
        "timestamp",
    ),
    *(
        "role",
        "content",
        "id",
        "model",
        "usage",
        "name",
        "input",
        "tool_use_id",
        "is_error",
        "text",
        "isMeta",
    ),
    *("isApiErrorMessage", "isCompactSummary", "input_tokens", "agentType", "prompt", "version"),
)
WORDS = (
    "user",
    "assistant",
    "tool_use",
    "tool_result",
    "thinking",
    "text",
    "Task",
    "system",
    "s1",
    "u1",
    "u2",
)


@given(st.lists(records(NAMES, WORDS), max_size=8))
def test_no_lines_at_all_make_it_raise(values: list[JSON]) -> None:
    document = open_document([dict(value) if isinstance(value, dict) else value for value in values])
    assert isinstance(document, Document)
    assert 0 <= ClaudeCodeLoader().sniff(document) <= 1
    for item in ClaudeCodeLoader().load(document):
        assert isinstance(item, Trace | LoadError)


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample sessions are not on this machine")
def test_sessions_of_every_generation_are_recognised_and_read() -> None:
    chosen = loader("claude-code")
    assert chosen is not None
    for path in sorted(SAMPLES.glob("gen*/**/*.jsonl")):
        document = open_document(path)
        assert isinstance(document, Document)
        assert chosen.sniff(document) > 0.9, path
        (trace,) = chosen.load(document)
        assert isinstance(trace, Trace)
        assert trace.steps, path
        assert all(found.result is not None for _, found in trace.calls()), path


def test_sub_agents_that_were_only_warmed_up_are_left_out_of_a_run() -> None:
    warmed = [
        line("user", "Warmup", "w1", isSidechain=True, agentId="a"),
        line("assistant", "OK.", "w2", "w1", id="m0", isSidechain=True, agentId="a"),
    ]
    main = [line("user", "Say hi", "u1"), line("assistant", "Hi.", "a1", "u1", id="m1")]
    assert one_trace(text(*warmed, *main)).agents == ("claude",)
    assert one_trace(text(*warmed)).agents == ("subagent",)
