"""Sessions of Claude Code: the JSONL files under `~/.claude/projects/`, versions 1.0 to 2.1."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from pisama.loaders.base import Document, Loaded, Members
from pisama.loaders.claude_code_lines import LINKED, MESSAGES, Sessions
from pisama.loaders.claude_code_run import session_trace
from pisama.loaders.companions import first_record, groups_by_folder, groups_by_link
from pisama.loaders.items import sample_items
from pisama.loaders.members import all_items, member_samples
from pisama.loaders.values import as_mapping, as_string
from pisama.report import LoadError
from pisama.trace import JSON

_BOOKKEEPING = ("queue-operation", "last-prompt", "summary", "file-history-snapshot", "mode")


class ClaudeCodeLoader:
    """One file is one session; sessions that were joined into one file are told apart again.

    A folder with the files of a session's sub-agents (`<session>/subagents/agent-*.jsonl`) is one run.
    """

    id: ClassVar[str] = "claude-code"
    title: ClassVar[str] = "Claude Code session"
    recognised_by: ClassVar[str] = "lines with camel-case `sessionId` and `uuid`"

    def sniff(self, document: Document) -> float:
        """By lines with camel-case `sessionId` and `uuid`, which the stream format does not have."""
        values = (*sample_items(document), *member_samples(document, _is_session_file))
        return max((_mark(as_mapping(value)) for value in values), default=0.0)

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each session of the document."""
        sessions = Sessions()
        for record in all_items(document, _is_session_file):
            if isinstance(record, LoadError):
                yield record
                continue
            problem = sessions.add(record.value, record.at)
            if problem is not None:
                yield LoadError(problem, record.at)
        for name, group in sessions.groups.items():
            yield session_trace(name, group, sessions.parents, document, self.id)

    def companions(self, members: Members) -> Iterator[Sequence[str]]:
        """A session and its sub-agents: in its own folder (2.1), or beside it and naming its id (2.0)."""
        agents = {name: opened for name, opened in members.items() if _is_agent_file(name)}
        links: dict[str, str] = {}
        for name, opened in agents.items():
            session = as_string(first_record(opened).get("sessionId"))
            if session is not None:
                links[name] = f"{session}.jsonl"
        beside = {group[0]: group for group in groups_by_link(members, links)}
        inside = groups_by_folder(members, _is_session_file, lambda folder, stem: folder == stem)
        for group in inside:
            yield (*group, *beside.pop(group[0], ())[1:])
        yield from beside.values()


def _is_session_file(name: str) -> bool:
    return name.endswith(".jsonl")


def _is_agent_file(name: str) -> bool:
    return name.startswith("agent-") and "/" not in name and _is_session_file(name)


def _mark(record: Mapping[str, JSON]) -> float:
    kind = record.get("type")
    session = isinstance(record.get("sessionId"), str)
    if session and isinstance(record.get("uuid"), str) and kind in LINKED:
        return 0.95
    if kind in _BOOKKEEPING and (session or "leafUuid" in record or "messageId" in record):
        return 0.7
    message = as_mapping(record.get("message"))
    # Shortened copies of session lines, as tests and viewers keep them.
    return 0.4 if kind in MESSAGES and "content" in message and "cwd" in record else 0.0
