"""What `gemini --output-format stream-json` prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from pisama.loaders.base import Document, Loaded
from pisama.loaders.gemini_cli_messages import MAIN_AGENT
from pisama.loaders.items import items, sample_items
from pisama.loaders.messages import ChatMessage, ToolResult
from pisama.loaders.turns import Turns, session_trace
from pisama.loaders.values import as_integer, as_mapping, as_nanoseconds, as_string, as_text
from pisama.report import LoadError
from pisama.trace import JSON, Location, ToolCall, Usage


class GeminiCliStreamLoader:
    """One stream is one run; another `init` begins another."""

    id: ClassVar[str] = "gemini-cli-stream"
    title: ClassVar[str] = "Gemini CLI stream (stream-json)"
    recognised_by: ClassVar[str] = "a line of type `init` with `session_id`, or `tool_use` with `tool_id`"

    def sniff(self, document: Document) -> float:
        """By the first line and by the names of its fields."""
        return max((_mark(as_mapping(value)) for value in sample_items(document)), default=0.0)

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each `init`."""
        runs: list[_Run] = []
        for record in items(document):
            if isinstance(record, LoadError):
                yield record
                continue
            if not isinstance(record.value, dict) or not isinstance(record.value.get("type"), str):
                yield LoadError("an event without a type", record.at)
                continue
            if not runs or record.value["type"] == "init":
                runs.append(_Run(record.at))
            runs[-1].read(record.value, record.at)
        for run in runs:
            steps = run.turns.steps()
            yield session_trace(
                document,
                self.id,
                run.name,
                steps,
                run.task,
                run.at,
                ended=run.outcome is not None,
                outcome=run.outcome,
            )


def _mark(record: Mapping[str, JSON]) -> float:
    kind = record.get("type")
    if kind == "init" and "session_id" in record and "model" in record:
        return 0.9
    if kind == "tool_use" and "tool_id" in record and "tool_name" in record:
        return 0.9
    return 0.5 if kind == "tool_result" and "tool_id" in record else 0.0


@dataclass(slots=True)
class _Run:
    """One run, half read."""

    at: Location
    name: str | None = None
    task: str | None = None
    outcome: str | None = None
    turns: Turns = field(default_factory=lambda: Turns(MAIN_AGENT))

    def read(self, record: Mapping[str, JSON], at: Location) -> None:
        """Takes one event in."""
        kind = record["type"]
        time = as_nanoseconds(record.get("timestamp"))
        if kind == "init":
            self.name = as_string(record.get("session_id"))
            self.turns.model = as_string(record.get("model"))
        elif kind == "message":
            self._message(record, at, time)
        elif kind == "tool_use":
            name = as_string(record.get("tool_name")) or ""
            call_id = as_string(record.get("tool_id"))
            self.turns.call(ToolCall(name, record.get("parameters"), call_id, start=time, at=at))
        elif kind == "tool_result":
            self.turns.answer(_result(record), at, time)
        elif kind == "error":
            self.turns.hear(ChatMessage("system", as_string(record.get("message")) or "", at=at))
        elif kind == "result":
            self._end(record, at, time)

    def _message(self, record: Mapping[str, JSON], at: Location, time: int | None) -> None:
        text = as_text(record.get("content")) or ""
        if record.get("role") == "assistant":
            self.turns.say(text, at, time, goes_on=record.get("delta") is True)
            return
        self.task = self.task or text or None
        self.turns.hear(ChatMessage("user", text, at=at))

    def _end(self, record: Mapping[str, JSON], at: Location, time: int | None) -> None:
        self.outcome = as_string(record.get("status")) or "success"
        error = record.get("error")
        if self.outcome == "error" or error is not None:
            self.turns.fail(
                as_string(as_mapping(error).get("message")) or as_text(error) or "failed", at, time
            )
        stats = as_mapping(record.get("stats"))
        if stats:
            self.turns.close()
            # Only the sums of the whole run are recorded, sub-agents included.
            self.turns.spend_more(
                Usage(
                    as_integer(stats.get("input_tokens")),
                    as_integer(stats.get("output_tokens")),
                    as_integer(stats.get("cached")),
                )
            )


def _result(record: Mapping[str, JSON]) -> ToolResult:
    error = record.get("error")
    said = as_string(as_mapping(error).get("message")) or as_text(error)
    text = as_text(record.get("output")) or said or ""
    failed = record.get("status") == "error" or error is not None
    return ToolResult(
        text, as_string(record.get("tool_id")), error=(said or text or "failed") if failed else None
    )
