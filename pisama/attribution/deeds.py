"""What single steps of a run did: flags and measures that several signs are made of."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate

from pisama.attribution.run import Run, returned_by
from pisama.attribution.wording import FILE

_AHEAD = 5
"""Steps in which a result can be used."""
_CLOSING = 40
"""Distinct stems below which a step that brings nothing merely closes."""


def silent(run: Run) -> list[bool]:
    """Steps that make no call."""
    return [not calls for calls in run.calls]


def closes(run: Run) -> list[bool]:
    """Steps that bring nothing and say little."""
    return [
        not calls and not each.new and len(stems) < _CLOSING
        for calls, each, stems in zip(run.calls, run.contributions, run.stems, strict=True)
    ]


def ends_unchecked(run: Run) -> list[bool]:
    """Whether the run stops right after an act whose result nobody spoke of."""
    last = len(run.steps) - 1
    return [position == last and flag for position, flag in enumerate(run.contributes)]


def asserts_on_nothing(run: Run) -> list[bool]:
    """Whether a step presents new values though no call has brought anything yet."""
    nothing_yet = accumulate((not useful for useful in run.useful), min)
    return [asserts and nothing for asserts, nothing in zip(run.asserts, nothing_yet, strict=True)]


def new_files(run: Run) -> Iterable[bool]:
    """Steps whose calls name a file of data that nobody gave."""
    known = set(FILE.findall(run.report.trace.task or ""))
    for calls, arguments in zip(run.calls, run.arguments, strict=True):
        named = set(FILE.findall(arguments))
        yield not named <= known
        known |= named
        for call in calls:
            known.update(FILE.findall(returned_by(call)[:20_000]))


def same_result(run: Run) -> Iterable[bool]:
    """Steps whose call returns what their agent's call before returned."""
    latest: dict[str, int | None] = {}
    for step, calls in zip(run.steps, run.calls, strict=True):
        last = latest.get(step.agent)
        yield last is not None and any(call.returned == last for call in calls)
        if calls:
            latest[step.agent] = calls[-1].returned


def result_stems(run: Run, position: int) -> frozenset[str]:
    """The stems of what the calls of a step returned."""
    return run.table.stem_set("\n".join(returned_by(call)[:5_000] for call in run.calls[position]))


def used(run: Run, position: int) -> float:
    """The share of what the calls of a step newly returned that is said or handed on soon after."""
    new = run.contributions[position].new_returned
    if not new:
        return 0.0
    later = run.contributions[position + 1 : position + 1 + _AHEAD]
    return len({value for each in later for value in new & (each.said | each.coded)}) / min(len(new), 20)
