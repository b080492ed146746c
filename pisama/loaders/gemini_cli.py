"""Sessions of the Gemini CLI: `~/.gemini/tmp/<project>/chats/session-*`, as one JSON object or as a log of changes.

The log (since 0.3x) starts with a header. Lines after it are messages, of which a later one replaces
an earlier one of the same id; `$set` changes fields of the header, the messages among them;
`$rewindTo` drops a message and all after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from pisama.loaders.base import Document, Loaded, Members, Record
from pisama.loaders.companions import groups_by_folder
from pisama.loaders.gemini_cli_messages import MAIN_AGENT, MODEL, SUB_AGENT, read_session, task_of
from pisama.loaders.items import items, sample_items
from pisama.loaders.members import member_items, member_samples
from pisama.loaders.turns import Branch, session_trace, together
from pisama.loaders.values import as_list, as_mapping, as_string
from pisama.report import LoadError
from pisama.trace import JSON, Location, Step, Trace

ID_IN_NAME = 8
"""Characters of a session's id that the name of its file ends with."""

_OPERATIONS = ("$set", "$rewindTo")


class GeminiCliLoader:
    """One file is one session; sessions of sub-agents in the same input belong to the run that called them."""

    id: ClassVar[str] = "gemini-cli-session"
    title: ClassVar[str] = "Gemini CLI session"
    recognised_by: ClassVar[str] = "objects with `sessionId` and `projectHash`"

    def sniff(self, document: Document) -> float:
        """By the header of a session."""
        values = (*sample_items(document), *member_samples(document, _is_session_file))
        return max((_mark(as_mapping(value)) for value in values), default=0.0)

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each session that no other session of the document started."""
        sessions: list[_Session] = []
        for file, record in _records(document):
            if isinstance(record, LoadError):
                yield record
                continue
            if not isinstance(record.value, dict):
                yield LoadError("not an object", record.at)
                continue
            if _is_header(record.value) or not sessions or sessions[-1].file != file:
                sessions.append(_Session(file, record.at))
            problem = sessions[-1].add(record.value, record.at)
            if problem is not None:
                yield LoadError(problem, record.at)
        yield from _traces(sessions, document, self.id)

    def companions(self, members: Members) -> Iterator[Sequence[str]]:
        """A session and its sub-agents, which lie in a folder named by the session's whole id."""
        return groups_by_folder(
            members,
            lambda name: name.startswith("session-") and _is_session_file(name),
            lambda folder, stem: len(folder) > ID_IN_NAME and stem.endswith(f"-{folder[:ID_IN_NAME]}"),
        )


def _is_session_file(name: str) -> bool:
    return name.endswith((".json", ".jsonl"))


def _is_header(record: Mapping[str, JSON]) -> bool:
    return "sessionId" in record and "projectHash" in record


def _mark(record: Mapping[str, JSON]) -> float:
    if _is_header(record):
        return 0.97
    if any(operation in record for operation in _OPERATIONS):
        return 0.6
    # A log without its header.
    return 0.6 if record.get("type") in MODEL and "content" in record else 0.0


def _records(document: Document) -> Iterator[tuple[str, Record | LoadError]]:
    for record in items(document):
        yield "", record
    yield from member_items(document, _is_session_file)


@dataclass(slots=True)
class _Session:
    """One session, as its log leaves it."""

    file: str
    at: Location
    header: dict[str, JSON] = field(default_factory=dict)
    messages: dict[str, Record] = field(default_factory=dict)
    """By id, in the order in which they were first written."""

    def add(self, record: Mapping[str, JSON], at: Location) -> str | None:
        """Takes one line in; says what is wrong with it, if something is."""
        changes = record.get("$set")
        if isinstance(changes, dict):
            self._change(changes, replace(at, pointer=f"{at.pointer}/$set"))
        elif "$rewindTo" in record:
            self._rewind(as_string(record.get("$rewindTo")))
        elif _is_header(record):
            self._change(record, at)
        elif isinstance(record.get("type"), str):
            name = as_string(record.get("id")) or f"line {at.line} {at.pointer}"
            self.messages[name] = Record({**record}, at)
        else:
            return "neither a message nor a change"
        return None

    def _change(self, changes: Mapping[str, JSON], at: Location) -> None:
        self.header.update({name: value for name, value in changes.items() if name != "messages"})
        if not isinstance(changes.get("messages"), list):
            return
        self.messages.clear()
        for place, message in enumerate(as_list(changes.get("messages"))):
            name = as_string(as_mapping(message).get("id")) or f"message {place}"
            where = replace(at, pointer=f"{at.pointer}/messages/{place}")
            self.messages[name] = Record(message, where)

    def _rewind(self, name: str | None) -> None:
        if name not in self.messages:
            return
        while self.messages:
            last, _ = self.messages.popitem()
            if last == name:
                return


def _traces(sessions: list[_Session], document: Document, loader: str) -> Iterator[Loaded]:
    """One trace for each main session, with those of its sub-agents in it."""
    read = [read_session(list(session.messages.values()), MAIN_AGENT) for session in sessions]
    by_name: dict[str, int] = {}
    for place, session in enumerate(sessions):
        name = as_string(session.header.get("sessionId"))
        if name is not None:
            by_name.setdefault(name, place)
    callers: dict[int, tuple[int, int, str]] = {}
    for place, (_, _, children) in enumerate(read):
        for child, (step, agent) in children.items():
            called = by_name.get(child)
            if called is not None and called != place:
                callers.setdefault(called, (place, step, agent))
    roots = _roots(len(sessions), callers)
    for root in sorted(set(roots.values())):
        family = [root, *(place for place, top in roots.items() if top == root and place != root)]
        yield from (LoadError("not a message", at) for place in family for at in read[place][1])
        branches = [_branch(place, read[place][0], callers if place != root else {}) for place in family]
        yield _trace(sessions[root], together(branches), document, loader, alone=root not in callers)


def _roots(count: int, callers: Mapping[int, tuple[int, int, str]]) -> dict[int, int]:
    """For each session the one at the top of its calls; in a circle it is its own."""
    roots: dict[int, int] = {}
    for place in range(count):
        passed: dict[int, None] = {}
        current = place
        while current in callers and current not in roots and current not in passed:
            passed[current] = None
            current = callers[current][0]
        top = roots.get(current, current)
        roots.update(dict.fromkeys((*passed, current), top))
    return roots


def _branch(place: int, steps: tuple[Step, ...], callers: Mapping[int, tuple[int, int, str]]) -> Branch:
    caller = callers.get(place)
    if caller is None:
        return Branch(str(place), steps)
    renamed = tuple(replace(step, agent=caller[2]) for step in steps)
    return Branch(str(place), renamed, (str(caller[0]), caller[1]))


def _trace(
    session: _Session, steps: tuple[Step, ...], document: Document, loader: str, *, alone: bool
) -> Trace:
    if alone and session.header.get("kind") == "subagent":
        steps = tuple(replace(step, agent=SUB_AGENT) if step.parent is None else step for step in steps)
    name = as_string(session.header.get("sessionId"))
    return session_trace(document, loader, name, steps, task_of(list(session.messages.values())), session.at)
