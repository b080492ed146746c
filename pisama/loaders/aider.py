"""Logs of aider: the chat history in Markdown, and the history of what was sent to the model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from pisama.loaders.aider_chat import read_chat
from pisama.loaders.aider_requests import read_requests
from pisama.loaders.base import Document, Loaded
from pisama.patterns import lazy
from pisama.trace import Location

_CHAT = lazy(r"^# aider chat started at (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)", re.MULTILINE)
_REQUEST = lazy(r"^TO LLM (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\n", re.MULTILINE)
_HEAD = 4000
"""Characters in which the first mark of a format must stand."""


class AiderLoader:
    """A chat history holds one run for each chat, a history of requests one run for each first request."""

    id: ClassVar[str] = "aider"
    title: ClassVar[str] = "aider history"
    recognised_by: ClassVar[str] = "text with a line `# aider chat started at …` or `TO LLM …`"

    def sniff(self, document: Document) -> float:
        """By the line with which a chat or a request begins."""
        head = (document.text or "")[:_HEAD]
        return 0.95 if _CHAT.search(head) or _REQUEST.search(head) else 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each chat, or for each series of requests."""
        text = document.text or ""
        if _CHAT.search(text[:_HEAD]):
            yield from self._chats(text, document)
        else:
            yield from read_requests(text, document, self.id)

    def _chats(self, text: str, document: Document) -> Iterator[Loaded]:
        starts = list(_CHAT.finditer(text))
        line, counted = 1, 0
        for place, start in enumerate(starts):
            end = starts[place + 1].start() if place + 1 < len(starts) else len(text)
            line += text.count("\n", counted, start.start())
            counted = start.start()
            at = Location(document.path, line)
            yield read_chat(text[start.end() : end], start.group(1), at, document, self.id)
