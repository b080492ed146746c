"""The SQLite database in which LangGraph's `SqliteSaver` keeps checkpoints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pisama.loaders.base import Document, Loaded
from pisama.loaders.langgraph_states import Snapshot, state_run
from pisama.loaders.message_pack import BadMessagePack, bytes_of_cell, open_message_pack
from pisama.loaders.runs import inside
from pisama.loaders.values import as_integer, as_list, as_mapping, as_nanoseconds, as_string, open_json
from pisama.report import LoadError
from pisama.trace import JSON, Location

_CHECKPOINTS, _WRITES = "checkpoints", "writes"
_COLUMNS = frozenset(("thread_id", "checkpoint_id", "checkpoint"))
_ERROR = "__error__"
_BRANCH = "branch:to:"
_TASKS = "__pregel_tasks"


class LangGraphCheckpointsLoader:
    """A thread is a run: its checkpoints, oldest first, and what was written after the last one."""

    id: ClassVar[str] = "langgraph-checkpoints"
    title: ClassVar[str] = "LangGraph checkpoints"
    recognised_by: ClassVar[str] = "a database with a table `checkpoints` of `thread_id` and `checkpoint`"

    def sniff(self, document: Document) -> float:
        """Certain of the table that LangGraph makes."""
        table = document.tables.get(_CHECKPOINTS)
        return 1.0 if table is not None and set(table.columns) >= _COLUMNS else 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each thread."""
        if _CHECKPOINTS not in document.tables:
            return
        written = _Written(document)
        threads: dict[str, list[Snapshot]] = {}
        for number, row in enumerate(document.tables[_CHECKPOINTS].rows()):
            at = Location(document.path, pointer=f"/{_CHECKPOINTS}/{number}")
            try:
                checkpoint = as_mapping(_value(row.get("type"), row.get("checkpoint")))
            except BadMessagePack as error:
                yield LoadError(f"a checkpoint that cannot be read: {error}", at)
                continue
            thread = as_string(row.get("thread_id")) or ""
            threads.setdefault(thread, []).append(_snapshot(row, checkpoint, written, at))
        yield from written.problems
        for thread, snapshots in threads.items():
            ordered = sorted(snapshots, key=lambda snapshot: snapshot.created or 0)
            state = state_run(ordered)
            yield state.run.trace(thread or "thread", self.id, complete=state.complete)


class _Written:
    """What the tasks that followed each checkpoint wrote."""

    def __init__(self, document: Document) -> None:
        self.problems: list[LoadError] = []
        self._errors: dict[tuple[str | None, str | None], str] = {}
        table = document.tables.get(_WRITES)
        for number, row in enumerate(table.rows() if table is not None else ()):
            if row.get("channel") != _ERROR:
                continue
            try:
                value = _value(row.get("type"), row.get("value"))
            except BadMessagePack as error:
                at = Location(document.path, pointer=f"/{_WRITES}/{number}")
                self.problems.append(LoadError(f"an error that cannot be read: {error}", at))
                continue
            self._errors[_key(row)] = as_string(value) or "failed"

    def error_after(self, row: Mapping[str, JSON]) -> str | None:
        """Why a task that followed this checkpoint failed."""
        return self._errors.get(_key(row))


def _key(row: Mapping[str, JSON]) -> tuple[str | None, str | None]:
    return as_string(row.get("thread_id")), as_string(row.get("checkpoint_id"))


def _value(kind: JSON, cell: JSON) -> JSON:
    """A value of a cell, by the type that stands beside it."""
    if kind == "json":
        return open_json(cell)
    if kind == "pickle":
        raise BadMessagePack("a Python pickle, which is never opened: loading it could run code")
    return open_message_pack(bytes_of_cell(cell))


def _snapshot(
    row: Mapping[str, JSON], checkpoint: Mapping[str, JSON], written: _Written, at: Location
) -> Snapshot:
    values = as_mapping(checkpoint.get("channel_values"))
    metadata = as_mapping(open_json(row.get("metadata")))
    error = written.error_after(row)
    waiting = [name.removeprefix(_BRANCH) for name in values if name.startswith(_BRANCH)]
    if as_list(values.get(_TASKS)):
        waiting.append(_TASKS)
    return Snapshot(
        at=at,
        place=inside(at, "checkpoint", "channel_values"),
        values=values,
        step=as_integer(metadata.get("step")),
        created=as_nanoseconds(checkpoint.get("ts")),
        waiting=tuple(waiting),
        errors=() if error is None else (("", error),),
        agent=as_string(metadata.get("lc_agent_name")),
        namespace=as_string(row.get("checkpoint_ns")) or "",
    )
