"""Every sample of real emitters is recognised as what it is, and read whole."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from pisama.loaders import open_document, sniff
from pisama.report import LoadError
from tests.loaders.shared_samples import FORMATS, SAMPLES, first, needs_samples, report

pytestmark = needs_samples

LOADER_OF: Mapping[str, str] = {
    "adk-*": "adk",
    "ag2-*": "ag2",
    "agentbench-runs": "agentbench",
    "agentlab-summary": "agentlab",
    "agno-run": "agno",
    "aider-*": "aider",
    "anthropic-*": "anthropic",
    "atif": "atif",
    "autogen-event-log": "autogen-log",
    "autogen-*": "autogen",
    "bedrock/strands-messages": "bedrock",
    "claude-code-result": "claude-code-result",
    "claude-code-session": "claude-code",
    "claude-code-stream": "claude-code-stream",
    "codex-exec*": "codex-exec",
    "codex-rollout*": "codex-rollout",
    "copilot-cli-events": "copilot-cli",
    "crewai-events": "crewai-events",
    "crewai-*": "crewai",
    "cursor-transcript": "cursor",
    "dify-*": "dify",
    "flowise-*": "flowise",
    "gemini-cli-session": "gemini-cli-session",
    "gemini-cli-stream": "gemini-cli-stream",
    "gemini-*": "gemini",
    "inspect-*": "inspect",
    "jaeger-ui": "jaeger",
    "langchain-*": "langchain",
    "langfuse-ui": "langfuse",
    "langgraph-sqlite": "langgraph-checkpoints",
    "langgraph-*": "langgraph",
    "langsmith-runs": "langsmith",
    "logfire-query": "logfire",
    "maf-response": "maf",
    "mini-swe-agent": "mini-swe-agent",
    "mlflow-*": "mlflow",
    "n8n-*": "n8n",
    "openai-agents-ingest": "openai-agents",
    "openai-agents-run_state": "openai-agents-state",
    "openai-agents-sqlite": "openai-agents-session",
    "openai-agents-trace": "openai-agents",
    "openai-chat": "openai-chat",
    "openai-responses-*": "openai-responses",
    "opencode-export": "opencode",
    "opencode-run-json": "opencode-run",
    "openhands-sdk-*": "openhands-sdk",
    "openhands-*": "openhands",
    "otel-js-*": "otel-js",
    "otel-py-console": "otel-python-console",
    "otlp*": "otlp",
    "phoenix-*": "phoenix",
    "pi-session": "pi-session",
    "pydantic-ai-messages": "pydantic-ai",
    "request-response-log": "openai-chat",
    "role-name-content": "conversation",
    "smolagents-messages": "smolagents-messages",
    "smolagents-*": "smolagents",
    "swe-agent": "swe-agent",
    "tau-bench": "openai-chat",  # rows of message lists, with nothing of its own that matters to a trace
    "tau2-*": "tau2",
    "trail-nested": "openinference-tree",
    "unknown-dict:*gen_ai*": "span-attributes",  # the attributes of one span
    "unknown-dict:openinference*": "span-attributes",
    "unknown-dict:type,timestamp,message,cwd": "claude-code",  # a session without its ids
    "unknown-list": "anthropic-sessions",  # four exports of Anthropic's hosted agents
    "weave-calls": "weave",
    "who-and-when": "conversation",
    "zipkin-v2": "zipkin",
}
"""Loader by label of the manifest; the first pattern that fits."""

LOADER_OF_SAMPLE: Mapping[str, str] = {
    "mini_swe_agent/*": "mini-swe-agent",  # two are labelled `chat-plain`: their messages hold nothing else
    "openai_chat/*": "openai-chat",
}
"""Loader by path, where the label says less than the file."""

NO_TRACE: Mapping[str, str] = {
    "aider/ok.aider.input.history": "not JSON",  # what the user typed
    "aider/sample-analytics.jsonl": "no known shape",  # usage statistics
    "claude_code/gen/subagents/*.meta.json": "no known shape",  # a note beside a sub-agent's session
    "openhands/sdk_conversations/*/events/.eventlog*": "the file is empty",  # marks and locks
    "otel_genai/SCHEMA_*": "no known shape",  # JSON Schemas
    "tau2_bench/voice_results.json": "only the settings and tasks of an experiment",
    "tau2_bench/voice/results.json": "only the settings and tasks of an experiment",
}
"""Samples that hold no run, and the reason that must be given."""

BROKEN_LINES: Mapping[str, tuple[str, ...]] = {
    "claude_code/ccl_edge_cases.jsonl": (
        ":11 a line of type user without a message",
        ":13 not an object",
        ":14 a line without a type",
        ":15 not an object",
        ":16#/0 not an object",
    ),
}
"""The sample that is broken on purpose, with what is said of it; the rest of it is read all the same."""

LABELS = sorted({sample.label for sample in SAMPLES}) or ["none"]


def _recognised(path: str) -> str:
    document = open_document(FORMATS / path)
    assert not isinstance(document, LoadError)
    found = sniff(document)
    return "nothing" if isinstance(found, LoadError) else found.id


@pytest.mark.parametrize("label", LABELS)
def test_every_sample_is_recognised_as_what_it_is(label: str) -> None:
    samples = [sample for sample in SAMPLES if sample.label == label and not first(NO_TRACE, sample.path)]
    expected = {
        sample.path: first(LOADER_OF_SAMPLE, sample.path) or first(LOADER_OF, label) for sample in samples
    }
    assert {sample.path: _recognised(sample.path) for sample in samples} == expected


@pytest.mark.parametrize("label", LABELS)
def test_every_sample_is_read_without_an_error_but_the_broken_one(label: str) -> None:
    paths = [sample.path for sample in SAMPLES if sample.label == label and not first(NO_TRACE, sample.path)]
    told = {path: _errors(path) for path in paths}
    assert told == {path: BROKEN_LINES.get(path, ()) for path in paths}
    assert [path for path in paths if not report(path).traces] == []
    assert [crash for path in paths for examined in report(path).traces for crash in examined.crashed] == []


def _errors(path: str) -> tuple[str, ...]:
    shown = (f"{error.at} {error.reason}" for error in report(path).errors)
    return tuple(text.removeprefix(str(FORMATS / path)) for text in shown)


@pytest.mark.parametrize("pattern", NO_TRACE)
def test_a_file_without_a_run_is_refused_with_its_place_and_the_reason(pattern: str) -> None:
    paths = [sample.path for sample in SAMPLES if first({pattern: True}, sample.path)]
    assert paths
    for path in paths:
        assert report(path).traces == ()
        assert [error.at.path for error in report(path).errors] == [str(FORMATS / path)]
        assert NO_TRACE[pattern] in report(path).errors[0].reason
