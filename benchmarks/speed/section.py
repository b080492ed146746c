"""The section of docs/benchmarks.md about speed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

Grid = Callable[[Sequence[str], Iterable[Sequence[str]]], str]

SPEED = """\
Ratios taken in one run, of processor time, so that they hold on other machines; the traces are those of TRAIL, the single files and
the long runs are made by `benchmarks/speed`. *Ten times as long* compares runs of 1,000 and of 10,000 steps of one shape: equal and different steps,
many agents (one for every five steps, so 200 and then 2,000), calls that all fail, one endless message, one endless word; the garbage collector is set as
the command sets it. Peak memory of a process counts the interpreter and what it imports. The
file of chat messages is not given to [tracelint](https://pypi.org/project/tracelint/). Seconds were taken on two cores that did other work at the
same time, and are higher than on an idle machine; the ratios stand in one run.
"""


def speed(read: Mapping[str, Any], grid: Grid) -> Iterable[str]:
    """The targets, and the parts that the first of them is made of."""
    yield grid(
        ("target", "figure", "at most", "met"),
        [
            (
                each["name"],
                f"{each['figure']:.2f} {each['unit']}",
                f"{each['limit']:g} {each['unit']}",
                "yes" if each["figure"] <= each["limit"] else "no",
            )
            for each in read["targets"]
        ],
    )
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
    yield ", ".join(f"{name} {seconds / times['parse']:.1f}" for name, seconds in longest) + "."


def _used(process: Mapping[str, float] | None) -> tuple[str, str]:
    return (f"{process['seconds']:.1f}", f"{process['peak']:.0f}") if process is not None else ("–", "–")
