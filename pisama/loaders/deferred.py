"""Loaders whose modules are imported when an input may be theirs: most inputs need few of them, and importing them all
takes longer than analysing a small trace."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from importlib import import_module
from typing import cast

from pisama.loaders.base import SAMPLE_RECORDS, Document, Loaded, Loader
from pisama.trace import JSON


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


def deferred(name: str, place: str, needs: str = "") -> Loader:
    """The loader with the id `name` at `place`, a module of this package and a class of it.

    `needs` are names of fields, with spaces between, one of which the records of a JSON document, or the objects in
    lists that are its records, must have for `sniff` to give more than 0. Without any, `sniff` gives 0 for every JSON
    document: the loader is one for text, or for a database.
    """
    return cast(Loader, Deferred(name, place, needs))


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
            fields.update(_names(item))
    return frozenset(fields)


def _names(item: JSON) -> Iterator[str]:
    return iter(item) if isinstance(item, dict) else iter(())
