"""How time and memory grow when a trace is ten times as long: made runs in the worst shapes, and samples of every format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from benchmarks.speed.measure import MINIMUM, peak, timed_by_turns
from pisama.detectors import Detector
from pisama.loaders import find_files, open_document, sniff
from pisama.report import LoadError
from pisama.trace import JSON

TIMES = 10
"""How many times longer the long run is."""
LEAST = 100
"""Bytes of a repeated sample for each step of the short runs."""
RECORDINGS = Path(__file__).parents[2] / "tests" / "traces"
"""Recorded runs of nearly all formats, which are made long by repetition."""


@dataclass(frozen=True, slots=True)
class Growth:
    """The long run, and how many times more it took than the short one."""

    megabytes: float
    load_seconds: float
    detector_seconds: float
    load: float
    detectors: float
    """All together."""
    peak_megabytes: float
    memory: float
    each: dict[str, float] = field(default_factory=dict)
    """By detector, of those that took long enough to tell."""
    crashed: tuple[str, ...] = ()

    @property
    def worst(self) -> tuple[str, float]:
        """The detector whose time grew most; without a name when none took long enough."""
        return max(self.each.items(), key=lambda found: found[1], default=("", 0.0))


def growth(short: bytes, long: bytes, detectors: Sequence[Detector], repeat: int) -> Growth:
    """What the long run takes, beside as many short ones as it is longer.

    Both are the same number of steps, so that neither is too short to be measured where the other is not.
    """
    few, many = timed_by_turns(([short] * TIMES, [long]), detectors, repeat)
    highest = peak(long, detectors)
    return Growth(
        megabytes=len(long) / 1e6,
        load_seconds=many.load,
        detector_seconds=many.analysis,
        load=_ratio(many.load, few.load),
        detectors=_ratio(many.analysis, few.analysis),
        peak_megabytes=highest / 1e6,
        memory=highest / peak(short, detectors),
        each={
            name: _ratio(seconds, few.detectors[name])
            for name, seconds in many.detectors.items()
            if max(seconds, few.detectors[name]) >= MINIMUM
        },
        crashed=(*few.crashed, *many.crashed),
    )


def _ratio(long: float, all_short: float) -> float:
    return TIMES * long / max(all_short, MINIMUM)


def samples(folder: Path, steps: int) -> Iterator[tuple[str, bytes, bytes]]:
    """For each loader that knows a sample in a folder: its id, the sample repeated, and ten times that.

    The longest sample that can be repeated, JSON or text, stands for its format. It is as long as so many steps are.
    """
    best: dict[str, bytes] = {}
    for path in find_files(folder):
        document = open_document(path)
        if isinstance(document, LoadError) or not (document.sample or document.text) or document.members:
            continue
        known = sniff(document)
        content = path.read_bytes()
        if (
            not isinstance(known, LoadError)
            and len(content) > len(best.get(known.id, b""))
            and repeated(content, 2)
        ):
            best[known.id] = content
    for name, content in sorted(best.items()):
        times = max(1, LEAST * steps // len(content))
        short, long = repeated(content, times), repeated(content, times * TIMES)
        if short is not None and long is not None:
            yield name, short, long


def repeated(content: bytes, times: int) -> bytes | None:
    """The document with its longest list, its lines, or its text of many lines so many times over; None where it has none."""
    try:
        value: JSON = orjson.loads(content)
    except orjson.JSONDecodeError:
        lines = content.rstrip(b"\n").split(b"\n")
        return b"\n".join(lines * times) + b"\n" if len(lines) > 1 else None
    longest = max(_lists(value), key=lambda listed: len(orjson.dumps(listed)), default=None)
    if longest is None:
        return None
    longest *= times
    return orjson.dumps(value)


def _lists(value: JSON, depth: int = 3) -> Iterator[list[JSON]]:
    """The lists of several items that are not inside another, few levels down."""
    if isinstance(value, list) and len(value) > 1:
        yield value
    elif depth and isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _lists(item, depth - 1)
