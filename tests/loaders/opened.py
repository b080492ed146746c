"""Opening inputs the way every door does, and saying what is in them."""

from __future__ import annotations

from pisama.loaders.base import Document, Record
from pisama.loaders.container import Source, open_document
from pisama.report import LoadError


def opened(source: Source, path: str | None = None) -> Document:
    """The document, which must be readable."""
    document = open_document(source, path)
    assert isinstance(document, Document), document
    return document


def refused(source: Source, path: str | None = "in") -> str:
    """What is said of an input that cannot be read."""
    error = open_document(source, path)
    assert isinstance(error, LoadError), error
    assert error.fatal
    return str(error)


def said_of(document: Document) -> list[str]:
    """The records as text with their places, errors among them; those of each member under its name."""
    lines = [
        f"{item.at}: {item.value if isinstance(item, Record) else item.reason}" for item in document.records()
    ]
    for opening in document.members.values():
        member = opening()
        lines += [str(member)] if isinstance(member, LoadError) else said_of(member)
    return lines
