"""What a loader is given and what it must do.

A `Document` is one input after its container has been opened: JSON records with their places, or,
of what is not JSON, text, bytes, tables, or named members. A `Loader` says how sure it is that it knows the document and
turns it into traces. Loaders know nothing of each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import ClassVar, NamedTuple, Protocol, TypeAlias, runtime_checkable

from pisama.limits import DEFAULT, Limits
from pisama.loaders.remote import Remote
from pisama.report import LoadError
from pisama.trace import JSON, Location, Trace

SAMPLE_RECORDS = 80
"""How many records a loader may look at to recognise its format."""


class Record(NamedTuple):
    """One JSON value of a document and where it stood."""

    value: JSON
    at: Location


class Table(NamedTuple):
    """One table of a database, opened read-only."""

    columns: tuple[str, ...]
    rows: Callable[[], Iterator[dict[str, JSON]]]
    """Starts from the first row each time it is called. A value that is no JSON (a blob) is text
    when it is UTF-8, else base64 text. Ends early, without raising, where the database is corrupt."""


@dataclass(frozen=True, slots=True)
class Document:
    """One opened input.

    `read` starts reading from the first record each time it is called, so a file of any size is
    never held whole. It yields a `LoadError` in place of a record it could not read.
    """

    path: str | None
    read: Callable[[], Iterator[Record | LoadError]]
    raw: bytes | None = None
    """The bytes, when they are not JSON text (protobuf); `read` is then empty."""
    sample: tuple[JSON, ...] = field(default=())
    """The first records, at most `SAMPLE_RECORDS` of them."""
    text: str | None = None
    """The text, when it is not JSON (a Markdown log); `read` then gives the objects that Node printed in it."""
    tables: Mapping[str, Table] = field(default_factory=dict)
    """The tables of a database, by name; `read` is then empty."""
    members: Members = field(default_factory=dict)
    """The entries of an archive, or the files of a folder that is one run, by their names relative to it
    with forward slashes, sorted. Calling one opens it; `read` is then empty."""
    problem: LoadError | None = None
    """What to say of it when no loader knows it."""
    growing: bool = False
    """The last line was cut off: the file is still being written, or its writer was killed."""
    limits: Limits = DEFAULT
    """Within which it is read."""
    lost: list[LoadError] = field(default_factory=list)
    """What could not be read where there is no place for an error among the rows, those of tables."""

    def is_empty(self) -> bool:
        """Whether there is nothing in it that a loader could read."""
        return not (self.sample or self.tables or self.members) and self.raw is None and self.text is None

    def records(self) -> Iterator[Record | LoadError]:
        """All records, in order."""
        return self.read()


class Piece(NamedTuple):
    """A file that can be read by itself, in any process."""

    file: Path | Remote
    path: str
    """As locations call it."""
    size: int
    """Bytes; 0 where a store does not say."""
    in_folder: bool = False
    """It is one of a folder's, so what belongs together with it was already looked for."""


class Group(NamedTuple):
    """Files that are read together, where they were found together."""

    piece: Piece
    """Stands for them: the first file, and the size of all."""
    read: Callable[[], Iterator[Loaded]]


Members: TypeAlias = Mapping[str, Callable[[], Document | LoadError]]
Loaded: TypeAlias = Trace | LoadError


class Loader(Protocol):
    """One input format, or one family of them."""

    id: ClassVar[str]
    """As `--input-format` takes it."""
    title: ClassVar[str]
    """As a person would call the format."""
    recognised_by: ClassVar[str]
    """The rule that `sniff` follows, in one plain line, for the list of formats."""

    def sniff(self, document: Document) -> float:
        """How sure this loader is, 0 to 1, that it knows the document, judged by its sample.

        1.0 is kept for marks that nothing else has (a schema version); what merely looks right
        stays below 0.5. Must be cheap and must not raise.
        """
        ...

    def load(self, document: Document) -> Iterator[Loaded]:
        """The traces, and an error for each part that could not be read. Must not raise."""
        ...


@runtime_checkable
class GroupsFiles(Loader, Protocol):
    """A loader whose runs may be spread over several files of a folder that holds other files too.

    A loader without it is asked about a folder, or an archive, as a whole: its `sniff` is given a
    document with `members`, and an answer above 0 says that all of them together are one input of its.
    """

    def companions(self, members: Members) -> Iterator[Sequence[str]]:
        """Groups of names that belong together, the file that begins the run first.

        Each becomes a document of its own whose path is that of the first file and whose members are
        these. `members` are the files of one folder and of those beneath it. Judged by names where names
        are enough; opening a member and looking at its `sample` is allowed.
        """
        ...


def take_sample(records: Iterator[Record | LoadError]) -> tuple[JSON, ...]:
    """The values that a document's `sample` holds."""
    values = (record.value for record in islice(records, SAMPLE_RECORDS) if isinstance(record, Record))
    return tuple(values)
