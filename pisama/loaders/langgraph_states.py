"""The states of one thread of LangGraph, put together to one run.

Each state holds the whole conversation so far, and a later one may have dropped what an earlier one
held; so all are read, oldest first, and each message counts once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pisama.loaders.langchain_messages import is_langchain, message_id
from pisama.loaders.langchain_runs import LangChainRun
from pisama.loaders.runs import RunBuilder, inside
from pisama.loaders.values import as_list
from pisama.trace import JSON, Location


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One state."""

    at: Location
    place: Location
    """Where its values are."""
    values: Mapping[str, JSON]
    step: int | None = None
    created: int | None = None
    waiting: tuple[str, ...] = ()
    """Nodes that were to run next."""
    errors: tuple[tuple[str, str], ...] = ()
    """Nodes that failed, and why."""
    agent: str | None = None
    """Name of the agent that the graph is."""
    namespace: str = ""
    """Which graph inside the graph it is a state of; empty for the whole."""


@dataclass(frozen=True, slots=True)
class StateRun:
    """What the states of a thread tell."""

    run: RunBuilder
    complete: bool


def state_run(snapshots: list[Snapshot]) -> StateRun:
    """The run of one thread, from at least one state in any order."""
    newest_first = _is_newest_first(snapshots)
    ordered = list(reversed(snapshots)) if newest_first else snapshots
    reader = LangChainRun(RunBuilder(ordered[-1].at))
    known: dict[str, int] = {}
    for snapshot in ordered:
        field, messages = _messages(snapshot.values)
        for place, message in enumerate(messages):
            # Messages without ids can only be told apart by their number.
            if message_id(message) is not None or place >= known.get(snapshot.namespace, 0):
                reader.read(message, inside(snapshot.place, field, place), end=snapshot.created)
        known[snapshot.namespace] = len(messages)
        for node, error in snapshot.errors:
            reader.fail(error, node, snapshot.agent, snapshot.at)
    last = ordered[-1]
    ended = not last.waiting or reader.run.outcome is not None
    return StateRun(reader.run, ended)


def _messages(values: Mapping[str, JSON]) -> tuple[str, list[JSON]]:
    """The list of messages in a state, which is nearly always called `messages`."""
    for field in ("messages", *values):
        listed = as_list(values.get(field))
        if listed and any(is_langchain(message) for message in listed[:4]):
            return field, listed
    return "messages", []


def _is_newest_first(snapshots: list[Snapshot]) -> bool:
    """As `get_state_history` yields them; states that a program appended to a file are oldest first."""
    first, last = snapshots[0], snapshots[-1]
    if first.created is not None and last.created is not None and first.created != last.created:
        return first.created > last.created
    return (first.step or 0) > (last.step or 0)
