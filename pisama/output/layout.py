"""Small pieces of the text report: labelled rows, barred quotes, counts and lists in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.text import Text

LABEL = 14
"""Width of the labels at the margin, in characters."""
GAP = 2
"""Characters between a label and what stands beside it."""
MAX_NAMES = 4
"""Names in a list before it says how many more there are."""


class Hanging:
    """Text whose wrapped lines stand under its first one, behind a mark that is repeated or not."""

    def __init__(
        self, mark: str, text: Text, *, style: str = "dim", repeat: bool = True, indent: int = 0
    ) -> None:
        self._first = Text(mark, style=style)
        self._next = self._first if repeat else Text(" " * len(mark))
        self._margin = Segment(" " * indent)
        self._text = text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The lines, each behind the mark."""
        room = options.max_width - len(self._margin.text) - len(self._first.plain)
        for line in _behind(self._first, self._next, self._text.wrap(console, max(20, room))):
            yield self._margin
            yield line


class Row:
    """Content beside a label at the margin, which is cut to its width."""

    def __init__(self, label: str, content: Text, style: str) -> None:
        self._label = Text(label, style=style)
        self._content = content

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The lines of the content, the first one behind the label."""
        self._label.truncate(LABEL, overflow="ellipsis", pad=True)
        lines = self._content.wrap(console, options.max_width - LABEL - GAP, overflow="ellipsis")
        yield from _behind(Text.assemble(self._label, " " * GAP), Text(" " * (LABEL + GAP)), lines)


def _behind(first: Text, rest: Text, lines: Iterable[Text]) -> Iterator[Text]:
    # A table, or padding, would do the same with every line wrapped, measured and filled several times, which takes
    # longer than all the rest of a small report.
    mark = first
    for line in lines:
        line.rstrip()
        whole = mark + line
        whole.no_wrap, whole.overflow = True, "ignore"
        yield whole
        mark = rest


def row(label: str, content: Text, style: str = "dim") -> Row:
    """Content beside a label at the margin."""
    return Row(label, content, style)


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
