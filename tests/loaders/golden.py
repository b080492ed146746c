"""Comparing what a trace gives with the golden file beside it."""

from __future__ import annotations

from pathlib import Path

from pisama.loaders import loader, open_document, sniff
from pisama.loaders.base import Document
from pisama.loaders.container import Source
from pisama.report import LoadError
from pisama.trace import JSON, Trace
from tests.loaders.outline import outline

TRACES = Path(__file__).parents[1] / "traces"


def assert_golden(trace: Path, golden: str) -> None:
    """The outline of the trace is the text of this file of the same folder."""
    assert outline(trace) == (trace.parent / golden).read_text().rstrip("\n")


def recognised(source: Source) -> str | None:
    """Id of the loader that is chosen for an input; None when none is."""
    document = open_document(source)
    assert isinstance(document, Document)
    chosen = sniff(document)
    return None if isinstance(chosen, LoadError) else chosen.id


def problems(source: Source, input_format: str) -> list[str]:
    """The errors of an input that is read in this format, each with its place."""
    document = open_document(source)
    chosen = loader(input_format)
    assert isinstance(document, Document)
    assert chosen is not None
    found = [item for item in chosen.load(document) if isinstance(item, LoadError)]
    return [f"{item.at.line or ''}{item.at.pointer}: {item.reason}" for item in found]


def assert_survives(input_format: str, value: JSON) -> None:
    """The loader takes any JSON at all without raising, and yields what a loader may."""
    document = open_document(value if isinstance(value, list | dict) else [value])
    chosen = loader(input_format)
    assert isinstance(document, Document)
    assert chosen is not None
    assert 0 <= chosen.sniff(document) <= 1
    for item in chosen.load(document):
        assert isinstance(item, Trace | LoadError)
