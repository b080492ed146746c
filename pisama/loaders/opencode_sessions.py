"""The sessions of OpenCode: messages and their parts, turned into steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pisama.loaders.base import Document, Loaded, Record
from pisama.loaders.messages import ChatMessage, ToolResult
from pisama.loaders.turns import Branch, Turns, session_trace, shell_result, together
from pisama.loaders.values import as_integer, as_mapping, as_nanoseconds, as_number, as_string, as_text, first
from pisama.trace import JSON, Location, Step, ToolCall, Usage

MAIN_AGENT = "opencode"
_INVALID = "invalid"
"""The tool that stands in the record for one that does not exist or was called with bad arguments."""


@dataclass(slots=True)
class Session:
    """One session, half read."""

    name: str
    at: Location
    info: Mapping[str, JSON] = field(default_factory=dict)
    _messages: dict[str, Record] = field(default_factory=dict)
    _parts: dict[str, list[Record]] = field(default_factory=dict)

    def add_message(self, name: str, info: Mapping[str, JSON], at: Location) -> None:
        """A message without its parts; said again, what is new in it counts."""
        known = self._messages.get(name)
        before = as_mapping(known.value) if known is not None else {}
        self._messages[name] = Record({**before, **info}, known.at if known is not None else at)

    def add_part(self, message: str, part: Mapping[str, JSON], at: Location) -> None:
        """A part of a message."""
        self._parts.setdefault(message, []).append(Record({**part}, at))

    def messages(self) -> Iterator[tuple[Mapping[str, JSON], list[Record], Location]]:
        """The messages in the order in which they were made, each with its parts."""
        names = {name: place for place, name in enumerate(self._messages)}
        # The database and the storage folder have no order but that of the times and the ids.
        for name in sorted(names, key=lambda name: (_created(self._messages[name].value), names[name])):
            record = self._messages[name]
            parts = sorted(self._parts.get(name, []), key=_part_id)
            yield as_mapping(record.value), parts, record.at


@dataclass(slots=True)
class Sessions:
    """All sessions of a document."""

    _by_name: dict[str, Session] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._by_name)

    def get(self, name: str, at: Location) -> Session:
        """The session of this id, which may be new."""
        return self._by_name.setdefault(name, Session(name, at))

    def traces(self, document: Document, loader: str) -> Iterator[Loaded]:
        """A trace for each session that no other one started."""
        read = {name: _read(session) for name, session in self._by_name.items()}
        starts = {
            child: (name, step)
            for name, found in read.items()
            for child, step in found.children.items()
            if child in read
        }
        parents = {name: self._parent(name, starts) for name in read}
        below: dict[str, list[str]] = {}
        for name, parent in parents.items():
            if parent is not None:
                below.setdefault(parent, []).append(name)
        # Sessions that are each other's parents have nobody above them.
        done: set[str] = set()
        for name in (*(name for name, parent in parents.items() if parent is None), *parents):
            if name in done:
                continue
            family = _family(name, below)
            done.update(family)
            branches = [
                Branch(one, read[one].steps, starts.get(one) if one != name else None) for one in family
            ]
            yield _trace(self._by_name[name], read[name], together(branches), document, loader)

    def _parent(self, name: str, starts: Mapping[str, tuple[str, int]]) -> str | None:
        recorded = as_string(first(self._by_name[name].info, "parentID", "parent_id"))
        parent = recorded if recorded in self._by_name else starts.get(name, (None, 0))[0]
        return parent if parent != name else None


def _family(root: str, below: dict[str, list[str]]) -> list[str]:
    """A session with all that it started, directly or not."""
    family = [root]
    for name in family:
        family += (child for child in below.pop(name, []) if child != root)
    return family


@dataclass(slots=True)
class _Read:
    """What the messages of a session say."""

    turns: Turns
    task: str | None = None
    outcome: str | None = None
    steps: tuple[Step, ...] = ()
    children: dict[str, int] = field(default_factory=dict)


def _read(session: Session) -> _Read:
    read = _Read(Turns(as_string(session.info.get("agent")) or MAIN_AGENT))
    sessions: dict[str, str] = {}
    for info, parts, at in session.messages():
        if info.get("role") == "user":
            _hear(read, parts)
        else:
            _act(read, info, parts, at, sessions)
    read.steps = read.turns.steps()
    for step in read.steps:
        read.children.update(
            {sessions[call.id]: step.index for call in step.tool_calls if call.id in sessions}
        )
    return read


def _hear(read: _Read, parts: list[Record]) -> None:
    for record in parts:
        part = as_mapping(record.value)
        text = as_string(part.get("text")) or ""
        written = part.get("synthetic") is not True
        if part.get("type") == "text" and text:
            read.task = read.task or (text if written else None)
            read.turns.hear(ChatMessage("user" if written else "system", text, at=record.at))


def _act(
    read: _Read, info: Mapping[str, JSON], parts: list[Record], at: Location, sessions: dict[str, str]
) -> None:
    turns = read.turns
    turns.close()
    turns.agent = as_string(first(info, "agent", "mode")) or turns.agent
    turns.model = as_string(first(info, "modelID", "model")) or turns.model
    counted = False
    for record in parts:
        part = as_mapping(record.value)
        if part.get("type") == "step-finish":
            turns.finish(as_string(part.get("reason")))
            turns.close()
            counted = _spend(turns, part) or counted
        else:
            _part(turns, part, record.at, sessions)
    turns.finish(as_string(info.get("finish")), as_nanoseconds(as_mapping(info.get("time")).get("completed")))
    error = as_mapping(info.get("error"))
    if error:
        _fail(read, error, at)
    turns.close()
    if not counted:
        _spend(turns, info)


def _part(turns: Turns, part: Mapping[str, JSON], at: Location, sessions: dict[str, str]) -> None:
    kind = part.get("type")
    time = as_nanoseconds(as_mapping(part.get("time")).get("start"))
    text = as_string(part.get("text")) or ""
    if kind == "text":
        turns.say(text, at, time)
    elif kind == "reasoning":
        turns.think(text, at, time)
    elif kind == "retry":
        turns.fail(_message(as_mapping(part.get("error"))), at, time)
    elif kind == "tool":
        _tool(turns, part, at, sessions)


def _tool(turns: Turns, part: Mapping[str, JSON], at: Location, sessions: dict[str, str]) -> None:
    state = as_mapping(part.get("state"))
    given = state.get("input")
    name = as_string(part.get("tool")) or ""
    time = as_mapping(state.get("time"))
    start, end = as_nanoseconds(time.get("start")), as_nanoseconds(time.get("end"))
    call_id = as_string(first(part, "callID", "id"))
    error = as_text(state.get("error")) if state.get("status") == "error" else None
    metadata = as_mapping(state.get("metadata"))
    result = shell_result(as_text(state.get("output")) or "", as_integer(metadata.get("exit")))
    if name == _INVALID:
        name = as_string(as_mapping(given).get("tool")) or name
        error, given = as_string(as_mapping(given).get("error")) or result, None
    child = as_string(first(metadata, "sessionId", "sessionID"))
    if child is not None and call_id is not None:
        sessions[call_id] = child
    turns.call(ToolCall(name, given, call_id, start=start, at=at))
    if state.get("status") in ("completed", "error"):
        turns.answer_later(ToolResult(error if error is not None else result, call_id, error=error), at, end)


def _spend(turns: Turns, record: Mapping[str, JSON]) -> bool:
    tokens = as_mapping(record.get("tokens"))
    if not tokens:
        return False
    cache = as_mapping(tokens.get("cache"))
    read = as_integer(cache.get("read"))
    # Fresh, newly cached and cached input are counted apart, and so are thoughts.
    given = (as_integer(tokens.get("input")) or 0) + (read or 0) + (as_integer(cache.get("write")) or 0)
    output = (as_integer(tokens.get("output")) or 0) + (as_integer(tokens.get("reasoning")) or 0)
    return turns.spend(Usage(given, output, read, as_number(record.get("cost"))))


def _fail(read: _Read, error: Mapping[str, JSON], at: Location) -> None:
    name = as_string(error.get("name")) or ""
    if "Abort" in name:
        read.outcome = "aborted"
    elif "OutputLength" in name:
        read.turns.finish("length")
    else:
        read.turns.fail(_message(error), at)
        read.outcome = "error"


def _message(error: Mapping[str, JSON]) -> str:
    return (
        as_string(as_mapping(error.get("data")).get("message"))
        or as_string(first(error, "message", "name"))
        or "failed"
    )


def _part_id(record: Record) -> str:
    """Ids ascend with time."""
    return as_string(as_mapping(record.value).get("id")) or ""


def _created(info: JSON) -> int:
    return as_nanoseconds(as_mapping(as_mapping(info).get("time")).get("created")) or 0


def _trace(session: Session, read: _Read, steps: tuple[Step, ...], document: Document, loader: str) -> Loaded:
    version = as_string(session.info.get("version"))
    return session_trace(
        document,
        loader,
        session.name,
        steps,
        read.task,
        session.at,
        outcome=read.outcome,
        metadata={"version": version} if version else {},
    )
