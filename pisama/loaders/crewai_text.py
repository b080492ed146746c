"""The text form of CrewAI's log of tasks: `2026-11-23 08:23:45: task_name="…", task="…", agent="…", …`."""

from __future__ import annotations

from collections.abc import Iterator

from pisama.patterns import lazy
from pisama.trace import JSON

_ENTRY = lazy(r'(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d): (task_name|task)="')
_FIELDS = ("task_name", "task", "agent", "status", "output")


def is_task_log(text: str) -> bool:
    """Whether a text begins with an entry of the log."""
    return _ENTRY.match(text.lstrip()[:200]) is not None


def read_task_log(text: str) -> Iterator[tuple[int, dict[str, JSON]]]:
    """The entries with the numbers of their first lines, from 1. An output may be many lines long."""
    first, lines = 0, list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        if _ENTRY.match(line) is None:
            lines.append(line)
            continue
        if first:
            yield first, _entry("\n".join(lines))
        first, lines = number, [line]
    if first:
        yield first, _entry("\n".join(lines))


def _entry(text: str) -> dict[str, JSON]:
    """Quotes in values are not escaped; so a value ends where the next field begins."""
    time, _, rest = text.partition(": ")
    entry: dict[str, JSON] = {"timestamp": time}
    starts = [(rest.find(f'{name}="'), name) for name in _FIELDS]
    places = sorted((place, name) for place, name in starts if place == 0 or rest[place - 2 : place] == ", ")
    for (place, name), (end, _) in zip(places, [*places[1:], (len(rest) + 2, "")], strict=True):
        entry[name] = rest[place + len(name) + 2 : end - 2].strip().removesuffix('"')
    return entry
