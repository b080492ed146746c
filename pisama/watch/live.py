"""What is said on standard error while the command runs: what its agent does, what it has used, what fails.

On a terminal that the command does not write to, a status line is kept up to date by rich. Where the command
writes to the same terminal nothing is ever redrawn, since that would tear its output: lines are added, and not
too many. Where there is no terminal, lines are plain, and only issues are told.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

from rich.console import Console
from rich.live import Live
from rich.text import Text

from pisama.issue import Issue, Level
from pisama.output.terminal import printable, wants_color
from pisama.watch.captured import Tally

PAUSE = 2.0
"""Seconds between two lines about what the agent does, on a terminal that it shares."""
_STYLES = {
    Level.CRITICAL: "bold red",
    Level.HIGH: "red",
    Level.MEDIUM: "yellow",
    Level.LOW: "cyan",
    Level.INFO: "dim",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """When the command is stopped; None never."""

    steps: int | None = None
    tokens: int | None = None
    cost: float | None = None
    """USD."""
    seconds: float | None = None
    stop_on: Level | str | None = None
    """A level, or the id of a detector."""

    def reached(self, tally: Tally) -> str | None:
        """Which limit these counts have reached, in words."""
        if self.steps is not None and tally.steps >= self.steps:
            return f"{tally.steps:,} steps reach the limit of {self.steps:,}"
        if self.tokens is not None and tally.tokens >= self.tokens:
            return f"{tally.tokens:,} tokens reach the limit of {self.tokens:,}"
        if self.cost is not None and tally.cost is not None and tally.cost >= self.cost:
            return f"${tally.cost:.4f} reach the limit of ${self.cost:.4f}"
        return None

    def stops(self, issue: Issue) -> bool:
        """Whether this issue ends the run."""
        if isinstance(self.stop_on, Level):
            return issue.level.floor >= self.stop_on.floor
        return self.stop_on is not None and issue.type == self.stop_on

    @property
    def hold(self) -> bool:
        """Whether calls have to wait for what is known of those before them."""
        return self.stop_on is not None or any(
            each is not None for each in (self.steps, self.tokens, self.cost)
        )


class View:
    """Tells the user what happens."""

    def __init__(self, limits: Limits, *, quiet: bool = False) -> None:
        self._limits = limits
        self._quiet = quiet
        self._console = Console(
            stderr=True,
            highlight=False,
            markup=False,
            emoji=False,
            soft_wrap=True,
            color_system="auto" if wants_color(sys.stderr) else None,
        )
        self._issues = 0
        self._said = 0.0
        self._step = 0
        alone = sys.stderr.isatty() and not sys.stdout.isatty()
        self._live = (
            Live(console=self._console, auto_refresh=False, transient=True) if alone and not quiet else None
        )

    def __enter__(self) -> View:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def say(self, message: str, style: str = "") -> None:
        """A line of our own."""
        self._console.print(Text(f"pisama: {printable(message)}", style=style))

    def progress(self, tally: Tally) -> None:
        """The run went on."""
        line = Text(self._status(tally), style="dim", no_wrap=True, overflow="ellipsis")
        if self._live is not None:
            self._live.update(line, refresh=True)
        elif sys.stderr.isatty() and not self._quiet and tally.steps != self._step:
            now = time.monotonic()
            if now - self._said >= PAUSE:
                self._said = now
                self._step = tally.steps
                self._console.print(line)

    def issue(self, issue: Issue, *, worse: bool) -> None:
        """An issue was found, or has become worse."""
        self._issues += not worse
        place = f" at step {issue.step}" if issue.step is not None else ""
        again = " (worse)" if worse else ""
        line = Text("pisama: ")
        line.append(f"{issue.level.value} {issue.type}{again}{place}", style=_STYLES[issue.level])
        line.append(f": {printable(issue.summary)}")
        self._console.print(line)

    def _status(self, tally: Tally) -> str:
        limits = self._limits
        cost = "" if tally.cost is None else f"${tally.cost:.4f}{_of(limits.cost, '$')}"
        parts = [
            f"{tally.steps:,}{_of(limits.steps)} steps",
            f"{tally.calls:,} calls",
            f"{tally.errors:,} errors",
            f"{tally.tokens:,}{_of(limits.tokens)} tokens",
            cost,
            f"{self._issues} issues",
            tally.now,
        ]
        return "pisama: " + " · ".join(filter(None, parts))


def _of(limit: float | None, sign: str = "") -> str:
    return "" if limit is None else f" of {sign}{limit:,}"
