"""One run of a chat API, from its messages in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pisama.loaders.chat_records import tools_of
from pisama.loaders.code_actions import read_reply, written_action
from pisama.loaders.messages import ChatMessage, ConversationBuilder, ToolResult, read_message
from pisama.loaders.usages import usage_of
from pisama.loaders.values import as_string, first
from pisama.trace import JSON, Location, Step, Tool, ToolCall, Trace

_METADATA = ("model", "session_id", "conversation_id", "run_id", "instance_id", "task_id", "trial")


@dataclass(slots=True)
class ChatRun:
    """One run, while its messages are being read."""

    at: Location
    row: Mapping[str, JSON]
    builder: ConversationBuilder = field(default_factory=ConversationBuilder)
    tools: dict[str, Tool] | None = None
    task: str | None = None
    answer: str | None = None
    """What the latest step said, unless it waits for the result of a call or failed."""
    _held: Step | None = None
    """An act in words alone, until the next message tells whether it was run as a call."""

    def __post_init__(self) -> None:
        self.offer(self.row)
        self.prompt(self.row, self.at)

    @property
    def failed(self) -> bool:
        """Whether the latest call of the model failed."""
        last = self._last
        return last is not None and last.error is not None

    @property
    def _last(self) -> Step | None:
        return self._held or self.builder.last_step

    def offer(self, record: Mapping[str, JSON]) -> None:
        """Notes the tools that a row or a request offers."""
        tools = tools_of(record)
        if tools is not None:
            self.tools = {} if self.tools is None else self.tools
            for tool in tools:
                self.tools.setdefault(tool.name, tool)

    def prompt(self, record: Mapping[str, JSON], at: Location) -> None:
        """Hears the system prompt that Anthropic keeps beside the messages."""
        system = record.get("system")
        if isinstance(system, str | list) and system:
            place = replace(at, pointer=f"{at.pointer}/system")
            self.builder.hear(read_message({"role": "system", "content": system}, place))

    def add(self, record: Mapping[str, JSON], at: Location, index: int, error: str | None = None) -> None:
        """The next message, which stands at this index of the list."""
        message = read_message(record, at)
        if message.role != "assistant":
            self._hear(message)
            return
        self._release()
        last = self._last
        step = Step(
            # A request that failed and was sent again has two answers at the same place.
            index=index if last is None else max(index, last.index + 1),
            agent=message.name or "assistant",
            text=message.text,
            reasoning=message.reasoning,
            model=as_string(first(record, "model")) or as_string(self.row.get("model")),
            usage=usage_of(record.get("usage")),
            finish_reason=message.finish_reason,
            error=error,
            at=at,
        )
        if step.text and not (message.calls or message.results):
            self._held, self.answer = step, message.text if error is None else None
            return
        self.builder.act(step, message.calls)
        waits = len(message.calls) > len(message.results)
        self.answer = None if waits or error is not None else message.text
        if message.results:
            # Tools that the provider runs itself answer inside the message.
            self.builder.hear(ChatMessage("tool", results=message.results, at=at))

    def _hear(self, message: ChatMessage) -> None:
        """A message that is no act. One that begins as ReAct's observations do answers a written call."""
        held = self._held
        reply = (
            read_reply(message.text, executor=False) if held is not None and message.role == "user" else None
        )
        call = written_action(held.text) if held is not None and reply is not None and reply.ran else None
        if reply is not None and call is not None:
            self._release((replace(call, at=held.at if held is not None else None),))
            self.answer = None
            self.builder.hear(
                ChatMessage("tool", results=(ToolResult(reply.text, error=reply.error),), at=message.at)
            )
            return
        self._release()
        if self.task is None and message.role == "user" and message.text.strip():
            self.task = message.text
        self.builder.hear(message)

    def _release(self, calls: tuple[ToolCall, ...] = ()) -> None:
        held, self._held = self._held, None
        if held is not None:
            self.builder.act(held, calls)

    def trace(self, trace_id: str, format_id: str, *, complete: bool) -> Trace:
        """The run as read so far."""
        self._release()
        steps = self.builder.steps()
        return Trace(
            id=trace_id,
            format=format_id,
            task=self.task,
            steps=steps,
            agents=tuple(dict.fromkeys(step.agent for step in steps)),
            tools=None if self.tools is None else tuple(self.tools.values()),
            final_answer=self.answer,
            complete=complete,
            metadata={name: self.row[name] for name in _METADATA if as_string(self.row.get(name))},
            at=self.at,
        )
