"""Small pieces of the text report: labelled rows, barred quotes, counts and lists in words."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

LABEL = 14
"""Width of the labels at the margin, in characters."""
MAX_NAMES = 4
"""Names in a list before it says how many more there are."""


class Hanging:
    """Text whose wrapped lines stand under its first one, behind a mark that is repeated or not."""

    def __init__(self, mark: str, text: Text, *, style: str = "dim", repeat: bool = True) -> None:
        self._first = Text(mark, style=style)
        self._next = self._first if repeat else Text(" " * len(mark))
        self._text = text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The lines, each behind the mark."""
        mark = self._first
        for line in self._text.wrap(console, max(20, options.max_width - len(mark.plain))):
            line.rstrip()
            yield mark + line
            mark = self._next


def row(label: str, content: Text, style: str = "dim") -> RenderableType:
    """Content beside a label at the margin."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(width=LABEL, no_wrap=True, overflow="ellipsis")
    grid.add_column()
    grid.add_row(Text(label, style=style), content)
    return grid


def counted(number: int, what: str) -> str:
    """`1 step`, `1,200 steps`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def usd(amount: float) -> str:
    """An amount of money, exact enough for a single call: `1.2300 USD`, `0.000045 USD`."""
    return f"{amount:.4f} USD" if amount >= 0.01 or not amount else f"{amount:.6f} USD"


def listed(items: Iterable[str], most: int = MAX_NAMES) -> str:
    """The first `most` names, and how many more there are."""
    names = list(items)
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest
