"""Trajectories of SWE-agent (`.traj`), versions 0.x and 1.x, and the demonstrations among them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from pisama.loaders.base import Document, Loaded
from pisama.loaders.items import items, sample_items
from pisama.loaders.messages import ChatMessage, ToolResult, read_message
from pisama.loaders.turns import Turns, session_trace
from pisama.loaders.values import as_integer, as_list, as_mapping, as_number, as_string, as_text, first
from pisama.report import LoadError
from pisama.trace import JSON, Location, ToolCall, Usage

AGENT = "swe-agent"
_COMMAND = "bash"
"""Name of the calls that were written as commands in the text."""
_OUTCOMES = (
    # `submitted (exit_cost)`: what there was when the limit was reached.
    ("exit_cost", "max_cost"),
    ("exit_total_execution_time", "max_time"),
    ("exit_command_timeout", "max_time"),
    ("exit_context", "context_window"),
    ("submitted", "success"),
)
_LAST_FENCE = re.compile(r"```\n(?P<command>[^`]+)\n```\s*\Z")
_GIVEN_UP = "exit_"
"""How the action begins that SWE-agent writes itself when it stops the agent."""


class SweAgentLoader:
    """One object is one run; of a run with several attempts, each attempt is one. Demonstrations are left out."""

    id: ClassVar[str] = "swe-agent"
    title: ClassVar[str] = "SWE-agent trajectory"
    recognised_by: ClassVar[str] = (
        "`trajectory`, `history` and `info`; a `history` with `message_type` or `action`; or a `trajectory` whose"
        " messages have role `ai` and `text`"
    )

    def sniff(self, document: Document) -> float:
        """By its three parts, else by how the messages of its history are marked."""
        return max((_mark(as_mapping(value)) for value in sample_items(document)), default=0.0)

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each trajectory."""
        for record in items(document):
            if isinstance(record, LoadError):
                yield record
                continue
            run = _from_table(as_mapping(record.value))
            attempts = as_list(run.get("attempts")) if not _has_run(run) else []
            if not attempts and not _has_run(run):
                yield LoadError("neither a trajectory nor a history", record.at)
                continue
            for place, attempt in enumerate(attempts or [run]):
                pointer = f"{record.at.pointer}/attempts/{place}" if attempts else record.at.pointer
                at = Location(record.at.path, record.at.line, pointer)
                name = as_string(run.get("instance_id"))
                yield from _load(
                    as_mapping(attempt),
                    at,
                    document,
                    f"{name or 'attempt'}-{place + 1}" if attempts else name,
                )


def _from_table(row: dict[str, JSON]) -> dict[str, JSON]:
    """A row of a table of trajectories, as a run without a history has it; any other record as it is.

    Such rows keep only words, the command in the last fence of what the model said. Labels beside them are not read.
    """
    if not _is_table_row(row):
        return row
    history: list[JSON] = [_from_table_message(as_mapping(value)) for value in as_list(row["trajectory"])]
    return {
        "instance_id": row.get("instance_id"),
        "history": history,
        "info": {"exit_status": row.get("exit_status")},
    }


def _is_table_row(row: Mapping[str, JSON]) -> bool:
    said = [as_mapping(value) for value in as_list(row.get("trajectory"))[:8]]
    return any(value.get("role") == "ai" and "text" in value for value in said)


def _from_table_message(message: Mapping[str, JSON]) -> JSON:
    text = as_text(first(message, "text", "system_prompt")) or ""
    fenced = _LAST_FENCE.search(text) if message.get("role") == "ai" else None
    return {"role": message.get("role"), "content": text, "action": fenced["command"] if fenced else None}


def _has_run(record: Mapping[str, JSON]) -> bool:
    return isinstance(record.get("trajectory"), list) or isinstance(record.get("history"), list)


def _mark(record: Mapping[str, JSON]) -> float:
    history = [as_mapping(message) for message in as_list(record.get("history"))[:8]]
    if isinstance(record.get("trajectory"), list) and isinstance(record.get("info"), dict):
        return 0.95 if "history" in record else 0.7
    if isinstance(record.get("attempts"), list) and isinstance(record.get("info"), dict):
        return 0.6
    if _is_table_row(record):
        return 0.9
    marked = any(
        "role" in message and ("message_type" in message or "is_demo" in message) for message in history
    )
    acted = any("role" in message and "action" in message and "agent" in message for message in history)
    return 0.9 if marked or acted else 0.0


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the model answered, by the history: its text and its calls."""

    message: ChatMessage
    action: str | None


def _load(run: Mapping[str, JSON], at: Location, document: Document, name: str | None) -> Iterator[Loaded]:
    turns = Turns(AGENT)
    history = as_list(run.get("history"))
    opening, asked = _read_history(history, at)
    task = next((message.text for message in opening if message.role == "user" and message.text), None)
    for message in opening:
        turns.hear(message)
    trajectory = run.get("trajectory")
    if isinstance(trajectory, list) and trajectory:
        for place, value in enumerate(trajectory):
            where = Location(at.path, at.line, f"{at.pointer}/trajectory/{place}")
            if not isinstance(value, dict):
                yield LoadError("a step that is not an object", where)
                continue
            _act(turns, value, asked[place] if place < len(asked) else None, where)
    else:
        _replay(turns, history, at)
    info = as_mapping(run.get("info"))
    steps = turns.steps()
    stats = _stats(as_mapping(info.get("model_stats")))
    if stats is not None and steps:
        turns.spend_more(stats)
        steps = turns.steps()
    status = as_string(info.get("exit_status"))
    yield session_trace(
        document,
        SweAgentLoader.id,
        name,
        steps,
        task,
        at,
        answer=as_string(info.get("submission")),
        ended=True if status else None,
        outcome=_outcome(status),
    )


def _read_history(history: list[JSON], at: Location) -> tuple[list[ChatMessage], list[_Asked]]:
    """The messages before the first act, and the acts."""
    opening: list[ChatMessage] = []
    asked: list[_Asked] = []
    for place, value in enumerate(history):
        record = as_mapping(value)
        if record.get("is_demo") is True:
            continue
        where = Location(at.path, at.line, f"{at.pointer}/history/{place}")
        message = read_message(record, where)
        if message.role == "assistant":
            asked.append(_Asked(message, as_string(record.get("action"))))
        elif not asked:
            opening.append(message)
    return opening, asked


def _act(turns: Turns, step: Mapping[str, JSON], asked: _Asked | None, at: Location) -> None:
    """One step of the trajectory; the history knows its calls with their arguments."""
    action = (as_string(step.get("action")) or "").strip()
    response = as_text(first(step, "response", "thought")) or ""
    if action.startswith(_GIVEN_UP):
        turns.fail(response or action, at)
        return
    turns.close()
    turns.say(response, at)
    calls = asked.message.calls if asked is not None and (asked.action or "").strip() in ("", action) else ()
    if not calls and action:
        calls = (ToolCall(_COMMAND, {"command": action}, at=at),)
    for call in calls:
        turns.call(call)
    observation = as_text(step.get("observation"))
    if calls and observation is not None:
        turns.answer(ToolResult(observation, calls[0].id), at)
        for call in calls[1:]:
            turns.answer(ToolResult("", call.id), at)
    elif observation:
        turns.hear(ChatMessage("tool", observation, at=at))
    turns.close()


def _replay(turns: Turns, history: list[JSON], at: Location) -> None:
    """The acts of a history that has no trajectory beside it."""
    calls: tuple[ToolCall, ...] = ()
    begun = False
    for place, value in enumerate(history):
        record = as_mapping(value)
        if record.get("is_demo") is True:
            continue
        message = read_message(record, Location(at.path, at.line, f"{at.pointer}/history/{place}"))
        if message.role == "assistant":
            begun = True
            action = (as_string(record.get("action")) or "").strip()
            calls = message.calls or (
                (ToolCall(_COMMAND, {"command": action}, at=message.at),) if action else ()
            )
            turns.close()
            turns.say(message.text, message.at)
            for call in calls:
                turns.call(call)
        elif begun:
            results = message.results or (ToolResult(message.text),) if calls else ()
            for result in results:
                turns.answer(result, message.at)
            if not results:
                turns.hear(message)
            calls = ()


def _stats(stats: Mapping[str, JSON]) -> Usage | None:
    """The sums of the run; only they are recorded."""
    sent, received = as_integer(stats.get("tokens_sent")), as_integer(stats.get("tokens_received"))
    return Usage(sent, received, cost=as_number(stats.get("instance_cost"))) if sent or received else None


def _outcome(status: str | None) -> str | None:
    if status is None:
        return None
    return next((outcome for words, outcome in _OUTCOMES if words in status), status)
