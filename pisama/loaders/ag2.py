"""AG2 and AutoGen 0.2: chat histories and results of chats."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pisama.loaders.base import Document, Loaded
from pisama.loaders.conversation_runs import read_conversations
from pisama.loaders.items import sample_batches, sample_items
from pisama.loaders.values import as_mapping

_LISTS = ("chat_history", "messages")
_RESULT = frozenset(("chat_history", "summary", "cost"))


class Ag2Loader:
    """A chat is a run. Roles in it are seen from the other side, so speakers are told by their names."""

    id: ClassVar[str] = "ag2"
    title: ClassVar[str] = "AG2 chat history"
    recognised_by: ClassVar[str] = "`chat_history` with `cost`, or messages with `tool_responses`"

    def sniff(self, document: Document) -> float:
        """By the fields of a result, and by answers of tools inside a message."""
        if any(len(_RESULT & as_mapping(value).keys()) == len(_RESULT) for value in sample_items(document)):
            return 0.95
        values = sample_batches(document, *_LISTS)
        return 0.8 if any("tool_responses" in as_mapping(value) for value in values) else 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each chat."""
        return read_conversations(document, self.id)
