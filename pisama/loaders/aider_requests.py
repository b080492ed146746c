"""aider's history of requests: every request whole (`TO LLM`), each line after its role, then the response."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import PurePath

from pisama.loaders.aider_edits import says_failed, written_edits
from pisama.loaders.base import Document
from pisama.loaders.messages import KNOWN_ROLES, ChatMessage, ToolResult
from pisama.loaders.turns import Turns, session_trace
from pisama.loaders.values import as_nanoseconds
from pisama.patterns import lazy
from pisama.trace import Location, Trace

AGENT = "aider"
_HEADING = lazy(r"^(TO LLM|LLM RESPONSE) (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\n", re.MULTILINE)
_LINE = lazy(r"([A-Z]{4,9}) ?(.*)")
_SEPARATOR = "-------"
_REMINDERS = ("\n# *SEARCH/REPLACE block* Rules:", "\n# File editing rules:")
"""What aider adds to the last message of every request."""
_FILES = (
    "I have *added these files to the chat*",
    "*Trust this message as the true contents",
    "Here are summaries of some files",
)


def read_requests(text: str, document: Document, loader: str) -> Iterator[Trace]:
    """A trace for each series of requests of which every one repeats the conversation so far."""
    headings = list(_HEADING.finditer(text))
    run: _Run | None = None
    number = 0
    line, counted = 1, 0
    for place, heading in enumerate(headings):
        line += text.count("\n", counted, heading.start())
        counted = heading.start()
        end = headings[place + 1].start() if place + 1 < len(headings) else len(text)
        at = Location(document.path, line)
        messages = list(_messages(text[heading.end() : end], at))
        if heading.group(1) == "LLM RESPONSE":
            run = run or _Run(at)
            run.respond("\n".join(message.text for message in messages), at, as_nanoseconds(heading.group(2)))
            continue
        if run is not None and not run.goes_on(messages):
            yield run.trace(document, loader, number)
            number += 1
            run = None
        run = run or _Run(at)
        run.ask(messages)
    if run is not None:
        yield run.trace(document, loader, number)


def _messages(block: str, at: Location) -> Iterator[ChatMessage]:
    """The messages of a request or a response."""
    role, lines = "", list[str]()
    for line in block.split("\n"):
        found = _LINE.match(line)
        name = found.group(1) if found is not None and found.group(1).lower() in KNOWN_ROLES else None
        if line == _SEPARATOR or (name is not None and role and name != role):
            yield from _message(role, lines, at)
            role, lines = "", []
        if name is not None and found is not None:
            role = name
            lines.append(found.group(2))
        elif role and line != _SEPARATOR:
            lines.append(line)
    yield from _message(role, lines, at)


def _message(role: str, lines: list[str], at: Location) -> Iterator[ChatMessage]:
    if role:
        yield ChatMessage(KNOWN_ROLES[role.lower()], _without_reminder("\n".join(lines)).strip(), at=at)


def _without_reminder(text: str) -> str:
    cuts = [cut for words in _REMINDERS if (cut := text.find(words)) >= 0]
    return text[: min(cuts)] if cuts else text


@dataclass(slots=True)
class _Run:
    """One run, half read."""

    at: Location
    turns: Turns = field(default_factory=lambda: Turns(AGENT))
    task: str | None = None
    _known: set[tuple[str, str]] = field(default_factory=set)
    """Messages that were sent before."""
    _said: str | None = None
    _edit: str | None = None

    def goes_on(self, messages: list[ChatMessage]) -> bool:
        """Whether this request repeats what the model said last, or what it was asked first."""
        texts = {message.text for message in messages}
        return self._said in texts or self._said is None or (self.task is not None and self.task in texts)

    def ask(self, messages: list[ChatMessage]) -> None:
        """A request: what is new in it was heard."""
        fresh = [message for message in messages if (message.role, message.text) not in self._known]
        self._known.update((message.role, message.text) for message in messages)
        asked = [
            message for message in fresh if message.role == "user" and not message.text.startswith(_FILES)
        ]
        if self.task is None and asked:
            # Examples of the prompt come before what the user really asks.
            self.task = asked[-1].text or None
        for message in fresh:
            if message.role == "assistant":
                continue
            if self._edit is not None and says_failed(message.text):
                self.turns.answer(ToolResult(message.text, self._edit, error=message.text), message.at)
                self._edit = None
            elif message is not fresh[-1] and message.role == "user":
                # Examples and contents of files, which aider writes as a talk.
                self.turns.hear(replace(message, role="system"))
            else:
                self.turns.hear(message)

    def respond(self, text: str, at: Location, time: int | None) -> None:
        """A response of the model."""
        self.turns.close()
        self.turns.say(text, at, time)
        self._said = text
        self._known.add(("assistant", text))
        call = written_edits(text, f"edit at line {at.line}", at)
        self._edit = call.id if call is not None else None
        if call is not None:
            self.turns.call(call)

    def trace(self, document: Document, loader: str, number: int) -> Trace:
        """The run as read."""
        steps = self.turns.steps()
        name = f"{_stem(document)}-{number + 1}" if number else None
        # What became of the last edit is not in this log.
        answer = steps[-1].text or None if steps else None
        return session_trace(
            document, loader, name, steps, self.task, self.at, answer=answer, ended=bool(steps)
        )


def _stem(document: Document) -> str:
    return PurePath(document.path or "aider").stem
