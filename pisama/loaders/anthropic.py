"""Anthropic messages: requests, bare lists, responses, and logs of both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pisama.loaders.base import Document, Loaded
from pisama.loaders.chat import read_chats
from pisama.loaders.chat_marks import Marks, marks_of


class AnthropicLoader:
    """A request with its list of messages is a run; so are the responses of one file together."""

    id: ClassVar[str] = "anthropic"
    title: ClassVar[str] = "Anthropic messages"
    recognised_by: ClassVar[str] = (
        "messages with blocks `tool_use`, `tool_result` or `thinking`; requests and responses of the API"
    )

    def sniff(self, document: Document) -> float:
        """By blocks of tool use and thought, and by the fields of requests and responses."""
        return _CONFIDENCE.get(marks_of(document), 0.0)

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each run."""
        return read_chats(document, self.id)


_CONFIDENCE: Mapping[Marks, float] = {Marks.ANTHROPIC_LOG: 0.85, Marks.ANTHROPIC: 0.65}
