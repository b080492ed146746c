"""A chat of aider's Markdown history: `#### ` lines are the user's, `> ` lines the program's, the rest the model's."""

from __future__ import annotations

from dataclasses import dataclass, field

from pisama.loaders.aider_edits import says_failed, written_edits
from pisama.loaders.base import Document
from pisama.loaders.messages import ChatMessage, ToolResult
from pisama.loaders.turns import Turns, session_trace
from pisama.loaders.values import as_number
from pisama.patterns import lazy
from pisama.trace import Location, Trace, Usage

AGENT = "aider"
_USER, _PROGRAM = "#### ", "> "
_TOKENS = lazy(r"Tokens: ([\d.,]{1,12}[kM]?) sent(?:, [^,\n]{1,60}){0,3}, ([\d.,]{1,12}[kM]?) received")
_COST = lazy(r"Cost: \$([\d.]{1,12}) message")
_MODEL = lazy(r"(?:Main model|Model): ([^\s]{1,200})")
_APPLIED = "Applied edit to "
_SCALES = {"k": 1_000, "M": 1_000_000}


def read_chat(text: str, started: str, at: Location, document: Document, loader: str) -> Trace:
    """The trace of one chat, whose heading stands at `at` and names the time it began."""
    chat = _Chat(at)
    for number, line in enumerate(text.split("\n")):
        kind = chat.kind_of(line)
        chat.add(kind, line.removeprefix(kind).rstrip() if kind else line, number)
    chat.end_block()
    steps = chat.turns.steps()
    return session_trace(
        document,
        loader,
        f"aider {started}",
        steps,
        chat.task,
        at,
        answer=steps[-1].text or None if steps else None,
        metadata={"started": started},
    )


@dataclass(slots=True)
class _Chat:
    """One chat, half read."""

    at: Location
    turns: Turns = field(default_factory=lambda: Turns(AGENT))
    task: str | None = None
    kind: str | None = None
    """What marks the lines of the block that is being read."""
    _lines: list[str] = field(default_factory=list)
    _start: int = 0
    _fenced: bool = False
    _edit: str | None = None
    """Id of the edit whose fate is not known yet."""

    def kind_of(self, line: str) -> str:
        """What marks this line; nothing where it stands between the fences of what the model wrote."""
        if line.startswith((_USER, _PROGRAM + "Tokens: ")):
            self._fenced = False
        elif line.startswith("```"):
            self._fenced = not self._fenced
        if line.startswith(_USER):
            return _USER
        return _PROGRAM if line.startswith(_PROGRAM) and not self._fenced else ""

    def add(self, kind: str, line: str, number: int) -> None:
        """Takes the next line in; the first of another kind ends the block."""
        if kind != self.kind:
            self.end_block()
            self.kind = kind
        if not self._lines:
            self._start = number
        if line.strip() or self._lines:
            self._lines.append(line)

    def end_block(self) -> None:
        """The block is complete."""
        text = "\n".join(self._lines).strip()
        self._lines.clear()
        at = Location(self.at.path, (self.at.line or 1) + self._start)
        if not text:
            return
        if self.kind == _USER:
            self.task = self.task or text
            self.turns.hear(ChatMessage("user", text, at=at))
        elif self.kind == _PROGRAM:
            self._program(text, at)
        else:
            self._say(text, at)

    def _say(self, text: str, at: Location) -> None:
        self.turns.close()
        self.turns.say(text, at)
        call = written_edits(text, f"edit at line {at.line}", at)
        self._edit = call.id if call is not None else None
        if call is not None:
            self.turns.call(call)

    def _program(self, text: str, at: Location) -> None:
        model = _MODEL.search(text)
        if model is not None:
            self.turns.model = model.group(1)
        counted = _TOKENS.search(text)
        if counted is not None:
            cost = _COST.search(text)
            self.turns.close()
            self.turns.spend_more(
                Usage(
                    _count(counted.group(1)),
                    _count(counted.group(2)),
                    cost=as_number(cost.group(1)) if cost else None,
                )
            )
        failed = says_failed(text)
        if self._edit is not None and (failed or _APPLIED in text):
            self.turns.answer(ToolResult(text, self._edit, error=text if failed else None), at)
            self._edit = None
        else:
            self.turns.hear(ChatMessage("tool", text, at=at))


def _count(text: str) -> int | None:
    number = as_number(text.rstrip("kM").replace(",", ""))
    return None if number is None else int(number * _SCALES.get(text[-1:], 1))
