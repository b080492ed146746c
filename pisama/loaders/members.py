"""The records of a folder or an archive whose files are one run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import TypeAlias

from pisama.loaders.base import Document, Record
from pisama.loaders.items import items, sample_items
from pisama.loaders.values import as_mapping, as_nanoseconds
from pisama.report import LoadError
from pisama.trace import JSON

OPENED = 8
"""Most members that are opened to recognise a format."""

Named: TypeAlias = Callable[[str], bool]
"""Whether a member of this name belongs to the run."""


def named_members(document: Document, named: Named) -> dict[str, Callable[[], Document | LoadError]]:
    """The members that belong to the run, in the order of their names."""
    return {name: opened for name, opened in document.members.items() if named(name)}


def member_samples(document: Document, named: Named) -> Iterator[JSON]:
    """The first records of the first members."""
    for opened in islice(named_members(document, named).values(), OPENED):
        member = opened()
        if isinstance(member, Document):
            yield from sample_items(member)


def member_items(document: Document, named: Named) -> Iterator[tuple[str, Record | LoadError]]:
    """The records of every member, each with the member's name."""
    for name, opened in named_members(document, named).items():
        member = opened()
        if isinstance(member, LoadError):
            yield name, member
            continue
        for record in items(member):
            yield name, record


def all_items(document: Document, named: Named) -> Iterator[Record | LoadError]:
    """The records of the document, or, of a folder, those of its members in the order of their `timestamp`.

    A record without a time stays behind the one before it in its file.
    """
    yield from items(document)
    timed: list[tuple[int, int, Record | LoadError]] = []
    latest: dict[str, int] = {}
    for place, (name, record) in enumerate(member_items(document, named)):
        moment = None if isinstance(record, LoadError) else _time(as_mapping(record.value))
        latest[name] = max(latest.get(name, 0), moment or 0)
        timed.append((latest[name], place, record))
    timed.sort(key=lambda item: item[:2])
    for _, _, record in timed:
        yield record


def _time(record: Mapping[str, JSON]) -> int | None:
    return as_nanoseconds(record.get("timestamp"))
