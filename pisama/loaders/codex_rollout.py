"""Rollouts of the OpenAI Codex CLI: `~/.codex/sessions/**/rollout-*.jsonl`, from 0.20 on.

Old rollouts hold bare items of the Responses API; newer ones wrap every line as `timestamp`, `type`
and `payload`. There the `response_item` lines are the run. Most `event_msg` lines show the same for
the terminal and are not read, except for tokens, the user's own words, errors and the end of a turn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from pisama.loaders.base import Document, Loaded, Members, Record
from pisama.loaders.codex_thread import Thread, spawned
from pisama.loaders.companions import first_record, groups_by_link
from pisama.loaders.items import items, sample_items
from pisama.loaders.members import member_items, member_samples
from pisama.loaders.messages import ChatMessage
from pisama.loaders.responses_items import is_item
from pisama.loaders.turns import Branch, session_trace, together
from pisama.loaders.values import as_mapping, as_nanoseconds, as_string
from pisama.report import LoadError
from pisama.trace import JSON, Location, Trace

_ENVELOPES = (
    *("session_meta", "turn_context", "response_item", "event_msg", "compacted", "world_state"),
    *(
        "token_usage_record",
        "session_state",
        "inter_agent_communication",
        "inter_agent_communication_metadata",
    ),
)


class CodexRolloutLoader:
    """One file is one thread; threads of sub-agents in the same input belong to the run of their parent."""

    id: ClassVar[str] = "codex-rollout"
    title: ClassVar[str] = "Codex CLI rollout"
    recognised_by: ClassVar[str] = (
        "lines with a `payload` and a `type` such as `session_meta` or `response_item`; "
        "old ones by a first line with `id`, `timestamp` and `instructions`"
    )

    def sniff(self, document: Document) -> float:
        """By the envelope of its lines or, in old rollouts, by the first line and `record_type`."""
        values = (*sample_items(document), *member_samples(document, _is_rollout))
        return max((_mark(as_mapping(value)) for value in values), default=0.0)

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each thread that no other thread of the document started."""
        threads: dict[str, Thread] = {}
        for file, record in _records(document):
            if isinstance(record, LoadError):
                yield record
            elif not isinstance(record.value, dict):
                yield LoadError("not an object", record.at)
            else:
                problem = _take(threads, file, record.value, record.at)
                if problem is not None:
                    yield LoadError(problem, record.at)
        names = {thread.id for thread in threads.values()}
        below: dict[str | None, list[Thread]] = {}
        for thread in threads.values():
            below.setdefault(thread.parent, []).append(thread)
        # Threads that are each other's parents have nobody above them.
        done: set[str] = set()
        tops = (thread for thread in threads.values() if thread.parent not in names)
        for thread in (*tops, *threads.values()):
            if thread.key not in done:
                family = _family(thread, below)
                done.update(member.key for member in family)
                yield _trace(thread, family, document)

    def companions(self, members: Members) -> Iterator[Sequence[str]]:
        """A rollout and those beside it whose headers name its thread, or one of theirs, as the parent."""
        threads: dict[str, str] = {}
        parents: dict[str, str] = {}
        for name, opened in members.items():
            if name.startswith("rollout-") and "/" not in name:
                thread = Thread(name, Location())
                thread.begin(as_mapping(first_record(opened).get("payload")))
                threads[thread.id or name] = name
                if thread.parent is not None:
                    parents[name] = thread.parent
        links = {name: threads[parent] for name, parent in parents.items() if parent in threads}
        return groups_by_link(members, links)


def _is_rollout(name: str) -> bool:
    return name.endswith(".jsonl")


def _mark(record: Mapping[str, JSON]) -> float:
    if as_string(record.get("type")) in _ENVELOPES and isinstance(record.get("payload"), dict):
        return 0.97
    if record.get("record_type") == "state" or _is_header(record):
        return 0.95
    return 0.0


def _is_header(record: Mapping[str, JSON]) -> bool:
    """The first line of an old rollout."""
    return "instructions" in record and "timestamp" in record and "id" in record and "type" not in record


def _records(document: Document) -> Iterator[tuple[str, Record | LoadError]]:
    for record in items(document):
        yield "", record
    yield from member_items(document, _is_rollout)


def _take(threads: dict[str, Thread], file: str, record: Mapping[str, JSON], at: Location) -> str | None:
    """Takes one line in; says what is wrong with it, if something is."""
    latest = next(reversed(threads.values()), None)
    current = latest if latest is not None and latest.key.startswith(f"{file}#") else None
    kind = as_string(record.get("type"))
    payload = as_mapping(record.get("payload"))
    meta = payload if kind == "session_meta" else record if _is_header(record) else None
    if current is None or (meta is not None and _is_other(current, meta)):
        current = Thread(f"{file}#{len(threads)}", at)
        threads[current.key] = current
    time = as_nanoseconds(record.get("timestamp"))
    if meta is not None:
        if current.id is None:
            current.begin(meta)
    elif kind not in _ENVELOPES:
        if not is_item({**record}) and "role" not in record:
            return None if "record_type" in record else "a line of no known type"
        current.read_item(record, at, time)
    elif not payload:
        return f"a line of type {kind} without a payload"
    else:
        _read(current, str(kind), payload, replace(at, pointer=f"{at.pointer}/payload"), time)
    return None


def _is_other(thread: Thread, meta: Mapping[str, JSON]) -> bool:
    """Whether this header begins another thread; one that was forked repeats the header of its origin."""
    return thread.id is not None and as_string(meta.get("id")) not in (None, thread.id, thread.forked)


def _read(thread: Thread, kind: str, payload: Mapping[str, JSON], at: Location, time: int | None) -> None:
    if kind == "response_item":
        thread.read_item(payload, at, time)
    elif kind == "event_msg":
        thread.read_event(payload, at, time)
    elif kind == "turn_context":
        thread.turns.model = as_string(payload.get("model")) or thread.turns.model
    elif kind == "token_usage_record":
        thread.read_usage(payload)
    elif kind == "compacted":
        thread.turns.hear(ChatMessage("system", as_string(payload.get("message")) or "", at=at))


def _family(root: Thread, below: dict[str | None, list[Thread]]) -> list[Thread]:
    """A thread with all that it and its sub-agents started."""
    found = [root]
    for thread in found:
        if thread.id is not None:
            found += (child for child in below.pop(thread.id, []) if child is not root)
    return found


def _trace(root: Thread, family: list[Thread], document: Document) -> Trace:
    by_id = {thread.id: thread for thread in family}
    steps = {thread.key: thread.turns.steps() for thread in family}
    starts = {thread.key: spawned(thread, steps[thread.key]) for thread in family}
    branches = [Branch(root.key, steps[root.key])]
    for thread in family[1:]:
        parent = by_id[thread.parent]
        place = starts[parent.key].get(thread.id or "")
        branches.append(Branch(thread.key, steps[thread.key], None if place is None else (parent.key, place)))
    return session_trace(
        document,
        CodexRolloutLoader.id,
        root.id,
        together(branches),
        root.asked or root.first_words,
        root.at,
        outcome=root.outcome,
        metadata={"version": root.version} if root.version else {},
    )
