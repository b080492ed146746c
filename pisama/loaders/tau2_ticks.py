"""Voice simulations of τ²-bench: a call in ticks of a fraction of a second, both sides at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pisama.loaders.messages import ChatMessage, ToolResult, read_message
from pisama.loaders.runs import Act, RunBuilder, inside
from pisama.loaders.values import as_list, as_mapping, as_nanoseconds, as_string, as_text, first
from pisama.trace import JSON, Location, ToolCall

_AGENT = "assistant"


@dataclass(slots=True)
class _Speech:
    """What one side has been saying since the other last spoke."""

    at: Location
    start: int | None
    end: int | None
    texts: list[str] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)


class _Call:
    """A voice call being read."""

    def __init__(self, run: RunBuilder, model: str | None) -> None:
        self._run = run
        self._model = model
        self._agent: _Speech | None = None
        self._user: _Speech | None = None

    def read(self, tick: Mapping[str, JSON], at: Location) -> None:
        """The next tick."""
        time = as_nanoseconds(tick.get("timestamp"))
        user, agent = as_mapping(tick.get("user_chunk")), as_mapping(tick.get("agent_chunk"))
        results = [as_mapping(result) for result in as_list(tick.get("agent_tool_results"))]
        if _speaks(user):
            self.end_agent()
            self._user = self._user or _Speech(inside(at, "user_chunk"), time, time)
            self._user.texts.append(as_text(user.get("content")) or "")
        calls = as_list(agent.get("tool_calls")) or as_list(tick.get("agent_tool_calls"))
        if _speaks(agent) or calls:
            self.end_user()
            self._agent = self._agent or _Speech(inside(at, "agent_chunk"), time, time)
            self._agent.end = time
            self._agent.texts.append(as_text(agent.get("content")) or "")
            self._agent.calls += read_message({"role": _AGENT, "tool_calls": calls}, at).calls
        for result in results:
            self.end_agent()
            self._run.hear(ChatMessage("tool", results=(_result(result),), at=at))

    def end_agent(self) -> None:
        """The agent has stopped speaking."""
        speech, self._agent = self._agent, None
        if speech is not None:
            message = ChatMessage(
                "assistant", "".join(speech.texts).strip(), calls=tuple(speech.calls), at=speech.at
            )
            self._run.act(message, Act(_AGENT, model=self._model, start=speech.start, end=speech.end))

    def end_user(self) -> None:
        """The user has stopped speaking."""
        speech, self._user = self._user, None
        text = "".join(speech.texts).strip() if speech is not None else ""
        if speech is not None and text:
            self._run.hear(ChatMessage("user", text, at=speech.at))


def read_ticks(run: RunBuilder, ticks: Sequence[JSON], at: Location, model: str | None) -> None:
    """Tells a run what was said and called in a voice call; a turn lasts until the other side speaks."""
    call = _Call(run, model)
    for number, tick in enumerate(ticks):
        call.read(as_mapping(tick), inside(at, "ticks", number))
    call.end_user()
    call.end_agent()


def _speaks(chunk: Mapping[str, JSON]) -> bool:
    return chunk.get("contains_speech") is True or bool(chunk.get("content"))


def _result(record: Mapping[str, JSON]) -> ToolResult:
    text = as_text(record.get("content"))
    call_id = as_string(first(record, "id", "tool_call_id"))
    return ToolResult(text, call_id, error=(text or "failed") if record.get("error") is True else None)
