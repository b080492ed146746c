"""One sample of an Inspect AI log: from its events where it has them, else from its messages.

Only the run is read: what was right, and how it was scored, is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pisama.loaders.chat_records import tools_of
from pisama.loaders.inspect_spans import AgentSpans
from pisama.loaders.messages import ChatMessage, ToolResult, content_text, read_message
from pisama.loaders.runs import Act, RunBuilder, inside
from pisama.loaders.usages import usage_of
from pisama.loaders.values import as_integer, as_list, as_mapping, as_nanoseconds, as_string, first
from pisama.trace import JSON, Location

_ATTACHED = "attachment://"
_LIMITS: Mapping[str, str] = {
    "message": "max_steps",
    "turn": "max_steps",
    "token": "budget",
    "cost": "budget",
}
"""What limits of a sample are called here; those of time are `timeout`."""


def read_sample(sample: Mapping[str, JSON], at: Location) -> RunBuilder:
    """The run of a sample."""
    reader = _Sample(RunBuilder(at), as_mapping(sample.get("attachments")), _pool(sample))
    reader.run.task = reader.asked(sample.get("input"))
    events, place = _events(sample)
    if any(as_mapping(event).get("event") == "model" for event in events):
        spans = AgentSpans()
        for number, recorded in enumerate(events):
            event = as_mapping(recorded)
            agent = spans.agent_of(event)
            if agent is not None:
                reader.event(event, agent, inside(at, *place, number))
    else:
        for number, message in enumerate(as_list(sample.get("messages"))):
            reader.message(as_mapping(message), inside(at, "messages", number), number)
    reader.run.outcome = _outcome(sample)
    return reader.run


def _events(sample: Mapping[str, JSON]) -> tuple[list[JSON], tuple[str, ...]]:
    """The events; early logs keep them in a transcript."""
    if isinstance(sample.get("events"), list):
        return as_list(sample["events"]), ("events",)
    return as_list(as_mapping(sample.get("transcript")).get("events")), ("transcript", "events")


def _pool(sample: Mapping[str, JSON]) -> list[JSON]:
    """The messages that events refer to by number."""
    return as_list(as_mapping(sample.get("events_data")).get("messages"))


def _outcome(sample: Mapping[str, JSON]) -> str | None:
    if sample.get("error") is not None:
        return "error"
    limit = as_string(as_mapping(sample.get("limit")).get("type"))
    return None if limit is None else _LIMITS.get(limit, "timeout" if limit in ("time", "working") else limit)


@dataclass(slots=True)
class _Sample:
    """Tells a run what a sample says."""

    run: RunBuilder
    _attachments: Mapping[str, JSON]
    _messages: list[JSON]
    _known: dict[str, set[str]] = field(default_factory=dict)
    """By agent, the ids of the messages that it has heard or said."""
    _read: dict[tuple[str, int], int] = field(default_factory=dict)
    """By agent and first message, how far a range of messages has been read."""
    _heard: dict[str, int] = field(default_factory=dict)
    """By agent, how many messages without an id it has heard."""
    _answered: set[str] = field(default_factory=set)

    def asked(self, given: JSON) -> str | None:
        """The words of the input of a sample: a text, or messages of which the last is the user's."""
        if isinstance(given, str):
            return as_string(self._whole(given))
        users = [message for message in map(as_mapping, as_list(given)) if message.get("role") == "user"]
        return read_message(self._opened(users[-1])).text or None if users else None

    def event(self, event: Mapping[str, JSON], agent: str, at: Location) -> None:
        """The next event, of this agent."""
        if event.get("event") == "model" and event.get("pending") is not True:
            self.run.offer(tools_of(event))
            for number, message in self._given(event, agent):
                self._hear(message, agent, inside(at, "input", number))
            self._act(event, agent, at)
        elif event.get("event") == "tool" and event.get("pending") is not True:
            known = self._known.setdefault(agent, set())
            known.add(as_string(event.get("message_id")) or "")
            self._answer(event, as_string(event.get("id")), event.get("result"), agent, at)

    def message(self, message: Mapping[str, JSON], at: Location, number: int) -> None:
        """A message of a sample without events."""
        if message.get("role") == "assistant":
            read = read_message(self._opened(message), at)
            act = Act(model=as_string(message.get("model")))
            self.run.act(read, act, index=number)
        else:
            self._hear(message, "", at)

    def _given(self, event: Mapping[str, JSON], agent: str) -> Iterator[tuple[int, Mapping[str, JSON]]]:
        """The messages that a model was given, as far as they may be new to the agent."""
        without = 0
        for number, recorded in enumerate(as_list(event.get("input"))):
            message = as_mapping(recorded)
            if as_string(message.get("id")) is not None:
                yield number, message
                continue
            # Messages without ids can only be told apart by their number.
            without += 1
            if without > self._heard.get(agent, 0):
                self._heard[agent] = without
                yield number, message
        for recorded in as_list(event.get("input_refs")):
            bounds = [as_integer(bound) or 0 for bound in as_list(recorded)[:2]]
            if len(bounds) < 2:
                continue
            start = max(self._read.get((agent, bounds[0]), 0), bounds[0], 0)
            end = min(bounds[1], len(self._messages))
            self._read[agent, bounds[0]] = max(start, end)
            for number in range(start, end):
                yield number, as_mapping(self._messages[number])

    def _hear(self, message: Mapping[str, JSON], agent: str, at: Location) -> None:
        known = self._known.setdefault(agent, set())
        name = as_string(message.get("id"))
        if name is not None and name in known:
            return
        if name is not None:
            known.add(name)
        if message.get("role") == "tool":
            call_id = as_string(message.get("tool_call_id"))
            self._answer(message, call_id, message.get("content"), agent, at)
            return
        if message.get("role") == "assistant" and name is None and self.run.last_step is not None:
            # Its own words, resent.
            return
        read = read_message(self._opened(message), at)
        self.run.hear(ChatMessage(read.role, read.text, read.name, at=at), agent)

    def _act(self, event: Mapping[str, JSON], agent: str, at: Location) -> None:
        output = as_mapping(event.get("output"))
        choice = as_mapping(next(iter(as_list(output.get("choices"))), None))
        answer = self._opened(as_mapping(choice.get("message")))
        name = as_string(answer.get("id"))
        if name is not None:
            self._known.setdefault(agent, set()).add(name)
        error = as_string(event.get("error")) or as_string(output.get("error"))
        reason = None if error is not None else choice.get("stop_reason")
        record = {**answer, "role": "assistant", "finish_reason": reason}
        act = Act(
            agent or "assistant",
            model=as_string(first(output, "model")) or as_string(event.get("model")),
            usage=usage_of(output.get("usage")),
            start=as_nanoseconds(event.get("timestamp")),
            end=as_nanoseconds(event.get("completed")),
            error=error,
        )
        place = inside(at, "output", "choices", 0, "message")
        self.run.act(read_message(record, place), act, context=agent)

    def _answer(
        self, record: Mapping[str, JSON], call_id: str | None, content: JSON, agent: str, at: Location
    ) -> None:
        """What a tool returned, told once though events and messages both have it."""
        if call_id is not None:
            if call_id in self._answered:
                return
            self._answered.add(call_id)
        text = content_text(self._whole(content))
        failure = record.get("error")
        said = as_string(first(as_mapping(failure), "message", "type"))
        error = None if failure is None else (said or text or "failed")
        result = ToolResult(text or error, call_id, as_string(record.get("function")), error)
        self.run.hear(ChatMessage("tool", results=(result,), at=at), agent)

    def _opened(self, message: Mapping[str, JSON]) -> dict[str, JSON]:
        """A message with the long texts that are kept apart from it."""
        return {**message, "content": self._whole(message.get("content"))}

    def _whole(self, content: JSON) -> JSON:
        if isinstance(content, str) and content.startswith(_ATTACHED):
            return self._attachments.get(content.removeprefix(_ATTACHED), content)
        if not isinstance(content, list):
            return content
        return [
            {key: self._whole(value) if isinstance(value, str) else value for key, value in part.items()}
            if isinstance(part, dict)
            else part
            for part in content
        ]
