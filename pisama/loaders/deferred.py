"""Loaders whose modules are imported when an input may be theirs: most inputs need few of them, and importing them all
takes longer than analysing a small trace."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from importlib import import_module
from itertools import islice
from typing import cast

from pisama.loaders.base import SAMPLE_RECORDS, Document, GroupsFiles, Loaded, Loader, Members
from pisama.loaders.values import as_list, as_mapping, open_json
from pisama.trace import JSON

_LISTS = (
    *("messages", "chat_history", "history", "all_messages", "message_history"),
    *("items", "input_items", "input", "data", "responses"),
)
"""Fields in whose lists loaders look."""
_NODES, _PARTS = 8, 4
"""How many fields of an object are looked into, and how many objects in a list that is one, for such lists again."""


class Deferred:
    """Stands for a loader, and becomes it when more than its id is asked for."""

    def __init__(self, name: str, place: str, needs: str) -> None:
        self.id = name
        self.needs = frozenset(needs.split())
        self._place = place

    @cached_property
    def loader(self) -> Loader:
        """The loader itself."""
        module, _, name = self._place.partition(".")
        return cast(Loader, getattr(import_module(f"pisama.loaders.{module}"), name)())

    @property
    def title(self) -> str:
        """As a person would call the format."""
        return self.loader.title

    @property
    def recognised_by(self) -> str:
        """The rule that `sniff` follows."""
        return self.loader.recognised_by

    def sniff(self, document: Document) -> float:
        """How sure the loader is."""
        return self.loader.sniff(document)

    def load(self, document: Document) -> Iterator[Loaded]:
        """What the loader reads."""
        return self.loader.load(document)


class DeferredGroups(Deferred):
    """Stands for a loader whose runs may be spread over several files."""

    def __init__(self, name: str, place: str, needs: str, among: str) -> None:
        super().__init__(name, place, needs)
        self._among = among

    def companions(self, members: Members) -> Iterator[Sequence[str]]:
        """What the loader says, where a name says that it may say something."""
        if any(re.search(self._among, name) for name in members):
            yield from cast(GroupsFiles, self.loader).companions(members)


def deferred(name: str, place: str, needs: str = "") -> Loader:
    """The loader with the id `name` at `place`, a module of this package and a class of it.

    `needs` are names of fields, with spaces between, one of which the records of a JSON document, the objects in lists
    that are its records, or the messages and items in lists of these (see `fields_of`) must have for `sniff` to give
    more than 0. Without any, `sniff` gives 0 for every JSON document: the loader is one for text, or for a database.
    """
    return cast(Loader, Deferred(name, place, needs))


def deferred_groups(name: str, place: str, needs: str, among: str) -> GroupsFiles:
    """`deferred` for a loader that groups files: none, where no name of a member has a match of the pattern `among`."""
    return cast(GroupsFiles, DeferredGroups(name, place, needs, among))


def itself(loader: Loader) -> Loader:
    """The loader, or that for which it stands."""
    return loader.loader if isinstance(loader, Deferred) else loader


def may_know(loader: Loader | Deferred, fields: frozenset[str] | None) -> bool:
    """Whether a loader has to be asked about a document with these fields; None are those of any document."""
    return not isinstance(loader, Deferred) or fields is None or not loader.needs.isdisjoint(fields)


def fields_of(document: Document) -> frozenset[str] | None:
    """The fields by which a loader may know a document; None when it is not, or not only, objects and lists of them."""
    if document.members or document.tables or document.text is not None or document.raw is not None:
        return None
    fields: set[str] = set()
    for value in document.sample:
        for item in value[:SAMPLE_RECORDS] if isinstance(value, list) else (value,):
            if isinstance(item, list):
                return None
            if isinstance(item, dict):
                fields.update(item)
                fields.update(_names_inside(item))
    return frozenset(fields)


def _names_inside(record: dict[str, JSON]) -> Iterator[str]:
    parts: list[JSON] = [record]
    for value in islice(record.values(), _NODES):
        parts += value[:_PARTS] if isinstance(value, list) else [value]
    for part in parts:
        for name in _LISTS if isinstance(part, dict) else ():
            held = open_json(as_mapping(part).get(name))
            for item in as_list(held)[:SAMPLE_RECORDS]:
                yield from as_mapping(item)
