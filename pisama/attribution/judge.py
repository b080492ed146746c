"""A judge: whoever can be asked which step of a run was the decisive mistake. The contract of every one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from pisama.trace import JSON, Usage


@dataclass(frozen=True, slots=True)
class Question:
    """All that a judge is told."""

    instructions: str
    """What is wanted. Holds no word of the trace."""
    text: str
    """The run, between marks that set it apart as data."""
    schema: Mapping[str, JSON]
    """JSON Schema of the answer."""
    again: bool = False
    """The same once more, because the first answer cannot be."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a judge answers. It is believed only after it was checked against the trace."""

    answer: JSON
    """An object that follows the schema, or text that holds it as JSON."""
    usage: Usage = field(default_factory=Usage)
    problem: str = ""
    """Why there is no answer, when asking again is of no use: a refusal, an answer that was cut off."""
    estimated: bool = False
    """The tokens of `usage` are an estimate."""
    cached: bool = False
    """Given before, and kept; it costs nothing now."""


class JudgeError(Exception):
    """No answer was got; the message says why, in a few words."""

    def __init__(self, reason: str, *, final: bool = False, billed: bool = False) -> None:
        super().__init__(reason)
        self.final = final
        """No other question would be answered either."""
        self.billed = billed
        """The call may cost something all the same."""


class Judge(Protocol):
    """Answers questions about runs."""

    async def answer(self, question: Question) -> Reply:
        """The answer to one question. Raises `JudgeError` when none is got. Several are asked at the same time."""
