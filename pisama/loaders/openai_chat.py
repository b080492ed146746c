"""OpenAI chat completions, and everything that is written in their shape: rows, lists, logs, tau-bench."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pisama.loaders.base import Document, Loaded
from pisama.loaders.chat import read_chats
from pisama.loaders.chat_marks import Marks, marks_of


class OpenAIChatLoader:
    """A row with a list of messages is a run; so are loose messages of one file together."""

    id: ClassVar[str] = "openai-chat"
    title: ClassVar[str] = "OpenAI chat messages"
    recognised_by: ClassVar[str] = (
        "messages with `tool_calls` and role `tool`; plain chat without tools is only a guess"
    )

    def sniff(self, document: Document) -> float:
        """By calls and results in OpenAI's shape; plain chat without tools is only a guess."""
        return _CONFIDENCE.get(marks_of(document), 0.0)

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each run."""
        return read_chats(document, self.id)


_CONFIDENCE: Mapping[Marks, float] = {Marks.OPENAI_LOG: 0.85, Marks.OPENAI: 0.65, Marks.PLAIN: 0.4}
