"""What the recording process hands to the analysing one, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from pisama.config import Config
from pisama.issue import Issue, Level
from pisama.report import Exit


@dataclass(frozen=True, slots=True)
class Written:
    """A form in which the report is wanted."""

    format: str
    color: bool = False
    width: int = 100
    """Columns."""


@dataclass(frozen=True, slots=True)
class Instructions:
    """How to analyse, and where to save: the first thing the analysing process is told."""

    config: Config
    command: tuple[str, ...]
    written: tuple[Written, ...]
    fail_on: Level | None
    """The level from which on an issue is a failure; None when none is."""
    save: str | None
    """File that captured spans are appended to."""
    keep_secrets: bool = False
    follow: tuple[str, ...] = ()
    old: Mapping[Path, int] = field(default_factory=dict)
    """Sizes, in bytes, of the followed files of which only what comes from now on counts."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request to a provider and what came back, as bytes."""

    number: int
    """Counts the exchanges of a session from 1."""
    provider: str
    path: str
    """Path of the request below the provider's base URL, without its query."""
    request: bytes
    request_encoding: str
    """`Content-Encoding`, empty when there was none."""
    status: int | None
    """None when no response came."""
    response: bytes
    response_encoding: str
    started: int
    """UTC nanoseconds."""
    ended: int
    error: str | None = None
    """Why the exchange broke off: the connection failed, was reset, or the program gave up waiting."""
    traceparent: str | None = None
    """W3C trace context that the program sent along."""
    after: int | None = None
    """The exchange whose request, up to the end of its messages, the request begins with. `request` is then only
    what follows."""


@dataclass(frozen=True, slots=True)
class Exported:
    """One OTLP request that the command exported."""

    signal: Literal["traces", "logs"]
    body: bytes
    encoding: str
    is_json: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """The command has ended, or, when `whole` is false, it was stopped or is still running."""

    exit_code: int | None
    whole: bool


FromRecorder: TypeAlias = Instructions | Exchange | Exported | Ended


@dataclass(frozen=True, slots=True)
class Tally:
    """What has been captured so far, each call counted once. Sent whenever it changes."""

    exchange: int = 0
    """The latest exchange that is counted here."""
    spans: int = 0
    """Everything captured, of whatever kind."""
    steps: int = 0
    calls: int = 0
    errors: int = 0
    """Calls of models and of tools that failed."""
    tokens: int = 0
    cost: float | None = None
    """USD; None when no call has a known price."""
    unpriced: int = 0
    """Calls of models whose tokens are known and whose price is not."""
    now: str = ""
    """What the agent does, in words."""
    sources: tuple[str, ...] = ()
    """The ways by which anything was captured."""


@dataclass(frozen=True, slots=True)
class Found:
    """An issue that is certain, or one that has become worse."""

    issue: Issue
    worse: bool = False


@dataclass(frozen=True, slots=True)
class JudgedTo:
    """All exchanges up to this one have been analysed."""

    exchange: int


@dataclass(frozen=True, slots=True)
class Finished:
    """The report on the whole run; the analysing process has ended."""

    reports: tuple[str, ...]
    """In each form that was wanted. Written here, where all that it takes is loaded."""
    exit_code: Exit
    """Of `pisama analyze` with this report."""
    steps: int
    """Acts of agents in the report."""
    tally: Tally
    problems: tuple[str, ...] = field(default=())
    """What went wrong with saving, following or reading, one line each."""


FromAnalyst: TypeAlias = Tally | Found | JudgedTo | Finished
