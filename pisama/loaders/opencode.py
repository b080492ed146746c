"""Sessions of OpenCode: what `opencode export` writes, its database, its older storage folder, and `opencode run --format json`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pisama.loaders.base import Document, Loaded, Record, Table
from pisama.loaders.items import items, sample_items
from pisama.loaders.members import member_items, member_samples
from pisama.loaders.opencode_sessions import Session, Sessions
from pisama.loaders.values import as_list, as_mapping, as_string, open_json
from pisama.patterns import lazy
from pisama.report import LoadError
from pisama.trace import JSON, Location

_TABLES = frozenset(("session", "message", "part"))
_STORED = lazy(r"(?:storage/)?(?:session|message|part)/[^\n]{1,300}\.json\Z")
"""Files of the older storage folder."""
_EVENTS = ("step_start", "step_finish", "tool_use", "text", "reasoning", "error")


class OpenCodeLoader:
    """Every session is a run; sessions that a `task` call started belong to the run of their parent."""

    id: ClassVar[str] = "opencode"
    title: ClassVar[str] = "OpenCode session"
    recognised_by: ClassVar[str] = (
        "an object with `info.id` beginning with `ses_` and `messages`; tables `session`, `message` and `part`"
    )

    def sniff(self, document: Document) -> float:
        """By the id of a session or, in a database, by its tables."""
        if document.tables.keys() >= _TABLES and "data" in document.tables["part"].columns:
            return 0.95
        values = (*sample_items(document), *member_samples(document, _is_stored))
        return max((_mark(as_mapping(value)) for value in values), default=0.0)

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each session that no other one of the document started."""
        sessions = Sessions()
        for record in _records(document):
            if isinstance(record, LoadError):
                yield record
            elif not _add(sessions, as_mapping(record.value), record.at):
                yield LoadError("neither a session nor a part of one", record.at)
        yield from sessions.traces(document, self.id)


class OpenCodeRunLoader:
    """The events of one command; each session in them is a run. What the user asked is not recorded."""

    id: ClassVar[str] = "opencode-run"
    title: ClassVar[str] = "OpenCode run output (--format json)"
    recognised_by: ClassVar[str] = "lines with `type`, `sessionID` and `part`"

    def sniff(self, document: Document) -> float:
        """By the names of its fields."""
        return max((_event_mark(as_mapping(value)) for value in sample_items(document)), default=0.0)

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each session."""
        sessions = Sessions()
        for record in items(document):
            if isinstance(record, LoadError):
                yield record
                continue
            event = as_mapping(record.value)
            session = as_string(event.get("sessionID"))
            if session is None:
                yield LoadError("an event without a session", record.at)
                continue
            _add_event(sessions.get(session, record.at), event, record.at)
        yield from sessions.traces(document, self.id)


def _is_stored(name: str) -> bool:
    return _STORED.match(name) is not None


def _mark(record: Mapping[str, JSON]) -> float:
    info = as_mapping(record.get("info"))
    if (as_string(info.get("id")) or "").startswith("ses_") and isinstance(record.get("messages"), list):
        return 0.97
    name = as_string(record.get("id")) or ""
    if name.startswith("prt_") and "messageID" in record:
        return 0.9
    return 0.9 if name.startswith("msg_") and "sessionID" in record and "role" in record else 0.0


def _event_mark(record: Mapping[str, JSON]) -> float:
    if as_string(record.get("type")) in _EVENTS and isinstance(record.get("sessionID"), str):
        return 0.95 if "part" in record or "error" in record else 0.5
    return 0.0


def _records(document: Document) -> Iterator[Record | LoadError]:
    yield from items(document)
    for _, record in member_items(document, _is_stored):
        yield record
    for name in ("session", "message", "part"):
        table = document.tables.get(name)
        if table is not None:
            yield from _rows(document, name, table)


def _rows(document: Document, name: str, table: Table) -> Iterator[Record]:
    """The rows of a table as the objects that the storage folder has."""
    for place, row in enumerate(table.rows()):
        data = as_mapping(open_json(row.get("data")))
        own: dict[str, JSON] = {"id": row.get("id")}
        if name == "session":
            own |= {
                "parentID": row.get("parent_id"),
                "title": row.get("title"),
                "version": row.get("version"),
            }
        else:
            own |= {"sessionID": row.get("session_id"), "messageID": row.get("message_id")}
        if name == "message":
            data = {"role": "user", **data}
        yield Record({**data, **own}, Location(document.path, pointer=f"/{name}/{place}"))


def _add(sessions: Sessions, record: Mapping[str, JSON], at: Location) -> bool:
    """Takes an export, or one object of the storage, in. False when it is neither."""
    info = as_mapping(record.get("info"))
    if isinstance(record.get("messages"), list):
        session = sessions.get(as_string(info.get("id")) or f"session {len(sessions)}", at)
        session.info = info
        for place, message in enumerate(as_list(record.get("messages"))):
            where = Location(at.path, at.line, f"{at.pointer}/messages/{place}")
            _add_message(session, as_mapping(message), where)
        return True
    name = as_string(record.get("id")) or ""
    owner = as_string(record.get("sessionID"))
    if owner is None:
        if not name:
            return False
        sessions.get(name, at).info = record
    elif "messageID" in record and record.get("messageID") is not None:
        sessions.get(owner, at).add_part(as_string(record["messageID"]) or "", record, at)
    else:
        sessions.get(owner, at).add_message(name, record, at)
    return True


def _add_message(session: Session, message: Mapping[str, JSON], at: Location) -> None:
    info = as_mapping(message.get("info"))
    name = as_string(info.get("id")) or at.pointer
    session.add_message(name, info, Location(at.path, at.line, f"{at.pointer}/info"))
    for place, part in enumerate(as_list(message.get("parts"))):
        session.add_part(name, as_mapping(part), Location(at.path, at.line, f"{at.pointer}/parts/{place}"))


def _add_event(session: Session, event: Mapping[str, JSON], at: Location) -> None:
    part = as_mapping(event.get("part"))
    name = as_string(part.get("messageID")) or f"line {at.line}"
    info: dict[str, JSON] = {"role": "assistant"}
    if event.get("type") == "error":
        info["error"] = event.get("error")
    session.add_message(name, info, at)
    session.add_part(name, part, Location(at.path, at.line, f"{at.pointer}/part"))
