"""The section of docs/benchmarks.md about speed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

Grid = Callable[[Sequence[str], Iterable[Sequence[str]]], str]

SPEED = """\
Ratios taken in one run, of processor time, so that they hold on other machines; the traces are those of TRAIL, the single files and
the long runs are made by `benchmarks/speed`. *Ten times as long* compares one run of 20,000 steps with ten of 2,000, by turns, each of one shape: equal and different
steps, one agent, a thousand, one for every five steps, calls that all fail, one endless message, one endless word; and recordings of the formats, repeated,
with ten times their length. Databases, of which no longer one can be made by repetition, are left out of the latter. The garbage collector is set as
the command sets it. Peak memory of a process counts the interpreter and what it imports. The
file of chat messages is not given to [tracelint](https://pypi.org/project/tracelint/). Where a time is less than half a second, its growth varies by a
third from run to run. A document of more than 8 MB is decoded in parts, which takes less memory and more time for each byte: that is why loading
one endless word of quotes and brackets grows most.
"""

GROWTH = """\
### From 10,000 to 100,000 steps

The longest runs are measured apart, and without recordings of the formats: EMPTY is an empty folder. 100,000 steps that are
all different are 53 MB, one message is 20 MB long. × is how many times more a run takes that is ten times as long; what detectors share is charged to the first that asks for it.
"""


def growth(read: Mapping[str, Any], grid: Grid) -> Iterable[str]:
    """The targets for the longest runs, each shape, each detector in each of them, and the loaders."""
    yield grid(_TARGETS, map(_target, read["targets"]))
    shapes, loaders = read["shapes"], read["loaders"]
    yield grid(
        ("run", "MB", "load, s", "load ×", "detectors, s", "detectors ×", "peak MB", "peak ×"),
        [
            (
                name,
                f"{each['megabytes']:.0f}",
                *(f"{each[key]:.1f}" for key in ("load_seconds", "load", "detector_seconds", "detectors")),
                f"{each['peak_megabytes']:,.0f}",
                f"{each['memory']:.1f}",
            )
            for name, each in shapes.items()
        ],
    )
    detectors = sorted({name for each in shapes.values() for name in each["each"]})
    yield grid(
        ("time of a detector, ×", *shapes),
        [(name, *(_times(each["each"].get(name)) for each in shapes.values())) for name in detectors],
    )
    if loaders:
        yield "Loading recordings of each format, repeated: time × and memory ×."
        yield _listed(f"{name} {each['load']:.1f} {each['memory']:.1f}" for name, each in loaders.items())


def _times(ratio: float | None) -> str:
    return "–" if ratio is None else f"{ratio:.1f}"


_TARGETS = ("target", "figure", "at most", "met")


def _target(each: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        each["name"],
        f"{each['figure']:.2f} {each['unit']}",
        f"{each['limit']:g} {each['unit']}",
        "yes" if each["figure"] <= each["limit"] else "no",
    )


def speed(read: Mapping[str, Any], grid: Grid) -> Iterable[str]:
    """The targets, and the parts that the first of them is made of."""
    yield grid(_TARGETS, map(_target, read["targets"]))
    yield grid(
        ("file", "MB", "pisama, s", "peak MB", "tracelint, s", "peak MB "),
        [
            (name, f"{each['megabytes']:.0f}", *_used(each), *_used(read["beside"].get(name)))
            for name, each in read["files"].items()
        ],
    )
    times = read["times"]
    parts = {"load": times["load"], **times["detectors"]}
    yield "Where the time on TRAIL goes, as a multiple of `orjson.loads`; what detectors share is charged to the first that asks for it:"
    longest = sorted(parts.items(), key=lambda part: -part[1])
    yield _listed(f"{name} {seconds / times['parse']:.1f}" for name, seconds in longest)
    yield "Of that, what they share, the features of texts that are computed once a trace:"
    shared = times.get("shared", {})
    yield _listed(f"{name} {seconds / times['parse']:.1f}" for name, seconds in shared.items())


def _listed(figures: Iterable[str]) -> str:
    return f"{', '.join(figures)}."


def _used(process: Mapping[str, float] | None) -> tuple[str, str]:
    return (f"{process['seconds']:.1f}", f"{process['peak']:.0f}") if process is not None else ("–", "–")
