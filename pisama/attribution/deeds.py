"""What single steps of a run did: flags and measures that several signs are made of."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import accumulate

from pisama.attribution.columns import before
from pisama.attribution.run import Run, returned_by
from pisama.attribution.wording import FILE, HAS, INTENDS, count
from pisama.elements import ElementKind

_AHEAD = 5
"""Steps in which a result can be used."""
_CLOSING = 40
"""Distinct stems below which a step that brings nothing merely closes."""
_SOURCES = (ElementKind.URL, ElementKind.PATH, ElementKind.IDENTIFIER, ElementKind.EMAIL)
"""Kinds of values by which a source is named."""


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


def asks(run: Run) -> list[bool]:
    """Steps without a call that request or announce more than they present."""
    return [
        not calls and (count(INTENDS, said) > count(HAS, said) or bool(run.table.announcements(step.words)))
        for calls, said, step in zip(run.calls, run.prose, run.steps, strict=True)
    ]


def delivers_uncalled(run: Run) -> Iterable[bool]:
    """Steps that present what the step before asked for or announced, though neither called anything."""
    for position, asked in enumerate(before(asks(run))):
        brings = not run.calls[position] and bool(run.contributions[position].new)
        own = asked and brings and not run.leads(position)
        yield own and HAS.search(run.prose[position]) is not None


def speaks_on(run: Run) -> Iterable[bool]:
    """Steps after which the same agent goes on, where others could have."""
    following = [step.agent for step in run.steps[1:]]
    for step, next_agent in zip(run.steps, [*following, None], strict=True):
        yield not run.alone and step.agent == next_agent


def called_upon(run: Run) -> Iterable[bool]:
    """Steps whose agent the step before, of another agent, names."""
    named = {
        name: re.compile(rf"(?<!\w){re.escape(name)}(?!\w)") for name in {each.agent for each in run.steps}
    }
    for position, step in enumerate(run.steps):
        last = run.steps[position - 1] if position else step
        other = last.agent != step.agent and not run.restates_task(position - 1)
        yield other and named[step.agent].search(last.words) is not None


def new_sources(run: Run) -> Iterable[int]:
    """How many addresses, paths and identifiers a step without a call names that nothing before it gave."""
    for position, step in enumerate(run.steps):
        if run.calls[position]:
            yield 0
            continue
        new = run.contributions[position].new
        yield len({each.value for each in run.table.elements(step.words) if each.kind in _SOURCES} & new)


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
