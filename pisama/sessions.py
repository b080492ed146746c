"""Where Claude Code and Codex keep their sessions, and which of them belong to a folder."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import orjson

MAX_SESSIONS = 5_000
"""Files of Codex that are looked at, newest first: it keeps the sessions of all folders together."""
MAX_LINES = 20
"""Lines of a session among which the folder it ran in is looked for."""
MAX_LINE = 1_000_000
"""Bytes of a line that are looked at."""


@dataclass(frozen=True, slots=True)
class Session:
    """One recorded session of a coding agent."""

    path: Path
    agent: str
    """`claude-code` or `codex`: what the loader of its format is called begins with it."""
    modified: float
    """When it was last written to, in seconds since the epoch."""


def session_folders() -> tuple[Path, ...]:
    """The folders where sessions are kept; those that do not exist too."""
    return _claude_projects(), _codex_sessions()


def sessions_of(folder: Path) -> list[Session]:
    """The sessions that were started in a folder, the newest first."""
    # An agent records the folder as it was named, or with links followed.
    names = dict.fromkeys((str(folder.absolute()), str(folder.resolve())))
    found = [*_claude_code(names), *_codex(names)]
    return sorted(found, key=lambda session: (-session.modified, session.path))


def _claude_projects() -> Path:
    return Path(os.environ.get("CLAUDE_CONFIG_DIR") or Path.home() / ".claude") / "projects"


def _codex_sessions() -> Path:
    return Path(os.environ.get("CODEX_HOME") or Path.home() / ".codex") / "sessions"


def _claude_code(names: Collection[str]) -> Iterator[Session]:
    # Claude Code names the folder of a project after its path; two paths may have one name, so `cwd` decides.
    for project in dict.fromkeys(re.sub("[^a-zA-Z0-9]", "-", name) for name in names):
        for path in (_claude_projects() / project).glob("*.jsonl"):
            if not path.name.startswith("agent-") and _started_in(path) in (None, *names):
                yield from _session(path, "claude-code")


def _codex(names: Collection[str]) -> Iterator[Session]:
    # Their names begin with the time they started at, in folders of year, month and day.
    newest_first = sorted(_codex_sessions().glob("*/*/*/rollout-*.jsonl"), reverse=True)
    for path in newest_first[:MAX_SESSIONS]:
        if _started_in(path) in names:
            yield from _session(path, "codex")


def _session(path: Path, agent: str) -> Iterator[Session]:
    try:
        yield Session(path, agent, path.stat().st_mtime)
    except OSError:
        return


def _started_in(path: Path) -> str | None:
    """The working directory that one of the first lines names."""
    try:
        with path.open("rb") as file:
            for line in islice(iter(lambda: file.readline(MAX_LINE), b""), MAX_LINES):
                cwd = _cwd(line)
                if cwd is not None:
                    return cwd
    except OSError:
        pass
    return None


def _cwd(line: bytes) -> str | None:
    try:
        record = orjson.loads(line)
    except ValueError:
        return None
    if not isinstance(record, dict):
        return None
    payload = record.get("payload")
    cwd = record.get("cwd") or (payload.get("cwd") if isinstance(payload, dict) else None)
    return cwd if isinstance(cwd, str) else None
