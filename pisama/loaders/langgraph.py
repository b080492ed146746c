"""LangGraph: histories of states, states of its API, and streamed updates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from pisama.loaders.base import Document, Loaded, Record
from pisama.loaders.items import items, sample_items
from pisama.loaders.langchain_messages import is_langchain
from pisama.loaders.langchain_runs import LangChainRun
from pisama.loaders.langgraph_states import Snapshot, state_run
from pisama.loaders.runs import RunBuilder, inside, run_name
from pisama.loaders.values import as_integer, as_list, as_mapping, as_nanoseconds, as_string
from pisama.report import LoadError
from pisama.trace import JSON, Location

_INTERRUPT = "__interrupt__"


class LangGraphLoader:
    """The states of a thread are one run, and so are the updates of one file."""

    id: ClassVar[str] = "langgraph"
    title: ClassVar[str] = "LangGraph states"
    recognised_by: ClassVar[str] = (
        'states with `values` and `checkpoint_id`, or updates `{node: {"messages": […]}}` of LangChain messages'
    )

    def sniff(self, document: Document) -> float:
        """By the configuration of a checkpoint, and by the messages in the updates of nodes."""
        values = [as_mapping(value) for value in sample_items(document)]
        if any(_is_state(value) for value in values):
            return 0.95
        return 0.9 if any(_is_update(value) for value in values) else 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each thread."""
        threads: dict[str, list[Snapshot]] = {}
        updates: list[Record] = []
        for record in items(document):
            if isinstance(record, LoadError):
                yield record
                continue
            value = as_mapping(record.value)
            if _is_state(value):
                threads.setdefault(_thread(value) or run_name(document), []).append(
                    _snapshot(value, record.at)
                )
            elif value:
                updates.append(record)
            elif isinstance(record.value, list):
                # The path of a graph inside the graph, before its update.
                continue
            else:
                yield LoadError("neither a state nor an update of one", record.at)
        for name, snapshots in threads.items():
            state = state_run(snapshots)
            yield state.run.trace(name, self.id, complete=state.complete and not document.growing)
        if updates:
            yield from _Updates(updates).load(document, len(threads))


def _is_state(value: Mapping[str, JSON]) -> bool:
    return "values" in value and "next" in value and _configured(value) is not None


def _configured(value: Mapping[str, JSON]) -> Mapping[str, JSON] | None:
    """Which checkpoint a state is: the library says so in `config`, the API in `checkpoint`."""
    configured = as_mapping(as_mapping(value.get("config")).get("configurable"))
    for place in (configured, as_mapping(value.get("checkpoint")), value):
        if "checkpoint_id" in place:
            return place
    return None


def _thread(value: Mapping[str, JSON]) -> str | None:
    place = _configured(value)
    return as_string(place.get("thread_id")) if place is not None else None


def _snapshot(value: Mapping[str, JSON], at: Location) -> Snapshot:
    metadata = as_mapping(value.get("metadata"))
    return Snapshot(
        at=at,
        place=inside(at, "values"),
        values=as_mapping(value.get("values")),
        step=as_integer(metadata.get("step")),
        created=as_nanoseconds(value.get("created_at")),
        waiting=tuple(node for node in as_list(value.get("next")) if isinstance(node, str)),
        errors=tuple(
            (as_string(task.get("name")) or "", error)
            for task in map(as_mapping, as_list(value.get("tasks")))
            if (error := as_string(task.get("error"))) is not None
        ),
        agent=as_string(metadata.get("lc_agent_name")),
    )


def _is_update(value: Mapping[str, JSON]) -> bool:
    return any(
        is_langchain(message)
        for update in list(value.values())[:8]
        for part in _parts(update)[:4]
        for message in as_list(as_mapping(part).get("messages"))[:4]
    )


def _parts(update: JSON) -> list[JSON]:
    """What a node changed, at once or in several commands."""
    return update if isinstance(update, list) else [update]


@dataclass(slots=True)
class _Updates:
    """What the nodes of a graph did, one after another."""

    records: list[Record]
    errors: list[LoadError] = field(default_factory=list)

    def load(self, document: Document, number: int) -> Iterator[Loaded]:
        """The trace, and an error for each message that could not be read."""
        state = LangChainRun(RunBuilder(Location(document.path)))
        for record in self.records:
            for node, update in as_mapping(record.value).items():
                if node == _INTERRUPT:
                    state.run.outcome = "interrupted"
                else:
                    self._update(state, node, update, inside(record.at, node))
        yield from self.errors
        yield state.run.trace(run_name(document, number), LangGraphLoader.id, complete=not document.growing)

    def _update(self, state: LangChainRun, node: str, update: JSON, at: Location) -> None:
        for part in _parts(update):
            found = as_mapping(part).get("messages")
            listed = found if isinstance(found, list) else [found]
            for place, message in enumerate(listed):
                if message is not None and not state.read(message, inside(at, "messages", place), node=node):
                    self.errors.append(LoadError("not a LangChain message", inside(at, "messages", place)))
