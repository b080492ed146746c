"""What is said on standard error while the command runs: what its agent does, what it has used, what fails.

On a terminal that the command does not write to, two lines are kept up to date by rich. Where the command writes
to the same terminal nothing is ever redrawn, since that would tear its output: lines are added, and not too many.
Where there is no terminal, lines are plain and few, for whoever reads them in the morning.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from pisama.issue import Issue, Level
from pisama.output.terminal import printable, wants_color
from pisama.watch.captured import Tally

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live

PAUSE = 2.0
"""Seconds between two lines about what the agent does, on a terminal that it shares."""
PLAIN_PAUSE = 60.0
"""The same where there is no terminal."""
TICK = 1.0
"""Seconds between two looks at the clock."""
LONG = 3.0
"""Seconds from which on it is said that the program waits for an answer."""
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
    """Tells the user what happens. What draws is loaded when there is something to draw."""

    def __init__(self, limits: Limits, *, quiet: bool = False) -> None:
        self._limits = limits
        self._quiet = quiet
        self._begun = time.monotonic()
        self._said = self._begun
        self._told = ""
        self._issues = 0
        self._tally = Tally()
        self._open: dict[object, tuple[float, str]] = {}
        self._on_terminal = sys.stderr.isatty()
        self._is_drawn = self._on_terminal and not sys.stdout.isatty() and not quiet

    def __enter__(self) -> View:
        return self

    def __exit__(self, *_: object) -> None:
        if "_live" in self.__dict__:
            self._live.stop()

    @cached_property
    def _console(self) -> Console:
        from rich.console import Console

        return Console(
            stderr=True,
            highlight=False,
            markup=False,
            emoji=False,
            soft_wrap=True,
            color_system="auto" if wants_color(sys.stderr) else None,
        )

    @cached_property
    def _live(self) -> Live:
        from rich.live import Live

        live = Live(console=self._console, auto_refresh=False, transient=True)
        live.start()
        return live

    def say(self, message: str, style: str = "") -> None:
        """A line of our own."""
        from rich.text import Text

        self._console.print(Text(f"pisama: {printable(message)}", style=style))

    def asks(self, call: object, host: str) -> None:
        """A call of a model has gone out."""
        self._open[call] = time.monotonic(), host

    def answered(self, call: object) -> None:
        """It has come to its end."""
        self._open.pop(call, None)

    def progress(self, tally: Tally) -> None:
        """The run went on."""
        self._tally = tally
        self.tick()

    def tick(self) -> None:
        """Says how it stands, where that is wanted and not just been said."""
        if self._is_drawn:
            from rich.text import Text

            lines = Text(
                f"pisama {self._clock()} · {self._counts()}\n{self._now()}", style="dim", no_wrap=True
            )
            lines.overflow = "ellipsis"
            self._live.update(lines, refresh=True)
            return
        now = time.monotonic()
        if self._quiet or now - self._said < (PAUSE if self._on_terminal else PLAIN_PAUSE):
            return
        told = " · ".join(filter(None, (self._counts(), self._now())))
        if told != self._told and (self._tally.spans or self._open):
            from rich.text import Text

            self._said, self._told = now, told
            line = Text(f"pisama {self._clock()} · {told}", style="dim", no_wrap=True, overflow="ellipsis")
            self._console.print(line, soft_wrap=not self._on_terminal)

    def issue(self, issue: Issue, *, worse: bool) -> None:
        """An issue was found, or has become worse."""
        from rich.text import Text

        self._issues += not worse
        place = f" at step {issue.step}" if issue.step is not None else ""
        again = " (worse)" if worse else ""
        line = Text("pisama: ")
        line.append(f"{issue.level.value} {issue.type}{again}{place}", style=_STYLES[issue.level])
        line.append(f": {printable(issue.summary)}")
        self._console.print(line)

    def _clock(self) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self._begun), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"

    def _counts(self) -> str:
        tally, limits = self._tally, self._limits
        cost = "" if tally.cost is None else f"${tally.cost:.4f}"
        of_cost = "" if limits.cost is None else f" of ${limits.cost:g}"
        parts = [
            _counted(tally.steps, "step", limits.steps),
            _counted(tally.calls, "tool call"),
            _counted(tally.errors, "error"),
            _counted(tally.tokens, "token", limits.tokens),
            cost and cost + of_cost,
            _counted(self._issues, "issue"),
        ]
        return " · ".join(filter(None, parts))

    def _now(self) -> str:
        """What the agent does: what it last set about, or whom it has been waiting for."""
        if self._open:
            since, host = min(self._open.values())
            waited = time.monotonic() - since
            if waited >= LONG:
                others = f" and {len(self._open) - 1:,} more" if len(self._open) > 1 else ""
                return f"waits for {host}{others}, for {waited:.0f} s"
        return self._tally.now


def _counted(count: int, noun: str, limit: int | None = None) -> str:
    of = "" if limit is None else f" of {limit:,}"
    return f"{count:,}{of} {noun}{'' if count == 1 and limit is None else 's'}"
