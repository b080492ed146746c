"""The same analysis on a Ray cluster. Needs the extra `ray`.

    import ray
    from pisama.scale.ray import analyze_dataset

    traces = ray.data.read_parquet("s3://bucket/runs/")        # a row is a record that a loader knows
    analyze_dataset(traces).write_parquet("s3://bucket/issues/")

Every task does what one process does here, so the issues are the same to the byte. Ray does a task again whose
worker died; results are kept by whoever asked for them, so nothing is lost and nothing comes twice.
"""

from __future__ import annotations

import logging
import os
import pickle
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from pisama.config import Config, ConfigError
from pisama.loaders import load
from pisama.loaders.base import Group, Piece
from pisama.loaders.pieces import may_hold_many, pieces
from pisama.pipe import Examiner, Source, place_of, read
from pisama.report import LoadError
from pisama.scale.jobs import Already
from pisama.scale.lines import lines_of, lines_of_error
from pisama.scale.parquet import arrow, table_of
from pisama.scale.tasks import Finished, Found, Job, ReadTask
from pisama.trace import Location, Trace

Result = TypeVar("Result")

PART_BYTES = 32_000_000
"""A file of many traces is examined in as many tasks as it has of these; each reads it, and examines its share."""
SMALL_BYTES = 4_000_000
"""Small files are examined together until they are so large."""
SMALL_FILES = 200


def analyze_dataset(
    dataset: Any,
    *,
    table: Literal["traces", "issues", "errors"] = "issues",
    config: Config | None = None,
    input_format: str | None = None,
    group_by: str | None = None,
) -> Any:
    """The issues in the traces of a Ray dataset, as a dataset with the columns of `pisama.output.rows`.

    A row is a file (`bytes`, and `path` when there is one, as `ray.data.read_binary_files` gives them) or one record in
    any format that is read: a row with `messages`, a run, a session. Rows that only together are a run, such as a row a
    span, are gathered by the column `group_by`, which names their run. `table` asks for the row of each trace, or of each
    record that could not be read, instead. Raises `ConfigError` for a configuration that cannot be followed.
    """
    examine = _Rows(Examiner.of(config or Config()), table, input_format)
    if group_by is not None:
        return dataset.groupby(group_by).map_groups(examine.of_group, batch_format="pyarrow")
    return dataset.map_batches(examine, batch_format="pyarrow", batch_size=None)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Examines the rows of a batch."""

    examiner: Examiner
    table: str
    input_format: str | None

    def __call__(self, batch: Any) -> Any:
        """Each row by itself."""
        return table_of(self.table, [line for row in batch.to_pylist() for line in self._lines(row)])

    def of_group(self, batch: Any) -> Any:
        """All rows together."""
        return table_of(self.table, list(self._lines_in(batch.to_pylist(), None)))

    def _lines(self, row: Mapping[str, Any]) -> Iterator[bytes]:
        if isinstance(row.get("bytes"), bytes):
            return self._lines_in(row["bytes"], row.get("path"))
        return self._lines_in(row, None)

    def _lines_in(self, source: Any, path: str | None) -> Iterator[bytes]:
        for item in load(source, self.input_format, path, self.examiner.config.limits):
            lines = lines_of_error(item) if isinstance(item, LoadError) else lines_of(self.examiner(item))
            yield from {"traces": (lines.trace,), "issues": lines.issues, "errors": (lines.error,)}[
                self.table
            ]


@dataclass(frozen=True, slots=True)
class _Share:
    """A part of the work: pieces, or every so many-th trace of one."""

    pieces: tuple[Piece, ...]
    skip: int = 0
    first: int = 0
    every: int = 1


_Work: TypeAlias = "_Share | Found[Trace] | Finished"


def examined_on_ray(
    sources: Iterable[Source | LoadError],
    job: Job[Result],
    address: str | None = None,
    already: Already = lambda _: 0,
) -> Iterator[Found[Result] | Finished]:
    """As `pisama.scale.jobs.examined`, with the work done by a Ray cluster.

    The workers must reach the files by the same paths or addresses. What is no file (standard input, files that are
    read together) is sent to them from here. When the cluster gives up, that is an error among the results. Raises
    `ConfigError` when Ray is not installed or cannot be reached.
    """
    ray = _connected(address)
    planned = list(_planned(sources, job, already))
    if not planned:
        return
    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    rows = [{"work": pickle.dumps(work)} for work in planned]
    dataset = ray.data.from_items(rows, override_num_blocks=len(rows))
    done = dataset.map_batches(_Shares(job), batch_size=1, batch_format="pyarrow").iter_rows()
    try:
        yield from _in_order(planned, (pickle.loads(row["found"]) for row in done))  # noqa: S301 - our workers wrote it
    except ray.exceptions.RayError as error:
        reason = f"the Ray cluster gave up ({type(error).__name__}); the rest was not examined"
        yield Found(LoadError(reason, Location()))


def _in_order(
    planned: list[_Work], done: Iterator[list[Found[Result] | Finished]]
) -> Iterator[Found[Result] | Finished]:
    """The results as one process would give them: the shares of a file were dealt out trace by trace."""
    waiting: list[list[Found[Result]]] = []
    for work, found in zip(planned, done, strict=True):
        if not isinstance(work, _Share) or work.every == 1:
            yield from found
            continue
        waiting.append([each for each in found if isinstance(each, Found)])
        if len(waiting) == work.every:
            yield from _in_turn(waiting)
            yield Finished(work.pieces[0])
            waiting = []


@dataclass(frozen=True, slots=True)
class _Shares(Generic[Result]):
    """Does one share of the work."""

    job: Job[Result]

    def __call__(self, batch: Any) -> Any:
        """A batch of one row, the work, becomes one row, what was found."""
        (row,) = batch.to_pylist()
        work = pickle.loads(row["work"])  # noqa: S301 - the process that asks wrote it
        return arrow().table({"found": [pickle.dumps(list(self._found(work)))]})

    def _found(self, work: _Work) -> Iterator[Found[Result] | Finished]:
        if isinstance(work, Finished):
            yield work
            return
        if isinstance(work, Found):
            yield self._examined(work.item, work.piece)
            return
        for piece in work.pieces:
            items = ReadTask(piece, work.skip).items(self.job)
            for item in islice(items, work.first, None, work.every):
                yield self._examined(item, piece)
            yield Finished(piece)

    def _examined(self, item: Trace | LoadError, piece: Piece | None) -> Found[Result]:
        line = item.at.line if item.at is not None else None
        result = item if isinstance(item, LoadError) else self.job.finish(self.job.examiner(item))
        return Found(result, piece, line)


def _in_turn(shares: list[list[Found[Result]]]) -> Iterator[Found[Result]]:
    for turn in range(len(shares[0])):
        yield from (share[turn] for share in shares if turn < len(share))


def _planned(sources: Iterable[Source | LoadError], job: Job[Result], already: Already) -> Iterator[_Work]:
    small: list[Piece] = []
    for source in sources:
        place = None if isinstance(source, Trace | LoadError) else place_of(source)
        for item in (
            read(source, input_format=job.input_format, limits=job.limits)
            if place is None
            else pieces(place, job.input_format, job.limits)
        ):
            if isinstance(item, Piece) and item.size < SMALL_BYTES and already(item) == 0:
                small.append(item)
                if len(small) == SMALL_FILES or sum(piece.size for piece in small) >= SMALL_BYTES:
                    yield _Share(tuple(small))
                    small = []
                continue
            if small:
                yield _Share(tuple(small))
                small = []
            yield from _work_of(item, already)
    if small:
        yield _Share(tuple(small))


def _work_of(item: Trace | LoadError | Piece | Group, already: Already) -> Iterator[_Work]:
    if isinstance(item, Trace | LoadError):
        yield Found(item)
        return
    piece = item.piece if isinstance(item, Group) else item
    skip = already(piece)
    if skip is None:
        return
    if isinstance(item, Group):
        yield from (Found(each, piece) for each in islice(item.read(), skip, None))
        yield Finished(piece)
        return
    shares = -(-piece.size // PART_BYTES) if piece.size > PART_BYTES and may_hold_many(piece) else 1
    yield from (_Share((piece,), skip, first, shares) for first in range(shares))


def _connected(address: str | None) -> Any:
    try:
        ray = import_module("ray")
        import_module("ray.data")
    except ImportError:
        raise ConfigError("--engine ray needs an extra: pip install 'pisama[ray]'") from None
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    if not ray.is_initialized():
        # Ray reports usage over the network unless told otherwise.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            ray.init(address=address, log_to_driver=False, logging_level="ERROR", include_dashboard=False)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise ConfigError(f"no Ray cluster at {address or 'this machine'}: {error}") from error
    return ray
