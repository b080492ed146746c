"""The database in which the OpenAI Agents SDK keeps sessions: `SQLiteSession`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from pisama.loaders.base import Document, Loaded
from pisama.loaders.responses_items import ResponsesReader
from pisama.loaders.runs import RunBuilder, inside
from pisama.loaders.values import as_mapping, as_string, open_json
from pisama.report import LoadError
from pisama.trace import Location

_SESSIONS, _MESSAGES = "agent_sessions", "agent_messages"


@dataclass(slots=True)
class _Session:
    """A session being read."""

    reader: ResponsesReader
    count: int = 0


class OpenAIAgentsSessionLoader:
    """A session database: each session is a run, each row of `agent_messages` an item of the Responses API."""

    id: ClassVar[str] = "openai-agents-session"
    title: ClassVar[str] = "OpenAI Agents SDK session database"
    recognised_by: ClassVar[str] = "SQLite tables `agent_sessions` and `agent_messages` with `message_data`"

    def sniff(self, document: Document) -> float:
        """Certain of the table with the SDK's columns."""
        table = document.tables.get(_MESSAGES)
        return 1.0 if table is not None and {"session_id", "message_data"} <= set(table.columns) else 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each session."""
        table = document.tables.get(_MESSAGES)
        sessions: dict[str, _Session] = {}
        for number, row in enumerate(table.rows() if table is not None else ()):
            at = inside(Location(document.path), _MESSAGES, number)
            name = as_string(row.get("session_id"))
            item = as_mapping(open_json(row.get("message_data")))
            if name is None or not item:
                yield LoadError("not an item of a session", at)
                continue
            session = sessions.setdefault(name, _Session(ResponsesReader(RunBuilder(at))))
            if not session.reader.read(item, inside(at, "message_data"), session.count):
                yield LoadError("no item of the Responses API", at)
            session.count += 1
        for name, session in sessions.items():
            session.reader.end_turn()
            yield session.reader.run.trace(
                name, self.id, complete=not document.growing, metadata={"session": name}
            )
