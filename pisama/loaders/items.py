"""The objects of a document, whether they stand alone or in a list, and lists of them that are runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import TypeVar

from pisama.loaders.base import SAMPLE_RECORDS, Document, Record
from pisama.loaders.values import as_mapping, open_json
from pisama.report import LoadError
from pisama.trace import JSON, Location

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Batch:
    """Records that belong together, and the object they were in."""

    at: Location
    header: Mapping[str, JSON] = field(default_factory=dict)
    """The object with the list in it; empty for a bare list."""
    records: tuple[Record, ...] = ()


def items(document: Document) -> Iterator[Record | LoadError]:
    """The records, and in place of a record that is a list its elements."""
    for record in document.records():
        if isinstance(record, LoadError) or not isinstance(record.value, list):
            yield record
        else:
            yield from _elements(record)


def read_each(
    records: Iterable[Record | LoadError], read: Callable[[Record], Iterable[Result]]
) -> Iterator[Result | LoadError]:
    """What `read` makes of each record; records that could not be read are handed on."""
    for record in records:
        if isinstance(record, LoadError):
            yield record
        else:
            yield from read(record)


def batches(document: Document, *fields: str) -> Iterator[Batch | LoadError]:
    """The lists of a document: bare ones, and those in one of these fields of an object.

    A list of such objects or of lists is as many batches; other objects, alone or in lines, are one
    batch together.
    """
    loose: list[Record] = []
    for record in document.records():
        if isinstance(record, LoadError):
            yield record
            continue
        outer = _batch(record, fields)
        if outer is None:
            loose.append(record)
        elif outer.header:
            yield outer
        else:
            inner = [_batch(element, fields) for element in outer.records]
            if inner and all(batch is not None for batch in inner):
                yield from (batch for batch in inner if batch is not None)
            else:
                yield outer
    if loose:
        yield Batch(replace(loose[0].at, line=None, pointer=""), records=tuple(loose))


def sample_items(document: Document) -> tuple[JSON, ...]:
    """The first of these objects, as far as the sample of the document shows them."""
    lists = (value[:SAMPLE_RECORDS] if isinstance(value, list) else [value] for value in document.sample)
    return tuple(islice(chain.from_iterable(lists), SAMPLE_RECORDS))


def sample_batches(document: Document, *fields: str) -> tuple[JSON, ...]:
    """The first objects in the lists of `batches`, as far as the sample shows them."""
    found: list[JSON] = []
    for value in sample_items(document):
        listed = next((values for values in _lists(value, fields)), None)
        found += [value] if listed is None else listed[:SAMPLE_RECORDS]
    return tuple(found[:SAMPLE_RECORDS])


def _batch(record: Record, fields: tuple[str, ...]) -> Batch | None:
    if isinstance(record.value, list):
        return Batch(record.at, records=tuple(_elements(record)))
    header = as_mapping(record.value)
    for name in fields:
        listed = open_json(header.get(name))
        if isinstance(listed, list):
            at = replace(record.at, pointer=f"{record.at.pointer}/{name}")
            return Batch(record.at, header, tuple(_elements(Record(listed, at))))
    return None


def _lists(value: JSON, fields: tuple[str, ...]) -> Iterator[list[JSON]]:
    if isinstance(value, list):
        yield value
    for name in fields:
        listed = open_json(as_mapping(value).get(name))
        if isinstance(listed, list):
            yield listed


def _elements(record: Record) -> Iterator[Record]:
    if isinstance(record.value, list):
        for place, value in enumerate(record.value):
            yield Record(value, replace(record.at, pointer=f"{record.at.pointer}/{place}"))
