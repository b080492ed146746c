"""The objects of a document, whether they stand alone or in a list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, islice

from pisama.loaders.base import SAMPLE_RECORDS, Document, Record
from pisama.report import LoadError
from pisama.trace import JSON


def items(document: Document) -> Iterator[Record | LoadError]:
    """The records, and in place of a record that is a list its elements."""
    for record in document.records():
        if isinstance(record, LoadError) or not isinstance(record.value, list):
            yield record
            continue
        for place, value in enumerate(record.value):
            pointer = f"{record.at.pointer}/{place}"
            yield Record(value, replace(record.at, pointer=pointer))


def sample_items(document: Document) -> tuple[JSON, ...]:
    """The first of these objects, as far as the sample of the document shows them."""
    lists = (value[:SAMPLE_RECORDS] if isinstance(value, list) else [value] for value in document.sample)
    return tuple(islice(chain.from_iterable(lists), SAMPLE_RECORDS))
