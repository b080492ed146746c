"""Google's Agent Development Kit: sessions, and events one a line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from pisama.loaders.base import Document, Loaded
from pisama.loaders.items import Batch, batches, sample_batches
from pisama.loaders.messages import ChatMessage, ToolResult, read_message
from pisama.loaders.runs import Act, RunBuilder, inside, run_name
from pisama.loaders.usages import usage_of
from pisama.loaders.values import as_mapping, as_nanoseconds, as_string, first
from pisama.report import LoadError
from pisama.trace import JSON, Location, ToolCall

_LISTS = ("events",)
_INVOCATION = ("invocationId", "invocation_id")
_TRANSFER = "transfer_to_agent"


class AdkLoader:
    """A session is a run, and so are the events of one file."""

    id: ClassVar[str] = "adk"
    title: ClassVar[str] = "Google ADK events"
    recognised_by: ClassVar[str] = "events with `author` and `invocationId` or `invocation_id`"

    def sniff(self, document: Document) -> float:
        """Certain of events that have an author and an invocation."""
        values = [as_mapping(value) for value in sample_batches(document, *_LISTS)]
        return 1.0 if any(map(_is_event, values)) else 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each session."""
        for number, batch in enumerate(batches(document, *_LISTS)):
            if isinstance(batch, LoadError):
                yield batch
            else:
                yield from _load(batch, document, number)


def _is_event(value: Mapping[str, JSON]) -> bool:
    return isinstance(value.get("author"), str) and first(value, *_INVOCATION) is not None


def _load(batch: Batch, document: Document, number: int) -> Iterator[Loaded]:
    session = _Session(RunBuilder(batch.at))
    invocation: str | None = None
    for record in batch.records:
        value = as_mapping(record.value)
        if not isinstance(value.get("author"), str):
            yield LoadError("not an event: it has no author", record.at)
        else:
            invocation = invocation or as_string(first(value, *_INVOCATION))
            session.read(value, record.at)
    own = as_string(batch.header.get("id")) or invocation
    yield session.run.trace(own or run_name(document, number), AdkLoader.id, complete=not document.growing)


@dataclass(slots=True)
class _Session:
    """Tells a run what the events say."""

    run: RunBuilder
    _open: dict[str, ToolCall] = field(default_factory=dict)
    """The calls without a result, by id, or by name where they have none."""

    def read(self, event: Mapping[str, JSON], at: Location) -> None:
        """The next event."""
        if event.get("partial") is True:
            # The whole answer follows.
            return
        author = as_string(event.get("author")) or "agent"
        error = as_string(first(event, "errorMessage", "error_message", "errorCode", "error_code"))
        content = as_mapping(event.get("content"))
        role = "model" if author != "user" and content.get("role") != "user" else "user"
        reason = first(event, "finishReason", "finish_reason")
        record = {**content, "role": role, "finish_reason": reason}
        message = read_message(record, inside(at, "content"))
        if message.results and not message.calls:
            self._answer(message)
        elif author == "user":
            self.run.hear(message)
        elif error is not None and self._open:
            self._fail(error, at)
        elif message.text or message.reasoning or message.calls or error is not None:
            self._act(event, message, author, error)

    def _answer(self, message: ChatMessage) -> None:
        for result in message.results:
            self._open.pop(result.call_id or result.name or "", None)
        self.run.hear(replace(message, role="tool"))

    def _fail(self, error: str, at: Location) -> None:
        """A tool raised, and that ended the run."""
        results = tuple(ToolResult(None, call.id, call.name, error) for call in self._open.values())
        self._open.clear()
        self.run.outcome = "error"
        self.run.hear(ChatMessage("tool", results=results, at=at))

    def _act(self, event: Mapping[str, JSON], message: ChatMessage, author: str, error: str | None) -> None:
        transfer = next((call for call in message.calls if call.name == _TRANSFER), None)
        target = as_mapping(transfer.arguments).get("agent_name") if transfer is not None else None
        act = Act(
            author,
            recipient=as_string(target),
            model=as_string(first(event, "modelVersion", "model_version")),
            usage=usage_of(first(event, "usageMetadata", "usage_metadata")),
            end=as_nanoseconds(event.get("timestamp")),
            error=error,
        )
        self.run.act(message, act)
        self._open |= {call.id or call.name: call for call in message.calls}
        if error is not None:
            self.run.outcome = "error"
