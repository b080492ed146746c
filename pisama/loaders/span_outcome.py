"""How a run ended, as its outermost spans tell."""

from __future__ import annotations

from collections.abc import Iterable

from pisama.loaders import names
from pisama.loaders.spans import Node
from pisama.loaders.values import as_string

_LIMITS = (
    "AgentMaxStepsError",
    "GraphRecursionError",
    "MaxIterationsReached",
    "MaxTurnsExceeded",
    "RecursionLimitExceeded",
    "UsageLimitExceeded",
)
"""Exceptions by which smolagents, LangGraph, the OpenAI Agents SDK and pydantic-ai end a run."""
_RESULT = "RunResult("
_STEPS_USED_UP = ", state='max_steps_error',"
"""What smolagents says in the Python representation of its result."""
_MESSAGE = 200
"""Characters of a message in which the name of the exception stands."""


def outcome_of(top: Iterable[Node]) -> str | None:
    """`max_steps` or `error`; None when the run was not marked as failed."""
    outcome: str | None = None
    for node in top:
        if node.record.status == "error":
            outcome = "max_steps" if _hit_limit(node) else outcome or "error"
        elif node.kind == "agent":
            output = names.look_up(node.record.attributes, names.OUTPUT_VALUE)
            if isinstance(output, str) and output.startswith(_RESULT) and _STEPS_USED_UP in output:
                outcome = "max_steps"
    return outcome


def _hit_limit(node: Node) -> bool:
    told = [node.record.status_message or "", as_string(node.record.attributes.get(names.ERROR_TYPE)) or ""]
    told += [as_string(event.attributes.get("exception.type")) or "" for event in node.record.events]
    return any(limit in text[:_MESSAGE] for text in told for limit in _LIMITS)
