"""Which agent an event of Inspect AI belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pisama.loaders.values import as_string
from pisama.trace import JSON

_SCORING = frozenset(("scorer", "scorers"))


@dataclass(slots=True)
class AgentSpans:
    """Follows the spans of a log as they begin, and the steps that early logs have instead."""

    _agents: dict[str, str | None] = field(default_factory=dict)
    """By span, the agent that acts in it; None where the run is scored."""
    _scoring: int = 0

    def agent_of(self, event: Mapping[str, JSON]) -> str | None:
        """The agent of the next event, empty where none is named; None when it is no part of the run."""
        kind = event.get("event")
        if kind == "span_begin":
            self._begin(event)
        elif kind == "step" and as_string(event.get("type")) in _SCORING:
            self._scoring += 1 if event.get("action") == "begin" else -1
        span = as_string(event.get("span_id"))
        agent = self._agents.get(span, "") if span is not None else ""
        return None if self._scoring > 0 else agent

    def _begin(self, event: Mapping[str, JSON]) -> None:
        span = as_string(event.get("id"))
        if span is None:
            return
        parent = as_string(event.get("parent_id"))
        agent = self._agents.get(parent, "") if parent is not None else ""
        if as_string(event.get("type")) in _SCORING:
            agent = None
        elif event.get("type") == "agent" and agent is not None:
            agent = as_string(event.get("name")) or agent
        self._agents[span] = agent
