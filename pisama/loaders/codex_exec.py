"""What `codex exec --json` prints: events of threads, turns and items, or messages of versions before 0.40."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from pisama.loaders.base import Document, Loaded
from pisama.loaders.codex_messages import read_old_message
from pisama.loaders.codex_thread import MAIN_AGENT, RunningTotal, codex_usage
from pisama.loaders.items import items, sample_items
from pisama.loaders.message_parts import content_text
from pisama.loaders.messages import ChatMessage, ToolResult
from pisama.loaders.turns import Turns, session_trace, shell_result
from pisama.loaders.values import as_integer, as_mapping, as_string, as_text, first, to_json
from pisama.report import LoadError
from pisama.trace import JSON, Location, ToolCall

_EVENTS = ("thread.started", "turn.started", "turn.completed", "turn.failed")
_ITEMS = ("item.started", "item.updated", "item.completed")
_FAILED = ("failed", "declined")


class CodexExecLoader:
    """One output is one run; a second `thread.started` begins another."""

    id: ClassVar[str] = "codex-exec"
    title: ClassVar[str] = "Codex CLI exec output (--json)"
    recognised_by: ClassVar[str] = (
        "events such as `thread.started`, `turn.started` and `item.completed`; "
        "before version 0.40 lines with an `id` and a `msg` that has a `type`"
    )

    def sniff(self, document: Document) -> float:
        """By the names of its events."""
        return max((_mark(as_mapping(value)) for value in sample_items(document)), default=0.0)

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each thread."""
        runs: list[_Run] = []
        for record in items(document):
            if isinstance(record, LoadError):
                yield record
                continue
            if not isinstance(record.value, dict):
                yield LoadError("not an object", record.at)
                continue
            begins = record.value.get("type") == "thread.started" or "prompt" in record.value
            if not runs or (begins and runs[-1].begun):
                runs.append(_Run(record.at))
            problem = runs[-1].read(record.value, record.at)
            if problem is not None:
                yield LoadError(problem, record.at)
        for run in runs:
            yield session_trace(
                document,
                self.id,
                run.name,
                run.turns.steps(),
                run.task,
                run.at,
                # Old versions do not say when a turn is over.
                ended=run.ended if run.has_turns else None,
                outcome=run.outcome,
            )


def _mark(record: Mapping[str, JSON]) -> float:
    kind = as_string(record.get("type"))
    if kind in _EVENTS and ("thread_id" in record or kind != "thread.started"):
        return 0.95
    if kind in _ITEMS and isinstance(as_mapping(record.get("item")).get("type"), str):
        return 0.95
    message = as_mapping(record.get("msg"))
    return 0.9 if isinstance(message.get("type"), str) and isinstance(record.get("id"), str) else 0.0


@dataclass(slots=True)
class _Run:
    """One run, half read."""

    at: Location
    name: str | None = None
    task: str | None = None
    turns: Turns = field(default_factory=lambda: Turns(MAIN_AGENT))
    total: RunningTotal = field(default_factory=RunningTotal)
    begun: bool = False
    has_turns: bool = False
    ended: bool = False
    outcome: str | None = None
    _open: set[str] = field(default_factory=set)

    def read(self, record: Mapping[str, JSON], at: Location) -> str | None:
        """Takes one line in; says what is wrong with it, if something is."""
        kind = record.get("type")
        message = record.get("msg")
        if kind in _ITEMS:
            item = record.get("item")
            if not isinstance(item, dict):
                return f"a line of type {kind} without an item"
            self._item(item, at, completed=kind == "item.completed")
        elif isinstance(kind, str):
            self._event(kind, record, at)
        elif isinstance(message, dict):
            self.outcome = read_old_message(self.turns, message, at) or self.outcome
        elif "prompt" in record:
            self.begun = True
            self.task = as_text(record.get("prompt"))
            self.turns.hear(ChatMessage("user", self.task or "", at=at))
        elif "model" in record:
            self.turns.model = as_string(record.get("model"))
        else:
            return "neither an event nor a message"
        return None

    def _event(self, kind: str, record: Mapping[str, JSON], at: Location) -> None:
        if kind == "thread.started":
            self.begun = True
            self.name = as_string(record.get("thread_id"))
        elif kind == "turn.started":
            self.has_turns, self.ended = True, False
        elif kind == "turn.completed":
            usage = self.total.add_total(codex_usage(as_mapping(record.get("usage"))))
            self.turns.close()
            if usage is not None:
                self.turns.spend_more(usage)
            self.ended, self.outcome = True, "success"
        elif kind == "turn.failed":
            error = as_mapping(record.get("error"))
            self.turns.fail(as_string(error.get("message")) or "the turn failed", at)
            self.ended, self.outcome = True, "error"
        elif kind == "error":
            # A warning, or an attempt of several: when the turn fails, `turn.failed` says so.
            self.turns.hear(ChatMessage("system", as_string(record.get("message")) or "", at=at))

    def _item(self, item: Mapping[str, JSON], at: Location, *, completed: bool) -> None:
        kind = as_string(item.get("type")) or ""
        text = as_string(first(item, "text", "message")) or ""
        if kind == "agent_message":
            self.turns.say(text if completed else "", at)
        elif kind == "reasoning":
            self.turns.think(text if completed else "", at)
        elif kind == "error":
            self.turns.hear(ChatMessage("system", text if completed else "", at=at))
        elif kind == "todo_list":
            self._plan(item, at, completed=completed)
        else:
            self._call(kind, item, at, completed=completed)

    def _plan(self, item: Mapping[str, JSON], at: Location, *, completed: bool) -> None:
        """The list is written anew with each update; its completion only repeats it."""
        name = as_string(item.get("id")) or ""
        if completed and name in self._open:
            return
        self._open.add(name)
        self.turns.call(ToolCall("todo_list", {"items": item.get("items")}, at=at))
        self.turns.answer(ToolResult(""), at)

    def _call(self, kind: str, item: Mapping[str, JSON], at: Location, *, completed: bool) -> None:
        name = as_string(item.get("id"))
        if name is None or name not in self._open:
            self.turns.call(_read_call(kind, item, at))
            self._open.add(name or "")
        if completed:
            self.turns.answer(_read_result(kind, item), at)


def _read_call(kind: str, item: Mapping[str, JSON], at: Location) -> ToolCall:
    call_id = as_string(item.get("id"))
    if kind == "mcp_tool_call":
        names = (as_string(item.get("server")), as_string(item.get("tool")))
        return ToolCall(".".join(filter(None, names)), item.get("arguments"), call_id, at=at)
    if kind == "collab_tool_call":
        given = {name: item[name] for name in ("prompt", "receiver_thread_ids") if item.get(name)}
        return ToolCall(as_string(item.get("tool")) or kind, given, call_id, at=at)
    given = {
        name: item[name] for name in ("command", "changes", "query", "action") if item.get(name) is not None
    }
    return ToolCall(kind, given, call_id, at=at)


def _read_result(kind: str, item: Mapping[str, JSON]) -> ToolResult:
    call_id = as_string(item.get("id"))
    failed = item.get("status") in _FAILED
    if kind == "command_execution":
        code = as_integer(item.get("exit_code"))
        text = shell_result(as_text(item.get("aggregated_output")) or "", code)
        # With an exit code the text says it: `grep` that finds nothing has failed, too.
        return ToolResult(text, call_id, error=(text or "failed") if failed and code is None else None)
    if kind == "mcp_tool_call":
        result = as_mapping(item.get("result"))
        error = as_string(as_mapping(item.get("error")).get("message"))
        text = content_text(first(result, "content", "structured_content")) or ""
        return ToolResult(
            error or text, call_id, error=(error or text or "failed") if failed or error else None
        )
    told = first(item, "agents_states", "results", "message")
    text = "" if told is None else to_json(told)
    return ToolResult(text, call_id, error=(text or "failed") if failed else None)
