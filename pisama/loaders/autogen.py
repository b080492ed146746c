"""AutoGen 0.4 and later, with Magentic-One: messages, results of tasks, and saved states."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pisama.loaders.base import Document, Loaded, Record
from pisama.loaders.conversation_runs import Conversation, listed, read_conversations
from pisama.loaders.items import items, sample_batches, sample_items
from pisama.loaders.runs import inside
from pisama.loaders.values import as_list, as_mapping, as_string
from pisama.report import LoadError
from pisama.trace import JSON, Location

_LISTS = ("messages",)
_STATES = ("agent_states", "llm_context", "message_thread")
_TYPES = frozenset(
    (
        *("TextMessage", "MultiModalMessage", "StopMessage", "HandoffMessage", "StructuredMessage"),
        *("ToolCallRequestEvent", "ToolCallExecutionEvent", "ToolCallSummaryMessage", "ThoughtEvent"),
        *(
            "MemoryQueryEvent",
            "UserInputRequestedEvent",
            "SelectSpeakerEvent",
            "ModelClientStreamingChunkEvent",
        ),
        *("UserMessage", "AssistantMessage", "FunctionExecutionResultMessage", "SystemMessage"),
    )
)


class AutoGenLoader:
    """A list of messages is a run, and so is the state of a team or of an agent."""

    id: ClassVar[str] = "autogen"
    title: ClassVar[str] = "AutoGen messages"
    recognised_by: ClassVar[str] = "messages with a `source` and a type of AutoGen, or `type` is `TeamState`"

    def sniff(self, document: Document) -> float:
        """By the types of states, and of messages that have a source in place of a role."""
        if any(_is_state(as_mapping(value)) for value in sample_items(document)):
            return 1.0
        values = [as_mapping(value) for value in sample_batches(document, *_LISTS)]
        return 0.9 if any(map(_is_marked, values)) else 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each run."""
        if not any(_is_state(as_mapping(value)) for value in sample_items(document)):
            yield from read_conversations(document, self.id)
            return
        for number, record in enumerate(items(document)):
            if isinstance(record, LoadError):
                yield record
                continue
            state = as_mapping(record.value)
            header: dict[str, JSON] = {"task": _task(state)}
            messages = _messages_of(state, record.at)
            yield from Conversation(header, messages, record.at, self.id).load(document, number)


def _is_marked(value: Mapping[str, JSON]) -> bool:
    if value.get("type") == "FunctionExecutionResultMessage":
        return True
    return "source" in value and "role" not in value and as_string(value.get("type")) in _TYPES


def _is_state(value: Mapping[str, JSON]) -> bool:
    kind = value.get("type")
    return isinstance(kind, str) and kind.endswith("State") and any(name in value for name in _STATES)


def _task(state: Mapping[str, JSON]) -> JSON:
    """The task, which the orchestrator of Magentic-One keeps apart."""
    states = as_mapping(state.get("agent_states")).values()
    return next((task for agent in states if isinstance(task := as_mapping(agent).get("task"), str)), None)


def _messages_of(state: Mapping[str, JSON], at: Location) -> list[Record]:
    """The messages in a state: the thread of the team, unless only the agents remember their calls."""
    states = as_mapping(state.get("agent_states"))
    if not states:
        return _contexts(state, at)
    contexts: list[Record] = []
    agents_call = _any_calls(states)
    for name, recorded in states.items():
        agent = as_mapping(recorded)
        place = inside(at, "agent_states", name)
        if isinstance(agent.get("message_thread"), list):
            thread = listed(agent, "message_thread", place)
            if thread and (any(map(_calls, thread)) or not agents_call):
                return thread
        contexts += _contexts(agent, place)
    return contexts


def _contexts(agent: Mapping[str, JSON], at: Location) -> list[Record]:
    """What one agent remembers of the conversation."""
    inner = agent.get("agent_state")
    if isinstance(inner, dict):
        agent, at = inner, inside(at, "agent_state")
    return listed(as_mapping(agent.get("llm_context")), "messages", inside(at, "llm_context"))


def _any_calls(states: Mapping[str, JSON]) -> bool:
    return any(
        _calls(record) for agent in states.values() for record in _contexts(as_mapping(agent), Location())
    )


def _calls(record: Record) -> bool:
    content = as_list(as_mapping(record.value).get("content"))
    return any(as_string(as_mapping(part).get("arguments")) is not None for part in content[:1])
