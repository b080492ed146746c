"""Deferred loaders are asked about every document that they know, and imported for no other."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pisama.loaders import LOADERS, open_document
from pisama.loaders.base import Document, Loader
from pisama.loaders.deferred import Deferred, fields_of, may_know
from pisama.trace import JSON

ROOT = Path(__file__).parents[2]
DEFERRED = tuple(each for each in LOADERS if isinstance(each, Deferred))
VALUES: tuple[JSON, ...] = (
    "run",
    "tool-call",
    "request",
    "TextMessage",
    "ai",
    "tool_use",
    "step_start",
    "event",
    "agent",
    "0x1",
    "trace",
    "completed",
    "prt_1",
    1,
    [],
    {},
)


@cache
def recordings() -> tuple[tuple[str, Document], ...]:
    # The result that Claude Code prints alone, and a page of events as the API of Anthropic gives it.
    event: dict[str, JSON] = {"type": "agent.message", "processed_at": "2026-01-01T00:00:00Z"}
    found = [
        ("result.json", open_document({"type": "result", "subtype": "success", "session_id": "s"})),
        ("events.json", open_document({"data": [event, event]})),
    ]
    paths = sorted((*(ROOT / "examples").iterdir(), *(ROOT / "tests" / "traces").glob("*/*")))
    found += [(path.name, open_document(path)) for path in paths]
    return tuple((name, document) for name, document in found if isinstance(document, Document))


def known_by(loader: Loader) -> Iterator[tuple[str, Document]]:
    """The recordings that the loader takes for its own."""
    for name, document in recordings():
        if loader.sniff(document) > 0:
            yield name, document


def without(value: JSON, names: frozenset[str]) -> JSON:
    """A value without these fields, in whatever object of it they are."""
    if isinstance(value, list):
        return [without(item, names) for item in value]
    return (
        {name: without(held, names) for name, held in value.items() if name not in names}
        if isinstance(value, dict)
        else value
    )


@pytest.mark.parametrize("loader", DEFERRED, ids=lambda loader: loader.id)
def test_a_deferred_loader_has_the_id_of_the_loader_and_knows_nothing_without_the_fields(
    loader: Deferred,
) -> None:
    assert loader.id == loader.loader.id
    of_json = 0
    for name, document in known_by(loader.loader):
        fields = fields_of(document)
        assert may_know(loader, fields), name
        if fields is not None:
            of_json += 1
            bare = replace(document, sample=tuple(without(value, loader.needs) for value in document.sample))
            assert loader.sniff(bare) == 0, name
    assert bool(of_json) is bool(loader.needs)


@given(st.data())
@settings(deadline=None)  # the first example imports every loader
def test_whoever_is_not_asked_would_not_have_known_the_document(data: st.DataObject) -> None:
    # Fields of several loaders in one record, or in the messages of one, under values that some of them look for.
    names = st.sampled_from(
        sorted({name for each in DEFERRED for name in each.needs} | {"type", "id", "messages"})
    )
    record = st.dictionaries(names, st.sampled_from(VALUES), max_size=6)
    lists = st.lists(st.one_of(record, st.lists(record, max_size=2)), max_size=3)
    inside = st.dictionaries(
        st.sampled_from(("messages", "data", "input", "agent")), st.one_of(record, lists)
    )
    value = cast(JSON, data.draw(st.one_of(record, lists, inside, st.lists(inside, max_size=2))))
    document = Document(None, lambda: iter(()), sample=(value,))
    fields = fields_of(document)
    assert [each.id for each in LOADERS if not may_know(each, fields) and each.sniff(document) > 0] == []


def test_a_chat_is_read_without_importing_what_reads_other_formats() -> None:
    code = (
        "import sys, pisama\n"
        "assert pisama.load('examples/six-files.messages.json').traces\n"
        "print(sorted(name for name in sys.modules if name.startswith('pisama.loaders.')))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "'pisama.loaders.openai_chat'" in done.stdout
    for module in (
        "otlp",
        "claude_code",
        "langgraph",
        "conversation_runs",
        "turns",
        "langfuse",
        "dify",
        "aider",
    ):
        assert f"'pisama.loaders.{module}'" not in done.stdout
