"""Conversations of several agents: Who&When logs, and lists of messages like theirs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import ClassVar

from pisama.loaders.base import SAMPLE_RECORDS, Document, Loaded
from pisama.loaders.conversation_marks import PLAIN_ROLES, is_message, list_key, speaker_of
from pisama.loaders.values import as_list, as_mapping, as_string
from pisama.trace import JSON

_OTHER_FORMATS = frozenset(("trajectory", "info", "traj", "simulations", "response", "payload", "agent_id"))
"""Fields beside a list of messages that say it is something else: a trajectory, a log of calls."""
_CHAT_TYPES = frozenset(("human", "ai", "tool", "system"))
"""Types of LangChain's messages, which have no role."""


class ConversationLoader:
    """One object with a list of messages, one bare list, or one file of message lines is one run."""

    id: ClassVar[str] = "conversation"
    title: ClassVar[str] = "conversation of several agents (Who&When)"
    recognised_by: ClassVar[str] = "messages whose speakers are agents with names"

    def sniff(self, document: Document) -> float:
        """By who speaks: agents with names, which chat APIs do not have."""
        best = 0.0
        for value in document.sample:
            inside = value[:SAMPLE_RECORDS] if isinstance(value, list) else [value]
            best = max(best, _names_mark(inside), *map(_mark, inside[:3]), 0.0)
        return max(best, _names_mark(document.sample))

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each conversation."""
        # Every chat is looked at, and hardly any is read, here.
        from pisama.loaders.conversation_runs import read_conversations

        return read_conversations(document, self.id)


def _mark(value: JSON) -> float:
    record = as_mapping(value)
    key = list_key(record)
    if key is None or _OTHER_FORMATS & record.keys():
        return 0.0
    messages = as_list(record[key])[:SAMPLE_RECORDS]
    labelled = isinstance(record.get("question"), str) or any(name.startswith("mistake_") for name in record)
    if key == "history" and labelled:
        return 0.9 if _names_mark([message for message in messages if is_message(message)]) else 0.0
    return _names_mark(messages)


def _names_mark(values: Sequence[JSON]) -> float:
    """How much a list of messages looks like agents talking to each other."""
    records = [as_mapping(value) for value in islice(values, SAMPLE_RECORDS) if is_message(value)]
    if not records or len(records) * 5 < len(values) * 4:
        return 0.0
    if any("role" not in record and as_string(record.get("type")) in _CHAT_TYPES for record in records):
        return 0.0
    if all("role" not in record for record in records) and any("source" in record for record in records):
        return 0.7
    if any("tool_responses" in record for record in records):
        return 0.7
    speakers = {
        (speaker_of(record) or "").lower()
        for record in records
        if PLAIN_ROLES.get((as_string(record.get("role")) or "").lower()) not in ("system", "tool")
    }
    if any(" (->" in speaker for speaker in speakers):
        return 0.8
    agents = len(speakers - PLAIN_ROLES.keys())
    # With one name only it may as well be a chat with one named assistant.
    return 0.6 if agents > 1 else 0.42 * agents
