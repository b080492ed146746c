"""Why a step is suspected, in words: the signs that speak for it most, each with what shows it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from pisama.attribution.columns import Columns
from pisama.attribution.run import Run, returned_by
from pisama.attribution.wording import AGREES, DOUBTS, FILE, MAKES_DO
from pisama.issue import Issue, Level
from pisama.redact import redact
from pisama.text import quote

MOST = 2
"""Reasons given."""
LEAST_CREDIT = 0.05
"""What a sign must add to the score, in log odds, to be named."""
_WIDTH = 70
"""Characters of a quote."""
_VALUES = 2
"""Values named as examples."""

Say = Callable[[Run, int], str]
"""A sign in words at a step; empty when it has nothing to show there."""


def reason(run: Run, columns: Columns, credit_of: Mapping[str, float], position: int) -> str:
    """At most `MOST` reasons in words, those that can be shown first, strongest first; never empty."""
    told = [*_shown(run, columns, credit_of, position, SHOWS)][:MOST]
    worst = _worst(run.issues[position])
    if worst is not None and worst.severity >= Level.MEDIUM.floor:
        told = [*(each for each in told[: MOST - 1] if each != _issue_words(worst)), _issue_words(worst)]
    if len(told) < MOST:
        told += [*_shown(run, columns, credit_of, position, PLACES)][: MOST - len(told)]
    if not told and worst is not None:
        told = [_issue_words(worst)]
    return redact("; ".join(told) or "its place among the other steps speaks for it, and nothing in it")


def _shown(
    run: Run,
    columns: Columns,
    credit_of: Mapping[str, float],
    position: int,
    themes: Sequence[Mapping[str, Say]],
) -> Iterator[str]:
    """By falling credit what the signs of these themes show at a step, each theme once."""
    strongest = sorted(credit_of.items(), key=lambda pair: (-pair[1], pair[0]))
    left = list(themes)
    for name, credit in strongest:
        theme = next((each for each in left if name in each), None)
        if theme is None or credit < LEAST_CREDIT:
            continue
        if columns[name][position] <= 0 and name not in ABSENT:
            continue
        if said := theme[name](run, position):
            left.remove(theme)
            yield said


def _fixed(words: str) -> Say:
    return lambda *_: words


def _listed(run: Run, position: int, values: frozenset[str]) -> str:
    """Some of these values as the step wrote them, what tells most first."""
    found = {
        each.value: each for each in run.table.elements(run.steps[position].words) if each.value in values
    }
    chosen = sorted(found.values(), key=lambda each: (-each.weight, -len(each.text), each.start))[:_VALUES]
    return " and ".join(f"“{quote(each.text, width=40)}”" for each in chosen)


def _new(run: Run, position: int) -> str:
    each = run.contributions[position]
    if answer := _first_to_answer(run, position):
        return answer
    listed = _listed(run, position, each.new)
    return f"it states {listed}, which nothing before it gave" if listed else ""


def _first_to_answer(run: Run, position: int) -> str:
    earlier = frozenset[str]().union(*(each.said for each in run.contributions[:position]))
    later = frozenset[str]().union(*(each.said for each in run.contributions[position + 1 :]))
    first = (run.answer & run.contributions[position].said) - earlier
    if repeated := _listed(run, position, first & later):
        return f"it is the first to state {repeated}, which the final answer repeats"
    if made := _listed(run, position, first & run.contributions[position].new):
        return f"nothing before it gave {made}, which the final answer states"
    listed = _listed(run, position, first)
    return f"the final answer has {listed} from it" if listed else ""


def _unbacked(run: Run, position: int) -> str:
    listed = _listed(run, position, run.contributions[position].unbacked)
    return f"it states {listed}, which no task and no result of a call gave" if listed else ""


def _answers(run: Run, position: int) -> str:
    listed = _listed(run, position, run.answer)
    return f"it says {listed}, as the final answer does" if listed else ""


def _source(run: Run, position: int) -> str:
    values = sorted(value for value in run.answer if run.origins.get(value, (-1,))[0] == position)
    return f"the final answer has “{quote(values[0], width=40)}” from here" if values else ""


def _failure(run: Run, position: int) -> str:
    failed = next((call for call in run.calls[position] if call.outcome.failed), None)
    if failed is None:
        return ""
    return f"its call of {failed.name} fails (“{quote(failed.outcome.message or returned_by(failed), width=_WIDTH)}”)"


def _failure_before(run: Run, position: int) -> str:
    failed = _failure(run, position - 1) if position else ""
    return failed.replace("its call", "it follows a failure: the call", 1) if failed else ""


def _around(text: str, start: int, end: int) -> str:
    """A few whole words before and after a place."""
    lead = text[max(0, start - 20) : start]
    tail = text[end : end + 40]
    whole_lead = lead if start <= 20 else lead.partition(" ")[2]
    whole_tail = tail if end + 40 >= len(text) else tail.rpartition(" ")[0]
    return f"{whole_lead}{text[start:end]}{whole_tail}"


def _matched(pattern: re.Pattern[str], words: str, *, ahead: int = 0) -> Say:
    def say(run: Run, position: int) -> str:
        text = run.texts[position + ahead] if position + ahead < len(run.texts) else ""
        found = pattern.search(text)
        if found is None:
            return ""
        return f"{words} (“{quote(_around(text, found.start(), found.end()), width=_WIDTH)}”)"

    return say


def _file(run: Run, position: int) -> str:
    task = run.report.trace.task or ""
    named = next((name for name in FILE.findall(run.arguments[position]) if name not in task), "")
    return f"it names “{quote(named, width=40)}”, a file that nobody gave" if named else ""


def _worst(issues: Iterable[Issue]) -> Issue | None:
    return max(issues, key=lambda issue: (issue.severity, issue.confidence, issue.type), default=None)


def _issue_words(issue: Issue) -> str:
    return f"it shows the {issue.level.value} issue {issue.type}"


_FIRST_TO_WORK = _fixed("it is the first to work on the task, and the rest builds on it")
_MAKES_DO = _matched(MAKES_DO, "it makes do without evidence")

SHOWS: Sequence[Mapping[str, Say]] = (
    {
        "new_values": _new,
        "new_values_said": _new,
        "new_numbers": _new,
        "new_sources": _new,
        "asserts": _new,
        "asserts_on_nothing": _new,
        "first_assertion": _new,
        "delivers_uncalled": _new,
        "unbacked_values": _unbacked,
        "answer_gain": _first_to_answer,
        "first_answer": _first_to_answer,
        "answer_share": _answers,
        "answer_source": _source,
        "answer_returned": _source,
    },
    {"new_file": _file},
    {
        "failed_call": _failure,
        "first_failure": _failure,
        "last_failure": _failure,
        "returned_though_failed": _failure,
        "empty_result": _fixed("its call brings nothing back"),
    },
    {
        "after_failure": _failure_before,
        "after_empty": _fixed("it follows a call that brought nothing back"),
        "concludes_after_failure": _fixed("it goes on without a call after one that brought nothing"),
    },
    {"makes_do": _MAKES_DO, "makes_do_uncalled": _MAKES_DO, "pretends": _MAKES_DO},
    {
        "agrees_uncalled": _matched(AGREES, "it agrees without checking anything"),
        "checks_uncalled": _fixed("it says that it checked, and called nothing"),
    },
    {"admits_failure": _fixed("it admits that it could not do its part")},
    {"off_task": _fixed("most of its words have nothing to do with the task")},
    {"start_off_task": _fixed("the run starts on something else than the task")},
    {"repeats": _fixed("it says much of what was said shortly before")},
    {"same_result": _fixed("its call brings the same as its agent's call before")},
    {"result_on_topic": _fixed("its result has nothing to do with its instruction")},
    {
        "asked_again": _fixed("its instruction had to be given again"),
        "repeats_instruction": _fixed("it gives an instruction that was given before"),
    },
    {"doubted_next": _matched(DOUBTS, "the next step finds fault", ahead=1)},
)
"""Signs that something in the step can be shown for, by theme: of a theme one is told."""

PLACES: Sequence[Mapping[str, Say]] = (
    {
        "first_contribution": _FIRST_TO_WORK,
        "starts_with_call": _fixed("it acts at once, before anybody looked at anything"),
        "first_worker_step": _FIRST_TO_WORK,
        "last_worker_step": _fixed("no work is done after it"),
        "ends_unchecked": _fixed("the run ends on it, and nobody looked at what it brought"),
    },
    {
        "nothing_works_later": _fixed("no call after it brings anything"),
        "next_call_fails": _fixed("the next call fails or brings nothing"),
    },
    {
        "later_use": _fixed("later steps use what it brought in"),
        "later_use_share": _fixed("later steps use what it brought in"),
        "result_used": _fixed("later steps use what its call returned"),
        "agreed_next": _matched(AGREES, "the next step takes it as right", ahead=1),
        "agreed_later": _fixed("later steps take it as right"),
        "doubted_later": _fixed("later steps find fault"),
    },
)
"""Signs of where a step stands and of what came of it, told when fewer reasons can be shown."""

ABSENT = frozenset({"result_on_topic"})
"""Signs that speak where there is little of them."""
