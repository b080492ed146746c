"""The runs behind the samples tell their story: what failed in them is found, and nothing else.

File names say what was run: `toolerr` and `err` a tool that fails until the agent claims success, `maxsteps` and
`limit` a run that goes round in circles until it is stopped, `llmerr` a provider that rejects the request, `length`
an output cut off, `badargs` arguments that are cut JSON, `multi` several agents, `par` parallel calls of which one fails.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from pisama.issue import Issue
from pisama.outcomes import outcome_of
from pisama.report import TraceReport
from tests.loaders.shared_samples import SAMPLES, first, matching, needs_samples, report

pytestmark = needs_samples

HIGH, MEDIUM = 60, 40

NO_CLAIM = "the failing call ended the run, so nothing was claimed"
NO_RESULTS = "what the model returned only; results of tools are not recorded"
NO_WORDS = "what was said is not recorded"
NO_ANSWER = "the limit on steps ended the run, so nothing was claimed"

FAILING_TOOL = (
    "*/toolerr*",
    "*_toolerr*",
    "*tool_errors*",
    "*/gen/ERR.*",
    "*/err.*",
    "*_err.*",
    "*_ERR.*",
    "claude_code/gen_1.0.60/203e14e5*",
    "claude_code/gen_1.0.60/7cea0ffc*",  # meant to be clean, but its edit is missing: the tests it says pass fail
    "claude_code/gen_2.0.30/f22b7cb8*",
    "codex/gen_0.47.0/*01a20773-cd36*",
    "codex/gen_0.98.0/*01a20773-e74b*",
    "copilot_cli/CONSTRUCTED_events.jsonl",
    "dify/CONSTRUCTED_node_executions.json",
    "dify/CONSTRUCTED_sse*",
    "flowise/*",
    "gemini_cli/gen_0.22.4/*c2b1be4c*",
    "gemini_cli/gen_0.61/session-*-b72bb6f6.jsonl",
    "inspect_ai/gen/toolerr_json/*",
    "openai_agents/sessions_*.sqlite",
    "pi_agent/*",
)
"""Runs in which a tool fails and success is claimed all the same."""

BOTH = frozenset({"failure", "claim"})
FAILURE = frozenset({"failure"})
NOTHING: frozenset[str] = frozenset()
LESS: Mapping[str, tuple[frozenset[str], str]] = {
    "adk/toolerr.events.jsonl": (FAILURE, NO_CLAIM),
    "otel_genai/pydantic_ai/*toolerr*": (FAILURE, NO_CLAIM),
    "otlp_variants/genai_toolerr.*": (FAILURE, NO_CLAIM),
    "pydantic_ai/*toolerr.aborted*": (NOTHING, "the messages end with the call; its error is not among them"),
    "anthropic/toolerr.responses.json": (NOTHING, NO_RESULTS),
    "openai_responses/toolerr.responses.json*": (NOTHING, NO_RESULTS),
    "claude_code_stream/result_*": (NOTHING, "the last line of a run: its answer and what it cost"),
    "crewai/toolerr.output_log.json": (NOTHING, "the answers of tasks only, no calls"),
    "openai_agents/toolerr_responses.export.jsonl": (FAILURE, NO_WORDS),
    "otel_genai/autogen_native/*": (FAILURE, NO_WORDS),
    "otel_genai/openai_v2/openai_v2_toolerr.console.jsonl": (FAILURE, NO_WORDS),
    "otel_genai/openai_v2/openai_v2_toolerr.otlp.jsonl": (FAILURE, NO_WORDS),
    "otel_genai/openai_v2/openai_v2_toolerr_old.console.jsonl": (FAILURE, NO_WORDS),
    "smolagents/toolerr.*": (FAILURE, NO_ANSWER),
    "*/smolagents_toolerr.*": (FAILURE, NO_ANSWER),
    "aider/edit_errors*": (NOTHING, "two different edits fail, and the agent says that it could not"),
    "mini_swe_agent/gen/ERR.traj.json": (
        FAILURE,
        "the run ends in messages without a call and claims nothing",
    ),
}
"""What can be seen of a failing tool where it is less than the failure and the false claim, and why."""

OTHER_FAILURES: Mapping[str, str] = {
    "ag2/ok.*": "the answer is given four times, until the limit on turns",
    "autogen/m1.messages_dump.json": "the orchestrator sends the same plan three times",
    "gemini_cli/gen_0.61/*f72a61de*": "the sub-agent that makes the same failing call fifty times",
    "inspect_ai/gen/limit_*": "a loop that a limit ends",
    "inspect_ai/log_message_deduplication.eval": "the same call with the same result, five times",
    "*maxsteps*": "a loop that a limit ends",
    "langchain/checkpoints.sqlite": "one of its two runs ends on a failing call",
    "*par.*list_runs.jsonl": "the failing call of the two ends the run",
    "*par.run_collector.jsonl": "the failing call of the two ends the run",
    "openinference/langgraph/langgraph_oi_par*": "the failing call of the two ends the run",
    "openhands/*output.jsonl": "runs on real software that failed",
    "swe_agent/*": "runs on real software",
    "tau2_bench/gen/mock_results.json": "a run that gets the task wrong",
    "who_and_when/*": "runs that failed, from a collection of such runs",
}
"""Samples of other stories in which a tool fails, a loop turns, or something is claimed that was not done."""


def _kinds(issues: tuple[Issue, ...]) -> frozenset[str]:
    found = set()
    for issue in issues:
        if issue.type in ("tool_error", "loop"):
            found.add("failure")
        elif issue.signal == "claimed_after_error" and issue.severity >= HIGH:
            found |= BOTH  # it tells what failed; a failure that is only ignored is no further issue
    return frozenset(found)


def _types(path: str) -> set[str]:
    return {issue.type for issue in report(path).issues}


@pytest.mark.parametrize("path", matching(FAILING_TOOL, ("claude_code/gen/api_error.jsonl",)))
def test_the_failing_tool_and_the_false_claim_are_found(path: str) -> None:
    expected, _ = first(LESS, path) or (BOTH, "")
    issues = report(path).issues
    assert _kinds(issues) == expected, [issue.summary for issue in issues]
    if "failure" in expected:
        assert any(_failing(examined) & _shown(examined) for examined in report(path).traces)


def _failing(examined: TraceReport) -> set[tuple[int, int]]:
    """Step and number of each failed call."""
    return {
        (step.index, number)
        for step in examined.trace.steps
        for number, call in enumerate(step.tool_calls)
        if outcome_of(call).failed
    }


def _shown(examined: TraceReport) -> set[tuple[int | None, int | None]]:
    """The calls that issues give as evidence."""
    return {(evidence.step, evidence.call) for issue in examined.issues for evidence in issue.evidence}


@pytest.mark.parametrize("label", sorted({sample.label for sample in SAMPLES}) or ["none"])
def test_nothing_of_the_kind_is_found_where_no_tool_failed(label: str) -> None:
    elsewhere = matching(["*"], (*FAILING_TOOL, *OTHER_FAILURES))
    paths = [sample.path for sample in SAMPLES if sample.label == label and sample.path in elsewhere]
    found = [
        f"{path}: {issue.summary}"
        for path in paths
        for issue in report(path).issues
        if issue.type in ("tool_error", "loop", "hallucination") and issue.severity >= MEDIUM
    ]
    assert found == []


@pytest.mark.parametrize("pattern", OTHER_FAILURES)
def test_an_exception_is_one(pattern: str) -> None:
    assert any(
        issue.type in ("tool_error", "loop", "hallucination")
        for path in matching([pattern])
        for issue in report(path).issues
    )


@pytest.mark.parametrize("path", matching(["*/ok.*", "*/ok_*", "*_ok.*", "*_ok_*", "*noerr*"]))
def test_a_clean_run_has_no_issue_at_or_above_high(path: str) -> None:
    assert [issue.summary for issue in report(path).issues if issue.severity >= HIGH] == []


@pytest.mark.parametrize("path", matching(["*maxsteps*", "inspect_ai/gen/limit_*"]))
def test_a_run_that_its_limit_ended_had_a_loop(path: str) -> None:
    assert "loop" in _types(path)


@pytest.mark.parametrize("path", matching(["gemini_cli/gen_0.61/*f72a61de*"]))
def test_the_fifty_calls_of_the_runaway_sub_agent_are_counted(path: str) -> None:
    loops = [issue.summary for issue in report(path).issues if issue.type == "loop"]
    assert any(" 50 times" in summary for summary in loops), loops


@pytest.mark.parametrize("path", matching(["*/length.*", "*_length_*"]))
def test_an_output_that_was_cut_off_is_reported(path: str) -> None:
    assert {"completion", "overflow"} & _types(path)


@pytest.mark.parametrize("path", matching(["*badargs*"]))
def test_a_malformed_call_is_reported(path: str) -> None:
    assert "malformed_output" in _types(path)


@pytest.mark.parametrize("path", matching(["*unknown_tool*"]))
def test_a_tool_that_does_not_exist_is_reported(path: str) -> None:
    assert "tool_misuse" in _types(path)


NO_ANSWER_TO_A_REQUEST = (
    "openai_chat/llmerr.*",  # the request alone: messages before the failing call
    "pydantic_ai/*llmerr.aborted.messages.json",  # the same
    "otel_genai/openai_v2/openai_v2_llmerr.logs.otlp.jsonl",  # log records: the request alone
)


@pytest.mark.parametrize(
    "path", matching(["*/llmerr*", "*_llmerr*", "claude_code/gen/api_error.jsonl"], NO_ANSWER_TO_A_REQUEST)
)
def test_a_rejected_request_is_reported_once(path: str) -> None:
    rejected = [issue for issue in report(path).issues if issue.signal in ("rate", "refused", "rejected")]
    assert len(rejected) == sum(
        any(step.error is not None for step in examined.trace.steps) for examined in report(path).traces
    )
    assert rejected


@pytest.mark.parametrize("path", matching(["*/par.*", "*/par_*", "*_par.*", "*_par_*"]))
def test_parallel_calls_stay_in_the_step_that_made_them(path: str) -> None:
    for examined in report(path).traces:
        assert [call.arguments for call in examined.trace.steps[0].tool_calls] == [
            {"city": "Oslo"},
            {"city": "Atlantis"},
        ]


TRIAGE = (("triage", "researcher", "writer"), (("triage", "researcher"), ("researcher", "writer")))
CREW = (("Researcher", "Writer"), ())
ALONE = (("assistant",), ())
TEAMS: Mapping[str, tuple[tuple[str, ...], tuple[tuple[str, str], ...]]] = {
    "*crewai*": CREW,
    "otel_genai/autogen_native/*": (
        ("triage", "researcher"),
        TRIAGE[1],
    ),  # tools only: the writer called none
    "openai_agents/multi_*.input_list.json": (  # the first agent is not named
        ("assistant", "researcher", "writer"),
        (("assistant", "researcher"), ("researcher", "writer")),
    ),
    "openinference/smolagents/*": (("manager", "researcher"), (("manager", "researcher"),)),
    "smolagents/*": ALONE,  # the memory of the manager alone
    "pydantic_ai/*": ALONE,  # the messages of the first agent alone
    "*": TRIAGE,
}
"""Agents in the order of their first act, and handoffs in order."""


@pytest.mark.parametrize(
    "path",
    matching(["*/multi.*", "*/multi_*", "*_multi*", "*adkmulti*"], ["openhands/*"]),  # those are of one agent
)
def test_agents_and_handoffs_come_in_their_order(path: str) -> None:
    for examined in report(path).traces:
        trace = examined.trace
        handed = tuple((step.agent, step.recipient) for step in trace.steps if step.recipient is not None)
        assert (trace.agents, handed) == first(TEAMS, path)


DELEGATES: Mapping[str, tuple[str, ...]] = {
    "claude_code/gen/subagents/925c4f8c-6146-46ad-9e1c-6a66e028644d.jsonl": ("claude", "general-purpose"),
    "codex/gen_0.169/rollout-*-01a20772-5c1f-*": ("codex", "Linnaeus"),
    "gemini_cli/gen_0.61/session-*-f72a61de.jsonl": ("gemini", "codebase_investigator"),
}


@pytest.mark.parametrize("pattern", DELEGATES)
def test_sub_agents_in_files_of_their_own_are_agents_of_the_run(pattern: str) -> None:
    (path,) = matching([pattern])
    (examined,) = report(path).traces
    trace = examined.trace
    assert trace.agents == DELEGATES[pattern]
    first_agent = trace.agents[0]
    assert all((step.parent is None) == (step.agent == first_agent) for step in trace.steps)
