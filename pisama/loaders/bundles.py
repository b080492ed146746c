"""Folders and archives with several runs in them: which of their files are read together."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from pisama.limits import DEFAULT, Limits
from pisama.loaders.base import Document, GroupsFiles, Loader, Members
from pisama.loaders.deferred import Deferred, DeferredGroups
from pisama.loaders.folders import files_in, may_hold_traces
from pisama.loaders.streams import shown
from pisama.report import LoadError

MAX_DEPTH = 16
"""Folders within folders that are looked at as a run of their own; files further down are read one by one."""
MAX_SIBLINGS = 20_000
"""Files beside a file, and in folders named after it, among which its companions are looked for."""

Open = Callable[[], Document | LoadError]


class Part(NamedTuple):
    """One input within a folder or an archive."""

    name: str
    """Relative to the whole."""
    open: Open
    loader: Loader | None = None
    """The loader that asked for these files together; None for a single file."""


def parts_of(
    document: Document, loaders: Sequence[Loader], sure: Callable[[Loader, Document], float]
) -> Iterator[Part]:
    """The inputs among the members, each file in exactly one of them, files before folders.

    `sure` says how sure a loader is that it knows a document.
    """
    grouping = _grouping(loaders)
    taking = [loader for loader in loaders if loader not in grouping]
    todo = [("", document.members, 0)]
    while todo:
        prefix, members, depth = todo.pop()
        folder = _folder(document, prefix, members)
        whole = _whole(folder, taking, sure)
        if whole is not None:
            yield Part(prefix, _given(folder), whole)
            continue
        used: set[str] = set()
        for loader, group in _groups(members, grouping):
            if used.isdisjoint(group):
                used.update(group)
                yield Part(prefix + group[0], _given(_run(folder, group)), loader)
        inner: dict[str, dict[str, Open]] = {}
        for name, opened in members.items():
            if name in used:
                continue
            top, slash, rest = name.partition("/") if depth < MAX_DEPTH else (name, "", "")
            if slash and rest:
                inner.setdefault(top, {})[rest] = opened
            else:
                yield Part(prefix + name, opened)
        todo += ((f"{prefix}{top}/", inner[top], depth + 1) for top in reversed(inner))


def with_companions(
    file: Path, loaders: Iterable[Loader], opening: Callable[[Path], Open], limits: Limits = DEFAULT
) -> tuple[Document, Loader] | None:
    """The run that this file begins and others beside it continue; None when it stands alone."""
    grouping = _grouping(loaders)
    members = {name: opening(file.parent / name) for name in beside(file)}
    if len(members) < 2:
        return None
    for loader, group in _groups(members, grouping):
        if group[0] == file.name and len(group) > 1:
            folder = Document(str(file.parent), lambda: iter(()), members=members, limits=limits)
            return replace(_run(folder, group), path=shown(str(file))), loader
    return None


def _grouping(loaders: Iterable[Loader]) -> list[GroupsFiles]:
    # Before Python 3.12 `isinstance` with a protocol asks for every attribute, the title too, which imports the loader.
    return [
        loader
        for loader in loaders
        if isinstance(loader, DeferredGroups)
        or (not isinstance(loader, Deferred) and isinstance(loader, GroupsFiles))
    ]


def _given(document: Document) -> Open:
    return lambda: document


def _folder(document: Document, prefix: str, members: Members) -> Document:
    if not prefix:
        return document
    path = f"{document.path}/{prefix[:-1]}" if document.path else prefix[:-1]
    return Document(path, lambda: iter(()), members=members, growing=document.growing, limits=document.limits)


def _run(folder: Document, group: Sequence[str]) -> Document:
    path = f"{folder.path}/{group[0]}" if folder.path else group[0]
    members = {name: folder.members[name] for name in group}
    return Document(path, lambda: iter(()), members=members, growing=folder.growing, limits=folder.limits)


def _whole(
    folder: Document, loaders: Iterable[Loader], sure: Callable[[Loader, Document], float]
) -> Loader | None:
    """The loader that takes all of these files for one input of its."""
    scores = [(sure(loader, folder), loader) for loader in loaders]
    best, loader = max(scores, key=lambda score: score[0], default=(0.0, None))
    return loader if best > 0 else None


def _groups(members: Members, loaders: Iterable[GroupsFiles]) -> Iterator[tuple[Loader, Sequence[str]]]:
    for loader in loaders:
        try:
            groups = [tuple(group) for group in loader.companions(members)]
        except Exception:  # noqa: BLE001, S112
            # A loader must not raise; without its word the files are read one by one.
            continue
        for group in groups:
            if group and all(name in members for name in group):
                yield loader, group


def beside(file: Path) -> Iterator[str]:
    """The files of the same folder, and those in its folders that are named after the file."""
    try:
        with os.scandir(file.parent) as entries:
            found = sorted(islice(entries, MAX_SIBLINGS), key=lambda entry: entry.name)
            names = [entry.name for entry in found if entry.is_file() and may_hold_traces(entry.name)]
            folders = [
                entry.name for entry in found if entry.is_dir() and _named_after(entry.name, file.stem)
            ]
    except OSError:
        return
    yield from names
    for folder in folders:
        yield from (f"{folder}/{name}" for name in islice(files_in(file.parent / folder), MAX_SIBLINGS))


def _named_after(folder: str, stem: str) -> bool:
    """Whether a folder has the name of the file, or an id whose first eight characters end that name."""
    return folder == stem or (len(folder) > 8 and stem.endswith(folder[:8]))
