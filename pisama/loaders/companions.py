"""Which files of a folder continue the run that another file of it begins."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import TypeAlias

from pisama.loaders.base import Document, Members
from pisama.loaders.values import as_mapping
from pisama.patterns import lazy
from pisama.report import LoadError
from pisama.trace import JSON

_WORDS = lazy(r"[^\W_]+")
_LOGS = frozenset(("logs", "log"))
_TRACES = frozenset(("traces", "trace", "spans"))
_SIGNALS = _LOGS | _TRACES

Begins: TypeAlias = Callable[[str], bool]
"""Whether a file of this name, by itself in the folder, may begin a run."""
FolderOf: TypeAlias = Callable[[str, str], bool]
"""Whether a folder (first) holds the rest of the run of a file without its extension (second)."""


def groups_by_folder(members: Members, begins: Begins, belongs: FolderOf) -> Iterator[tuple[str, ...]]:
    """Each file that begins a run with the files in the folders named after it."""
    inside: dict[str, list[str]] = {}
    for name in members:
        top, slash, _ = name.partition("/")
        if slash:
            inside.setdefault(top, []).append(name)
    if not inside:
        return
    for name in members:
        if "/" not in name and begins(name):
            stem = PurePosixPath(name).stem
            rest = [file for folder, files in inside.items() if belongs(folder, stem) for file in files]
            if rest:
                yield (name, *rest)


def groups_by_link(members: Members, links: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    """Each file that continues no other with those that continue it, directly or not.

    `links` says for a file which file it continues.
    """
    groups: dict[str, list[str]] = {}
    for name in members:
        if name in links:
            groups.setdefault(_origin(name, links), []).append(name)
    for first, rest in groups.items():
        if first in members:
            yield (first, *(name for name in rest if name != first))


def groups_by_signal(members: Members) -> Iterator[tuple[str, ...]]:
    """Each file of spans with the file of log records that has the same name but for the word that says so.

    OpenTelemetry writes one signal a file: `run.traces.jsonl` or `run.jsonl`, and `run.logs.jsonl`.
    """
    spans: dict[str, str] = {}
    logs: list[tuple[str, str]] = []
    for name in members:
        folder, _, file = name.rpartition("/")
        words = _WORDS.findall(file.lower())
        plain = "/".join((folder, *(word for word in words if word not in _SIGNALS)))
        if _LOGS.isdisjoint(words):
            # A file that says it holds spans goes before one that says nothing.
            if plain not in spans or not _TRACES.isdisjoint(words):
                spans[plain] = name
        else:
            logs.append((plain, name))
    for plain, name in logs:
        if plain in spans:
            yield (spans[plain], name)


def first_record(opened: Callable[[], Document | LoadError]) -> Mapping[str, JSON]:
    """The first record of a member, if it is an object."""
    document = opened()
    values = document.sample if isinstance(document, Document) else ()
    return as_mapping(values[0]) if values else {}


def _origin(name: str, links: Mapping[str, str]) -> str:
    seen = {name}
    while name in links and links[name] not in seen:
        name = links[name]
        seen.add(name)
    return name
