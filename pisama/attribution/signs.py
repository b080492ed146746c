"""The signs by which attribution weighs a step: one column of numbers a sign, one number a step.

No sign knows a step's number, how long the run is or what an agent is called. Those named in
`ORDER` tell which came first or last of its kind; the benchmark shows what is left without them.
"""

from __future__ import annotations

from collections import Counter
from itertools import accumulate
from math import log1p

from pisama.attribution.columns import (
    Columns,
    any_after,
    before,
    counts,
    first,
    flags,
    last,
    mean_after,
    where,
)
from pisama.attribution.deeds import (
    asserts_on_nothing,
    called_upon,
    closes,
    delivers_uncalled,
    ends_unchecked,
    new_files,
    new_sources,
    silent,
    speaks_on,
)
from pisama.attribution.repetition import repetition
from pisama.attribution.run import Run, share
from pisama.attribution.wording import AGREES, DOUBTS, HAS, INTENDS, MAKES_DO, count
from pisama.claims import ClaimKind, admits_failure

ORDER = frozenset(
    """first_contribution first_assertion first_failure last_failure first_call last_call first_answer after_answer
    first_of_agent earlier_contributions ends_unchecked first_worker_step last_worker_step restates_task start_off_task starts_with_call nothing_works_later
    next_call_fails next_call_works agreed_later doubted_later""".split()
)
"""Signs of order: what is lost with them is shown beside."""

_SPOKEN = 10
"""Distinct stems above which a step says enough to be held against the task."""
_ISSUES = {
    "issue_unfounded": ("hallucination", "grounding"),
    "issue_of_tools": ("tool_error", "malformed_output", "corruption", "retrieval", "tool_misuse"),
    "issue_repetition": ("loop", "overflow"),
    "issue_off_task": ("derailment", "decomposition"),
    "issue_between_agents": ("coordination", "withholding", "context_neglect"),
    "issue_instruction": ("specification", "instruction", "completion", "persona_drift"),
}


def signs(run: Run) -> Columns:
    """Every sign of every step."""
    parts = (
        _acts,
        _contributions,
        _answer,
        _wording,
        _reactions,
        _order,
        _task,
        repetition,
        _agents,
        _issues,
    )
    return {name: column for part in parts for name, column in part(run).items()}


def _acts(run: Run) -> Columns:
    calls = flags(run.calls)
    return {
        "calls": calls,
        "failed_call": flags(run.failed),
        "empty_result": flags(run.empty),
        "useful_call": flags(run.useful),
        "closes": flags(closes(run)),
        "delegates": flags(step.recipient is not None for step in run.steps),
        "leads": flags(run.leads(position) for position in range(len(run.steps))),
        "restates_task": flags(run.restates_task(position) for position in range(len(run.steps))),
        "starts_with_call": flags(
            bool(calls) and run.restates_task(position) for position, calls in enumerate(run.calls)
        ),
        "length": [log1p(len(step.words)) for step in run.steps],
        "new_file": flags(new_files(run)),
    }


def _contributions(run: Run) -> Columns:
    given = run.contributions
    new = [log1p(len(each.new)) for each in given]
    returned = [log1p(len(each.new_returned)) for each in given]
    brought = {
        "new_values": new,
        "new_values_said": where(silent(run), new),
        "new_numbers": [log1p(sum(any(map(str.isdigit, v)) for v in each.new)) for each in given],
        "new_values_in_code": [log1p(len(each.new_coded)) for each in given],
        "unbacked_values": where(silent(run), [log1p(len(each.unbacked)) for each in given]),
        "new_sources": [log1p(number) for number in new_sources(run)],
    }
    return {
        **_own(run, brought),
        "new_values_returned": returned,
        "returned_though_failed": where(run.failed, returned),
        "contributes": flags(run.contributes),
        "asserts": flags(run.asserts),
        "asserts_on_nothing": flags(asserts_on_nothing(run)),
        "delivers_uncalled": flags(delivers_uncalled(run)),
    }


def _own(run: Run, columns: Columns) -> Columns:
    """Only what steps do that do not lead: a leader's words hand out work and keep count, and rest on others'."""
    works = [not run.leads(position) for position in range(len(run.steps))]
    return {name: where(works, column) for name, column in columns.items()}


def _answer(run: Run) -> Columns:
    held = [share(run.answer, each.said) for each in run.contributions]
    so_far = [0.0, *accumulate(held[1:-1], max, initial=0.0)][: len(held)]
    most = max(held, default=0.0)
    said_first = next(
        (position for position, part in enumerate(held) if position and most > 0 and part >= 0.6 * most),
        len(held),
    )
    sources: Counter[int] = Counter()
    returned: Counter[int] = Counter()
    uses: Counter[int] = Counter()
    for value in run.answer & run.origins.keys():
        position, origin = run.origins[value]
        sources[position] += 1
        returned[position] += origin == "returned"
    for position, each in enumerate(run.contributions):
        for value in each.said | each.coded:
            source = run.origins.get(value)
            if source is not None and source[0] < position:
                uses[source[0]] += 1
    positions = range(len(held))
    return {
        "answer_share": held,
        "answer_gain": [max(0.0, part - before) for part, before in zip(held, so_far, strict=True)],
        "first_answer": flags(position == said_first for position in positions),
        "after_answer": flags(position > said_first for position in positions),
        "answer_source": [sources[position] / max(1, len(run.answer)) for position in positions],
        "answer_returned": [returned[position] / max(1, len(run.answer)) for position in positions],
        "later_use": [log1p(uses[position]) for position in positions],
        "later_use_share": [uses[position] / max(1, uses.total()) for position in positions],
    }


def _wording(run: Run) -> Columns:
    uncalled = silent(run)
    intends, has = counts(INTENDS, run.prose), counts(HAS, run.prose)
    makes_do = [
        log1p(count(MAKES_DO, f"{text}\n{arguments}"))
        for text, arguments in zip(run.texts, run.arguments, strict=True)
    ]
    checks = (
        any(claim.kind is ClaimKind.CHECK for claim in run.table.claims(step.words)) for step in run.steps
    )
    spoken = {
        "makes_do": makes_do,
        "makes_do_uncalled": where(uncalled, makes_do),
        "presents": has,
        "announces": [log1p(len(run.table.announcements(step.words))) for step in run.steps],
        "intends_more_than_presents": [a - b for a, b in zip(intends, has, strict=True)],
        "agrees_uncalled": where(uncalled, counts(AGREES, run.prose)),
        "doubts": counts(DOUBTS, run.prose),
        "checks_uncalled": where(uncalled, flags(checks)),
        "admits_failure": flags(admits_failure(text) for text in run.texts),
        "pretends": [log1p(len(run.table.pretences(step.words))) for step in run.steps],
    }
    return _own(run, spoken)


def _reactions(run: Run) -> Columns:
    """What the steps around one say of it."""
    agreed, doubted, presented = (counts(pattern, run.texts) for pattern in (AGREES, DOUBTS, HAS))
    failed_before, empty_before = before(run.failed), before(run.empty)
    bad_before = [a or b for a, b in zip(failed_before, empty_before, strict=True)]
    concludes = (
        bad and not calls and bool(each.new)
        for bad, calls, each in zip(bad_before, run.calls, run.contributions, strict=True)
    )
    return {
        **_own(run, {"speaks_on": flags(speaks_on(run))}),
        "called_upon": flags(called_upon(run)),
        "agreed_next": [*agreed[1:], 0.0][: len(agreed)],
        "doubted_next": [*doubted[1:], 0.0][: len(doubted)],
        "presented_next": [*presented[1:], 0.0][: len(presented)],
        "agreed_later": mean_after([log1p(part) for part in agreed]),
        "doubted_later": mean_after(flags(doubted)),
        "after_failure": flags(failed_before),
        "after_empty": flags(empty_before),
        "concludes_after_failure": flags(concludes),
        "retries": flags(bad and bool(calls) for bad, calls in zip(bad_before, run.calls, strict=True)),
    }


def _order(run: Run) -> Columns:
    bad = [failed or empty for failed, empty in zip(run.failed, run.empty, strict=True)]
    next_call: list[bool | None] = []
    upcoming: bool | None = None
    for calls, good in zip(reversed(run.calls), reversed(run.useful), strict=True):
        next_call.append(upcoming)
        upcoming = good if calls else upcoming
    next_call.reverse()
    among_others = not run.alone
    return {
        "first_contribution": flags(among_others and flag for flag in first(run.contributes)),
        "first_assertion": flags(first(run.asserts)),
        "first_failure": flags(first(bad)),
        "last_failure": flags(last(bad)),
        "first_call": flags(among_others and flag for flag in first(map(bool, run.calls))),
        "last_call": flags(last(map(bool, run.calls))),
        "next_call_fails": flags(good is False for good in next_call),
        "next_call_works": flags(good is True for good in next_call),
        "earlier_contributions": [log1p(number) for number in accumulate(run.contributes[:-1], initial=0)],
        "ends_unchecked": flags(ends_unchecked(run)),
        "nothing_works_later": [1.0 - part for part in any_after(run.useful)],
    }


def _task(run: Run) -> Columns:
    covered = [share(run.task_stems, stems) for stems in run.stems]
    return {
        "task_coverage": covered,
        "off_task": [
            1 - share(stems, run.task_stems) if len(stems) > _SPOKEN else 0.0 for stems in run.stems
        ],
        "start_off_task": [
            1 - part if position == 0 and len(stems) > _SPOKEN else 0.0
            for position, (part, stems) in enumerate(zip(covered, run.stems, strict=True))
        ],
    }


def _agents(run: Run) -> Columns:
    names = [step.agent for step in run.steps]
    counted = Counter(names)
    debut = {name: position for position, name in reversed([*enumerate(names)])}
    works = [bool(run.leaders) and name not in run.leaders for name in names]
    return {
        "share_of_steps": [counted[name] / len(names) for name in names],
        "first_of_agent": flags(debut[name] == position for position, name in enumerate(names)),
        "first_worker_step": flags(first(works)),
        "last_worker_step": flags(last(works)),
    }


def _issues(run: Run) -> Columns:
    found: Columns = {
        "issue": [
            max((issue.confidence * issue.severity / 100 for issue in issues), default=0.0)
            for issues in run.issues
        ]
    }
    for name, types in _ISSUES.items():
        found[name] = [
            max((issue.confidence for issue in issues if issue.type in types), default=0.0)
            for issues in run.issues
        ]
    return found
