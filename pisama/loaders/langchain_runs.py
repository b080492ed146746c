"""A run of LangChain or LangGraph, told by its messages as they came."""

from __future__ import annotations

from dataclasses import dataclass, field

from pisama.loaders.langchain_messages import LangChainMessage, is_langchain, message_id, read_langchain
from pisama.loaders.messages import ChatMessage, ToolResult
from pisama.loaders.runs import Act, RunBuilder
from pisama.trace import JSON, Location

_TOO_MANY_STEPS = ("GraphRecursionError", "Recursion limit of")


@dataclass(slots=True)
class LangChainRun:
    """Tells a run the messages that are new. A state is written again and again, so most are not."""

    run: RunBuilder
    _known: set[str] = field(default_factory=set)
    _open: list[tuple[str | None, str]] = field(default_factory=list)
    """Id and name of the calls that have no result yet."""

    def read(
        self,
        value: JSON,
        at: Location,
        *,
        index: int | None = None,
        node: str | None = None,
        end: int | None = None,
    ) -> bool:
        """A message, from this node of the graph. False when it is none."""
        if message_id(value) in self._known:
            return True
        found = read_langchain(value, at)
        if found is None:
            return is_langchain(value)
        if found.id is not None:
            self._known.add(found.id)
        if found.message.role == "assistant":
            self._act(found, index, node, end)
        else:
            self.run.hear(found.message)
            answered = {result.call_id for result in found.message.results}
            self._open = [call for call in self._open if call[0] not in answered]
        return True

    def fail(self, error: str, node: str, agent: str | None, at: Location) -> None:
        """A node failed and with it the run: in the calls that are open, else in the call of the model."""
        if any(words in error for words in _TOO_MANY_STEPS):
            self.run.outcome = "max_steps"
            return
        self.run.outcome = "error"
        if not self._open or node in _MODEL_NODES - {_TOOL_NODE}:
            name = agent or self._agent(node or None)
            self.run.act(ChatMessage("assistant", at=at), Act(name, error=error))
            return
        results = tuple(ToolResult(None, call_id, name, error) for call_id, name in self._open)
        self._open = []
        self.run.hear(ChatMessage("tool", results=results, at=at))

    def _act(self, found: LangChainMessage, index: int | None, node: str | None, end: int | None) -> None:
        message = found.message
        act = Act(message.name or self._agent(node), model=found.model, usage=found.usage, end=end)
        self.run.act(message, act, index=index)
        # Arguments that could not be parsed are text; no tool is called with those.
        self._open = [(call.id, call.name) for call in message.calls if not isinstance(call.arguments, str)]

    def _agent(self, node: str | None) -> str:
        """Nodes that call the model on an agent's behalf are called after what they do."""
        if node is not None and node not in _MODEL_NODES:
            return node
        last = self.run.last_step
        return last.agent if last is not None else "assistant"


_TOOL_NODE = "tools"
_MODEL_NODES = frozenset(("model", "agent", "call_model", "model_request", "llm", "chatbot", _TOOL_NODE))
