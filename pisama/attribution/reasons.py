"""Why a step is suspected, in words: the signs that speak for it most, each with what shows it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from pisama.attribution.run import Run, returned_by
from pisama.attribution.signs import Columns
from pisama.attribution.wording import AGREES, DOUBTS, FILE, MAKES_DO
from pisama.issue import Issue, Level
from pisama.redact import redact
from pisama.text import quote

MOST = 3
"""Signs named in a reason."""
LEAST_CREDIT = 0.05
"""What a sign must add to the score, in log odds, to be named."""
_WIDTH = 70
"""Characters of a quote."""
_VALUES = 3
"""Values named as examples."""

Say = Callable[[Run, int], str]
"""A sign in words at a step; empty when it has nothing to show there."""


def reason(run: Run, columns: Columns, credit_of: Mapping[tuple[str, bool], float], position: int) -> str:
    """The signs that carried a step, strongest first, in words, and its worst issue; never empty."""
    totals: dict[str, float] = {}
    for (name, _), credit in credit_of.items():
        totals[name] = totals.get(name, 0.0) + credit
    said: list[str] = []
    for name, credit in sorted(totals.items(), key=lambda pair: (-pair[1], pair[0])):
        if credit < LEAST_CREDIT or len(said) == MOST:
            break
        phrase = _phrase(name, run, columns, position)
        if phrase and phrase not in said:
            said.append(phrase)
    worst = _worst(run.issues[position])
    if worst is not None and worst.severity >= Level.MEDIUM.floor and _issue_words(worst) not in said:
        said.append(f"and {_issue_words(worst)}")
    if not said:
        return _whatever(run, position)
    return redact("; ".join(said))


def _phrase(name: str, run: Run, columns: Columns, position: int) -> str:
    """What a sign shows at a step: where it is there, what speaks; where it is not, what is missing."""
    present, absent = SAYS.get(name, (None, None))
    say = present if columns[name][position] > 0 else absent
    return say(run, position) if say is not None else ""


def _whatever(run: Run, position: int) -> str:
    issue = _worst(run.issues[position])
    if issue is not None:
        return redact(_issue_words(issue))
    return "its place among the other steps speaks for it, and nothing that it says or does"


def _fixed(words: str) -> Say:
    return lambda *_: words


def _values_words(values: Iterable[str], words: str) -> str:
    shown = sorted(values, key=lambda value: (-len(value), value))
    listed = ", ".join(f"“{quote(value, width=40)}”" for value in shown[:_VALUES])
    return f"{words} ({listed})" if listed else ""


def _new(run: Run, position: int) -> str:
    return _values_words(run.contributions[position].new, "it brings in what nothing before it gave")


def _unbacked(run: Run, position: int) -> str:
    return _values_words(
        run.contributions[position].unbacked, "it states what no task and no result of a call gave"
    )


def _coded(run: Run, position: int) -> str:
    return _values_words(run.contributions[position].new_coded, "its call holds what nothing before it gave")


def _of_answer(words: str) -> Say:
    def say(run: Run, position: int) -> str:
        return _values_words(run.answer & run.contributions[position].said, words)

    return say


def _source(run: Run, position: int) -> str:
    values = [value for value in run.answer if run.origins.get(value, (-1,))[0] == position]
    return _values_words(values, "the final answer has from here")


def _failure(run: Run, position: int) -> str:
    failed = next((call for call in run.calls[position] if call.outcome.failed), None)
    if failed is None:
        return ""
    return f"its call of {failed.name} fails (“{quote(failed.outcome.message or returned_by(failed), width=_WIDTH)}”)"


def _failure_before(run: Run, position: int) -> str:
    failed = _failure(run, position - 1) if position else ""
    return failed.replace("its call", "it follows a failure: the call", 1) if failed else ""


def _matched(pattern: re.Pattern[str], words: str, *, ahead: int = 0) -> Say:
    def say(run: Run, position: int) -> str:
        text = run.texts[position + ahead] if position + ahead < len(run.texts) else ""
        found = pattern.search(text)
        if found is None:
            return ""
        return f"{words} (“{quote(text[max(0, found.start() - 20) : found.end() + 40], width=_WIDTH)}”)"

    return say


def _file(run: Run, position: int) -> str:
    task = run.report.trace.task or ""
    named = [name for name in FILE.findall(run.arguments[position]) if name not in task]
    return _values_words(named[:1], "it names a file that nobody gave")


def _issue(*types: str) -> Say:
    def say(run: Run, position: int) -> str:
        worst = _worst(issue for issue in run.issues[position] if not types or issue.type in types)
        return _issue_words(worst) if worst is not None else ""

    return say


def _worst(issues: Iterable[Issue]) -> Issue | None:
    return max(issues, key=lambda issue: (issue.severity, issue.confidence, issue.type), default=None)


def _issue_words(issue: Issue) -> str:
    return f"{issue.type}: {issue.summary.rstrip('.')}"


SAYS: dict[str, tuple[Say | None, Say | None]] = {
    "new_values": (_new, None),
    "new_values_said": (_new, None),
    "new_numbers": (_new, None),
    "new_values_in_code": (_coded, None),
    "unbacked_values": (_unbacked, None),
    "asserts": (_new, None),
    "asserts_on_nothing": (_fixed("it states results before any call has brought some"), None),
    "first_assertion": (_fixed("it is the first to state results without a call"), None),
    "first_contribution": (_fixed("it is the first to work on the task, and the rest builds on it"), None),
    "failed_call": (_failure, None),
    "first_failure": (_failure, None),
    "last_failure": (_failure, None),
    "empty_result": (_fixed("its call brings nothing back"), None),
    "after_failure": (_failure_before, None),
    "after_empty": (_fixed("it follows a call that brought nothing back"), None),
    "concludes_after_failure": (_fixed("it goes on without a call after one that brought nothing"), None),
    "nothing_works_later": (_fixed("no call after it brings anything"), None),
    "next_call_fails": (_fixed("the next call fails or brings nothing"), None),
    "ends_unchecked": (_fixed("the run ends on it, and nobody looked at what it brought"), None),
    "answer_gain": (_of_answer("it is the first to say what the final answer says"), None),
    "first_answer": (_of_answer("it is the first to say what the final answer says"), None),
    "answer_share": (_of_answer("it says what the final answer says"), None),
    "answer_source": (_source, None),
    "answer_returned": (_source, None),
    "later_use": (_fixed("later steps use what it brought in"), None),
    "later_use_share": (_fixed("later steps use what it brought in"), None),
    "makes_do": (_matched(MAKES_DO, "it makes do without evidence"), None),
    "makes_do_uncalled": (_matched(MAKES_DO, "it makes do without evidence"), None),
    "pretends": (_matched(MAKES_DO, "it makes do without evidence"), None),
    "admits_failure": (_fixed("it admits that it could not do its part"), None),
    "agrees_uncalled": (_matched(AGREES, "it agrees without checking anything"), None),
    "checks_uncalled": (_fixed("it says that it checked, and called nothing"), None),
    "doubted_next": (_matched(DOUBTS, "the next step finds fault", ahead=1), None),
    "agreed_next": (_matched(AGREES, "the next step takes it as right", ahead=1), None),
    "agreed_later": (_fixed("later steps take it as right"), None),
    "doubted_later": (_fixed("later steps find fault"), None),
    "off_task": (_fixed("most of its words have nothing to do with the task"), None),
    "start_off_task": (_fixed("the run starts on something else than the task"), None),
    "starts_with_call": (_fixed("it acts at once, before anything was looked at"), None),
    "new_file": (_file, None),
    "repeats": (_fixed("it says much of what was said shortly before"), None),
    "same_result": (_fixed("its call brings the same as its agent's call before"), None),
    "asked_again": (_fixed("its instruction had to be given again"), None),
    "repeats_instruction": (_fixed("it gives an instruction that was given before"), None),
    "result_on_topic": (None, _fixed("its result has nothing to do with its instruction")),
    "first_worker_step": (_fixed("it is the first act on an instruction, and the rest builds on it"), None),
    "last_worker_step": (_fixed("no work is done after it"), None),
    "issue": (_issue(), None),
    "issue_unfounded": (_issue("hallucination", "grounding"), None),
    "issue_of_tools": (
        _issue("tool_error", "malformed_output", "corruption", "retrieval", "tool_misuse"),
        None,
    ),
    "issue_repetition": (_issue("loop", "overflow"), None),
    "issue_off_task": (_issue("derailment", "decomposition"), None),
    "issue_between_agents": (_issue("coordination", "withholding", "context_neglect"), None),
    "issue_instruction": (_issue("specification", "instruction", "completion", "persona_drift"), None),
}
"""By sign: its words where it is there, and where it is not. Signs of mere form have none."""
