"""The files of a source that can be read apart from each other, in several processes or at different times."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from pisama.limits import DEFAULT, Limits
from pisama.loaders import load, load_document, load_members, load_part, loader, open_document, sniff
from pisama.loaders.base import Document, Group, Loaded, Piece
from pisama.loaders.bundles import Part
from pisama.loaders.container import open_remote
from pisama.loaders.folders import says_nothing
from pisama.loaders.json_lines import are_lines
from pisama.loaders.remote import Remote, opened_remote, remote_files
from pisama.loaders.streams import Opener, opener_of, unpacked, why
from pisama.report import LoadError
from pisama.trace import Location

_TABLES = (b"PAR1", b"SQLite format 3\0")


def pieces(
    source: Path | Remote, input_format: str | None = None, limits: Limits = DEFAULT
) -> Iterator[Loaded | Piece | Group]:
    """A source as its pieces, in order; what cannot be read by itself is read here.

    Read one after another, the pieces give exactly what `load` gives of the source.
    """
    if isinstance(source, Path):
        if source.is_dir():
            yield from _of_folder(source, input_format, limits)
        elif source.is_file():
            yield Piece(source, str(source), source.stat().st_size)
        else:
            yield from load(source, input_format, limits=limits)
        return
    try:
        files = remote_files(source)
    except OSError as error:
        yield LoadError(why(error), Location(str(source)), fatal=True)
        return
    if [name for name, _ in files] == [""]:
        yield Piece(files[0][1], str(source), files[0][1].size)
    else:
        known = {name: Piece(file, str(file), file.size, in_folder=True) for name, file in files}
        document = open_document(source, limits=limits)
        yield from _of(document, input_format, known.get)


def read_piece(piece: Piece, input_format: str | None = None, limits: Limits = DEFAULT) -> Iterator[Loaded]:
    """The traces of a piece, and what could not be read."""
    if not piece.in_folder:
        yield from load(piece.file, input_format, limits=limits)
        return
    opened = (
        open_remote(piece.file, piece.path, limits)
        if isinstance(piece.file, Remote)
        else open_document(piece.file, piece.path, limits)
    )
    if isinstance(opened, LoadError):
        yield opened
    else:
        yield from load_document(opened, input_format)


def may_hold_many(piece: Piece, limits: Limits = DEFAULT) -> bool:
    """Whether the piece is of a kind that may hold many traces and is read one by one: lines, or a table."""
    if isinstance(piece.file, Remote):
        remote = piece.file
        opener = unpacked(Opener(lambda: opened_remote(remote), limits))
    else:
        opener = opener_of(piece.file, limits)
    try:
        with opener() as stream:
            head = stream.read1(4096)
        return head.startswith(_TABLES) or are_lines(opener)
    except OSError:
        return False


def _of_folder(folder: Path, input_format: str | None, limits: Limits) -> Iterator[Loaded | Piece | Group]:
    path = str(folder)

    def piece(name: str) -> Piece | None:
        file = folder / name
        try:
            size = file.stat().st_size
        except OSError:
            return None
        return Piece(file, f"{path}/{name}" if path != "." else name, size, in_folder=True)

    yield from _of(open_document(folder, limits=limits), input_format, piece)


def _of(
    document: Document | LoadError, input_format: str | None, piece: Callable[[str], Piece | None]
) -> Iterator[Loaded | Piece | Group]:
    if isinstance(document, LoadError):
        yield document
        return

    def apart(part: Part) -> Piece | Group | None:
        one = piece(part.name)
        if part.loader is not None:
            name = part.name or str(document.path)
            return Group(
                one or Piece(Path(name), name, 0, in_folder=True), lambda: load_part(part, input_format)
            )
        if one is None or (input_format is None and says_nothing(part.name) and not _known(part)):
            # A piece always gives something; what is passed over silently when no format knows it is none.
            return None
        return one

    if document.members and (input_format is None or loader(input_format) is not None):
        yield from load_members(document, input_format, apart)
    else:
        yield from load_document(document, input_format)


def _known(part: Part) -> bool:
    opened = part.open()
    return not isinstance(opened, LoadError) and not isinstance(sniff(opened), LoadError)
