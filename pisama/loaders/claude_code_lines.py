"""The lines of a Claude Code session: what one holds, and which of them belong to the run.

A session file is an append-only log of a tree. Every line names its parent; a rewind starts a new
branch from an earlier line and leaves the old one in the file. Sub-agents have chains of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pisama.loaders.messages import ChatMessage, read_message
from pisama.loaders.values import as_mapping, as_nanoseconds, as_string, first
from pisama.patterns import lazy
from pisama.trace import JSON, Location

_WRAPPERS = (
    "system-reminder",
    "command-name",
    "command-message",
    "command-args",
    "command-contents",
    "local-command-stdout",
    "local-command-stderr",
    "local-command-caveat",
    "bash-input",
    "bash-stdout",
    "bash-stderr",
    "user-prompt-submit-hook",
    "user-memory-input",
    "ide_opened_file",
    "ide_selection",
    "task-notification",
)
_WRAPPER = lazy(f"<({'|'.join(_WRAPPERS)})>")
MESSAGES = ("user", "assistant")
"""Types of the lines that hold a message."""
LINKED = ("user", "assistant", "system", "attachment", "progress")
"""Types of the lines that are part of the tree."""
_INTERRUPTED = "[Request interrupted by user"


@dataclass(frozen=True, slots=True)
class Line:
    """A user or assistant line of a session."""

    number: int
    """Position among the lines of the file that count."""
    kind: Literal["user", "assistant"]
    message: ChatMessage
    uuid: str | None = None
    parent: str | None = None
    response: str | None = None
    """Id of the API response that this line is a block of."""
    model: str | None = None
    usage: Mapping[str, JSON] = field(default_factory=dict)
    chain: str | None = None
    """Id of the sub-agent that wrote it."""
    sidechain: bool = False
    """Written by a sub-agent."""
    failed: bool = False
    """The call of the model failed; the text says how."""
    injected: bool = False
    """Written by the program in the user's name."""
    result_chain: str | None = None
    """Id of the sub-agent that the result in this line came from."""
    agent_type: str | None = None
    """Type of the sub-agent that wrote it, or that the result came from."""
    time: int | None = None
    at: Location | None = None

    @property
    def interrupt(self) -> bool:
        """The user stopped the agent."""
        return self.kind == "user" and self.message.text.startswith(_INTERRUPTED)

    @property
    def prompt(self) -> str:
        """What the user wrote, without what the program wrapped around it; empty if nothing."""
        if self.kind != "user" or self.injected or self.interrupt:
            return ""
        return without_wrappers(self.message.text)


def read_line(number: int, record: Mapping[str, JSON], at: Location) -> Line:
    """A line of type `user` or `assistant`. Raises ValueError when it has no message."""
    message = record.get("message")
    if not isinstance(message, dict):
        raise ValueError(f"a line of type {record.get('type')} without a message")
    kind: Literal["user", "assistant"] = "assistant" if record.get("type") == "assistant" else "user"
    result = as_mapping(record.get("toolUseResult"))
    return Line(
        number=number,
        kind=kind,
        message=read_message({**message, "role": kind}, at),
        uuid=as_string(record.get("uuid")),
        parent=as_string(record.get("parentUuid")),
        response=as_string(message.get("id")) if kind == "assistant" else None,
        model=as_string(message.get("model")),
        usage=as_mapping(message.get("usage")),
        chain=as_string(record.get("agentId")),
        sidechain=record.get("isSidechain") is True,
        failed=record.get("isApiErrorMessage") is True,
        injected=record.get("isMeta") is True or record.get("isCompactSummary") is True,
        result_chain=as_string(result.get("agentId")),
        agent_type=as_string(first(record, "agentType", "attributionAgent") or result.get("agentType")),
        time=as_nanoseconds(record.get("timestamp")),
        at=at,
    )


def without_wrappers(text: str) -> str:
    """The text without the tagged blocks that the program adds to a prompt."""
    kept: list[str] = []
    position = 0
    unclosed: set[str] = set()
    for opening in _WRAPPER.finditer(text):
        tag = opening.group(1)
        if opening.start() < position or tag in unclosed:
            continue
        closing = f"</{tag}>"
        end = text.find(closing, opening.end())
        if end < 0:
            # Looking for it again from every later opening would be quadratic.
            unclosed.add(tag)
            continue
        kept.append(text[position : opening.start()])
        position = end + len(closing)
    kept.append(text[position:])
    return "".join(kept).strip()


def wrapped(text: str, tag: str) -> str:
    """What stands in the first block of this tag; empty if there is none."""
    start = text.find(f"<{tag}>")
    end = text.find(f"</{tag}>", start)
    return text[start + len(tag) + 2 : end].strip() if 0 <= start < end else ""


def last_branch(lines: list[Line], parents: Mapping[str, str | None]) -> list[Line]:
    """The lines of the branch that the session ended on, in file order.

    `parents` maps the uuid of every line, bookkeeping included, to that of its parent. A line whose
    parent is missing follows the line before it. Blocks of one response and results of its calls
    stay together: results of parallel calls hang on branches of their own.
    """
    places = {line.uuid: place for place, line in enumerate(lines) if line.uuid is not None}
    linked = _first_linked(lines, places)
    kept: set[int] = set()
    ancestors: dict[str, int | None] = {}
    place: int | None = len(lines) - 1
    while place is not None and place >= 0 and place not in kept:
        kept.add(place)
        place = _place_before(place, lines, linked, lambda uuid: _ancestor(uuid, places, parents, ancestors))
    responses = {lines[place].response for place in kept} - {None}
    kept.update(place for place, line in enumerate(lines) if line.response in responses)
    calls = {call.id for place in kept for call in lines[place].message.calls} - {None}
    return [
        line
        for place, line in enumerate(lines)
        if place in kept or any(result.call_id in calls for result in line.message.results)
    ]


def _first_linked(lines: Iterable[Line], places: Mapping[str, int]) -> int | None:
    return next((place for place, line in enumerate(lines) if line.parent in places), None)


def _place_before(
    place: int, lines: list[Line], linked: int | None, ancestor: Callable[[str], int | None]
) -> int | None:
    """Place of the line that this one follows; None at the start of the conversation."""
    line = lines[place]
    if line.parent is None and line.prompt and linked is not None and linked < place:
        # A second first prompt in a file that does link its lines: rewound to the very start.
        return None
    before = ancestor(line.parent) if line.parent is not None else None
    return before if before is not None and before < place else place - 1


def _ancestor(
    uuid: str, places: Mapping[str, int], parents: Mapping[str, str | None], known: dict[str, int | None]
) -> int | None:
    """Place of the nearest line at or above this one that is no bookkeeping; None if there is none."""
    passed: list[str] = []
    current: str | None = uuid
    while current is not None and current not in places and current not in known:
        passed.append(current)
        known[current] = None
        current = parents.get(current)
    found = None
    if current is not None:
        found = places[current] if current in places else known[current]
    # Kept, because many lines may hang on one long chain of bookkeeping.
    known.update(dict.fromkeys(passed, found))
    return found


def chain_names(lines: Iterable[Line]) -> Iterator[tuple[Line, str]]:
    """Each sidechain line with the name of the chain it is on.

    A chain is named by the sub-agent's id or, in old versions that record none, by its first line.
    """
    by_uuid: dict[str, str] = {}
    for line in lines:
        name = line.chain or by_uuid.get(line.parent or "") or line.uuid or f"line {line.number}"
        if line.uuid is not None:
            by_uuid[line.uuid] = name
        yield line, name


@dataclass(slots=True)
class Group:
    """The lines of one session."""

    lines: list[Line] = field(default_factory=list)
    version: str | None = None
    at: Location | None = None


@dataclass(slots=True)
class Sessions:
    """Lines sorted by session. A line whose parent is in another session continues that one."""

    groups: dict[str | None, Group] = field(default_factory=dict)
    parents: dict[str, str | None] = field(default_factory=dict)
    _session_of: dict[str, str | None] = field(default_factory=dict)
    _joined: dict[str | None, str | None] = field(default_factory=dict)
    _count: int = 0

    def add(self, value: JSON, at: Location) -> str | None:
        """Takes one line in; says what is wrong with it, if something is."""
        if not isinstance(value, dict):
            return "not an object"
        kind = value.get("type")
        if not isinstance(kind, str):
            return "a line without a type"
        if kind not in LINKED:
            return None
        session = self._session(value)
        if kind not in MESSAGES:
            return None
        try:
            line = read_line(self._count, value, at)
        except ValueError as error:
            return str(error)
        self._count += 1
        group = self.groups.setdefault(session, Group())
        group.lines.append(line)
        group.at = group.at or at
        group.version = as_string(value.get("version")) or group.version
        return None

    def _session(self, record: Mapping[str, JSON]) -> str | None:
        uuid = as_string(record.get("uuid"))
        parent = as_string(first(record, "parentUuid", "logicalParentUuid"))
        own = as_string(record.get("sessionId"))
        session = self._joined.get(own, own)
        if parent in self._session_of and session not in self.groups:
            session = self._joined[own] = self._session_of[parent]
        if uuid is not None:
            self.parents[uuid] = parent
            self._session_of[uuid] = session
        return session
