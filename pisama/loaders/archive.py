"""Zip archives: each entry a document, opened when it is asked for and never written anywhere."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, TypeAlias, cast

from pisama.limits import Limits
from pisama.loaders.base import Document, Members
from pisama.loaders.decompression import Part, guarded
from pisama.loaders.streams import Opener
from pisama.loaders.zip_recovery import with_directory
from pisama.loaders.zstd import BadZipFile, ZipFile, ZipInfo
from pisama.report import LoadError
from pisama.trace import Location

_ENCRYPTED = 1
_UNREADABLE = (BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError)
_CUT = "a zip archive that is cut off or corrupt, without a whole entry in it"
_NO_FILES = ("__MACOSX/",)

OpenMember: TypeAlias = Callable[[Opener, str], Document | LoadError]


def open_archive(
    source: Path | bytes, path: str | None, open_member: OpenMember, limits: Limits, part: Part
) -> Document | LoadError:
    """The entries of a zip archive as members of a document; a fatal error when there is none to read.

    An archive without its directory, as a writer that is still at work or was killed leaves it, is read
    from its beginning to the last whole entry and counts as growing. `open_member` opens one entry. `part` says how much
    may come out of it.
    """
    growing = False
    try:
        archive = ZipFile(source if isinstance(source, Path) else io.BytesIO(source))
    except _UNREADABLE:
        recovered = _recover(source, limits)
        if isinstance(recovered, str):
            return LoadError(recovered, Location(path), fatal=True)
        archive, growing = recovered, True
    entries = [entry for entry in archive.infolist() if _is_file(entry)]
    problem = _problem(entries, limits, part)
    if problem:
        return LoadError(problem, Location(path), fatal=True)
    members: Members = {
        entry.filename: _opening(archive, entry, path, open_member, limits, part)
        for entry in sorted(entries, key=lambda entry: entry.filename)
    }
    return Document(path, lambda: iter(()), members=members, growing=growing, limits=limits)


def _opening(
    archive: ZipFile, entry: ZipInfo, path: str | None, open_member: OpenMember, limits: Limits, part: Part
) -> Callable[[], Document | LoadError]:
    def stream() -> io.BufferedReader:
        try:
            return guarded(cast("BinaryIO", archive.open(entry)), "zip")
        except _UNREADABLE as error:
            raise OSError(f"this entry of the archive cannot be read: {error}") from None

    name = entry.filename
    opener = Opener(stream, limits, Part(f"{part.name}/{name}", part.allowance))
    return lambda: open_member(opener, f"{path}/{name}" if path else name)


def _recover(source: Path | bytes, limits: Limits) -> ZipFile | str:
    if isinstance(source, Path):
        if source.stat().st_size > limits.file:
            return f"a zip archive without its directory, and of more than {limits.beyond('file')}"
        source = source.read_bytes()
    whole = with_directory(source, limits)
    try:
        return ZipFile(io.BytesIO(whole)) if whole else _CUT
    except _UNREADABLE:
        return _CUT


def _is_file(entry: ZipInfo) -> bool:
    return not entry.is_dir() and not entry.filename.startswith(_NO_FILES)


def _problem(entries: list[ZipInfo], limits: Limits, part: Part) -> str | None:
    if not entries:
        return "an empty zip archive"
    if len(entries) > limits.files:
        return f"a zip archive with more files than {limits.beyond('files')}"
    if any(entry.flag_bits & _ENCRYPTED for entry in entries):
        return "an encrypted zip archive; unpack it first"
    # No more than its declared size is ever read of an entry.
    return part.allowance.problem(part.name, sum(entry.file_size for entry in entries))
