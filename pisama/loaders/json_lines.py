"""JSON lines: one value a line, read lazily, a broken line reported in its place."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice

from pisama.limits import Limits
from pisama.loaders.base import Record
from pisama.loaders.json_text import BadJSON, decode
from pisama.loaders.streams import Line, Opener, last_line, lines, why
from pisama.report import LoadError
from pisama.trace import Location

MAX_BAD_RECORDS = 20
"""How many broken records of one input are reported one by one; the rest are counted."""

_LOOK_AT = 40


def are_lines(opener: Opener) -> bool:
    """Whether it is JSON lines, judged by its first 40 lines that are not blank.

    Half of them must be whole objects or lists. In a value that is written over many lines few
    lines are, and a few broken lines do not hide a file of JSON lines.
    """
    with opener() as stream:
        limits = opener.limits
        found = islice(lines(stream, limits), _LOOK_AT)
        # What is all on one line is not decoded only to see that no other line follows.
        first, second = next(found, None), next(found, None)
        if first is None or second is None:
            return False
        good = [_is_structure(line.data, limits) for line in chain((first, second), found)]
    return sum(good) * 2 >= len(good)


def line_records(opener: Opener, path: str | None) -> Iterator[Record | LoadError]:
    """The values with the numbers of their lines. A last line that is cut off is left out silently."""
    try:
        with opener() as stream:
            yield from _limited(_decoded(lines(stream, opener.limits), path, opener.limits))
    except OSError as error:
        yield LoadError(why(error), Location(path))


def ends_cut(opener: Opener) -> bool:
    """Whether the last line is only the beginning of a value, or could not be read."""
    last = last_line(opener)
    if last is None or last.problem:
        return last is not None
    try:
        decode(last.data, opener.limits)
    except BadJSON as error:
        return error.cut
    return False


def _is_structure(line: bytes, limits: Limits) -> bool:
    bare = line.strip()
    if bare[:1] not in (b"{", b"[") or bare[-1:] not in (b"}", b"]"):
        return False
    try:
        return isinstance(decode(line, limits), dict | list)
    except BadJSON:
        return False


def _decoded(found: Iterator[Line], path: str | None, limits: Limits) -> Iterator[Record | LoadError]:
    """One record a line. A cut line is reported once another follows: at the end it is no error."""
    held: LoadError | None = None
    for line in found:
        if held:
            yield held
            held = None
        place = Location(path, line.number)
        if line.problem:
            yield LoadError(line.problem, place)
            continue
        try:
            yield Record(decode(line.data.rstrip(b"\r\n"), limits), place)
        except BadJSON as error:
            bad = LoadError(f"not JSON: {error.reason} at column {error.column}", place)
            if error.cut:
                held = bad
            else:
                yield bad


def _limited(items: Iterator[Record | LoadError]) -> Iterator[Record | LoadError]:
    """The same, with the errors past the first twenty gathered into one."""
    errors = 0
    first: LoadError | None = None
    for item in items:
        if isinstance(item, LoadError):
            errors += 1
            if errors > MAX_BAD_RECORDS:
                first = first or item
                continue
        yield item
    if first:
        yield LoadError(f"from here on {errors - MAX_BAD_RECORDS} more lines are not JSON", first.at)
