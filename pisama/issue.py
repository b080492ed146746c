"""An issue: one failure found in a trace, with its place, its evidence and its remedy."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Literal, NamedTuple, TypeAlias

from pisama.patterns import lazy
from pisama.trace import Location, Step

Fault: TypeAlias = Literal["agent", "tool", "environment", "user"]
"""Who would have to change for the failure not to happen again."""

Tier: TypeAlias = Literal["heuristic", "llm"]
"""Who says so: code, or a model that was asked."""


class Level(StrEnum):
    """Severity in words; `info` < 20 <= `low` < 40 <= `medium` < 60 <= `high` < 80 <= `critical`."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @classmethod
    def of(cls, severity: int) -> Level:
        """The level a severity of 0-100 falls in."""
        return list(cls)[min(max(severity, 0) // 20, 4)]

    @property
    def floor(self) -> int:
        """The lowest severity of this level."""
        return list(Level).index(self) * 20


@dataclass(frozen=True, slots=True)
class Evidence:
    """One place in the trace that shows the failure."""

    quote: str
    """The recorded words, shortened around what matters."""
    step: int | None = None
    """Index of the step, None for what the whole trace shows."""
    call: int | None = None
    """Position in that step's tool calls, 0-based, when a call is meant."""
    note: str = ""
    """What the quote shows, in a few words."""


class Finding(NamedTuple):
    """A failure in words, as an analysis states it; its detector makes the issue, which says how sure it is."""

    signal: str
    """The signal of the detector that it is."""
    step: Step
    summary: str
    """One sentence with the facts."""
    evidence: tuple[Evidence, ...]
    """Never empty; the first is the primary one."""
    recommendation: str
    about: tuple[str, ...]
    """The content that identifies the failure in another run: no step numbers, no times."""
    severity: int | None = None
    """None for that of the signal."""
    call: int | None = None
    """Position in the step's tool calls, when it stands at a call."""
    fault: Fault | None = None
    """None for that of the signal."""


@dataclass(frozen=True, slots=True)
class Issue:
    """One failure. Its field names are a promise: JSON output has the same ones."""

    type: str
    """Id of the detector."""
    signal: str
    """Which of the detector's signals fired."""
    summary: str
    """One sentence with the facts."""
    severity: int
    """0-100."""
    confidence: float
    """0-1: the measured precision of this signal, or its prior where none could be measured."""
    recommendation: str
    agent: str | None
    step: int | None
    span_id: str | None
    evidence: tuple[Evidence, ...]
    """Never empty; the first is the primary one."""
    fingerprint: str
    """The same for the same failure in another run of the same task."""
    fault: Fault = "agent"
    tier: Tier = "heuristic"
    """`llm` when a model told it. Its type is then a kind that the model named, and its confidence what the model
    said of itself."""
    at: Location | None = None

    @property
    def level(self) -> Level:
        """The severity in words."""
        return Level.of(self.severity)


_VOLATILE = lazy(
    r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"  # UUID
    r"|\b\d{4}-\d\d-\d\d[t ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?z?"  # ISO 8601 time
    r"|\b(?:call|toolu|msg|chatcmpl|run|req)_?-?[0-9a-z]{8,64}\b"  # provider ids
    r"|\b(?=[0-9a-f]{0,63}\d)[0-9a-f]{12,64}\b"  # hashes, span ids
)
_SPACE = lazy(r"\s+")


def fingerprint(rule: str, task: str | None, content: tuple[str, ...]) -> str:
    """16 hex digits naming a failure across runs of the same task.

    `content` says what failed (a tool and its arguments, a claim, a requirement); ids, times and
    white space in it do not count. Step numbers must not be part of it.
    """
    digest = hashlib.sha256()
    for part in (rule, task or "", *content):
        digest.update(_stable(part[:4000]) + b"\0")
    return digest.hexdigest()[:16]


@lru_cache(maxsize=256)
def _stable(part: str) -> bytes:
    """Remembered, since each issue of a run has the same task."""
    return _SPACE.sub(" ", _VOLATILE.sub("*", part.lower())).strip().encode("utf-8", "surrogatepass")
