"""Neglected facts: what an agent was given and asks for again, calls missing, replaces or leaves unused."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pisama.elements import Element, ElementKind
from pisama.facts import PROSE, asked, refuses
from pisama.features import CallFeatures, Features, canonical
from pisama.issue import Evidence, Finding
from pisama.known import Known
from pisama.mismatches import Sort, mismatches
from pisama.patterns import lazy
from pisama.spots import find_near
from pisama.text import quote
from pisama.trace import Step, Trace

_MISSING = lazy(
    r"\b(?:no (?P<a>{thing})s?(?: [\w ]{{0,30}})? (?:was|were|has been|have been|is) (?:provided|given|specified|included|attached|shared)"
    r"|(?P<b>{thing})s? (?:was|were|is|are|has|have)(?: not|n't)(?: been)? (?:provided|given|specified|included|attached|shared)"
    r"|you (?:have not|haven't|did not|didn't) (?:provide|provided|give|given|specify|specified|attach|attached|share|shared|include|included)"
    r" (?:me )?(?:with )?(?:any |an? |the |your )?(?P<c>{thing}))\b".format(
        thing=r"(?:file|attachment|document|image|spreadsheet|url|link|e-?mail address|date)"
    ),
    re.IGNORECASE,
)
_MISSING_WORDS = tuple(
    "provided|given|specified|included|attached|shared|have not|haven't|did not|didn't".split("|")
)
_THINGS = {
    "file": ElementKind.PATH, "attachment": ElementKind.PATH, "document": ElementKind.PATH, "image": ElementKind.PATH,
    "spreadsheet": ElementKind.PATH, "url": ElementKind.URL, "link": ElementKind.URL, "date": ElementKind.DATE,
}  # fmt: skip
_HEAVY = frozenset({ElementKind.URL, ElementKind.EMAIL, ElementKind.PATH})
_SIGNALS: dict[Sort, str] = {
    "unknown": "other_value",
    "slip": "slip",
    "year": "wrong_year",
    "date": "other_date",
    "count": "other_count",
}
_FILL = "Fill {field} from the recorded value ({given}), and reject values that no source holds."
_WORDS: dict[Sort, tuple[str, str]] = {
    "unknown": ("{tool} is called with {field} {value}, which nobody gave; given was {given}.", _FILL),
    "slip": ("{tool} is called with {field} {value}, a slip of {given}.", _FILL),
    "year": (
        "{tool} is called with {field} {value}: the day was given, that year was not.",
        "State today's date in the prompt and have the agent complete dates from it.",
    ),
    "date": ("{tool} is called with {field} {value}; the only day given was {given}.", _FILL),
    "count": ("{tool} is called with {value} as {field}; the task says {given}.", _FILL),
}


def neglected(trace: Trace, table: Features, short_task: int, few: int) -> Iterator[Finding]:
    """The steps in order, then what the whole run left unused. The signals are those of `context_neglect`.

    Left unused counts in a task of at most `short_task` characters that has at most `few` addresses and paths.
    """
    known = Known(table.elements, table.told)
    by_step = table.calls_by_step
    for step in trace.steps:
        known.hear(step)
        calls = by_step.get(step.index, ())
        yield from _asked_again(step, known)
        yield from _called_missing(trace, step, known)
        for call in calls:
            yield from _mismatched(call, known)
        for call in calls:
            known.learn(call.call, failed=call.outcome.failed or call.outcome.empty)
        known.questions = tuple(dict.fromkeys(key for key, _ in asked(step.text)))
    yield from _unused(trace, table, short_task, few)


def _asked_again(step: Step, known: Known) -> Iterator[Finding]:
    if not known.given or not step.text or step.tool_calls:
        return
    for key, sentence in asked(step.text):
        given = known.given.get(key)
        if given is None or given.used:
            continue
        given.used = True
        name = key.replace("_", " ")
        yield Finding(
            "asked_again",
            step,
            f"Asks for the {name} although {given.value} was given at step {given.step}.",
            evidence=(
                Evidence(quote(sentence), step.index, None, "asks"),
                Evidence(quote(given.text, given.value), given.step, None, "was given"),
            ),
            recommendation=f"Keep {name} = {given.value} in the state the agent sees, and use it before asking.",
            about=("asked", key),
        )


def _called_missing(trace: Trace, step: Step, known: Known) -> Iterator[Finding]:
    match = next(find_near(_MISSING, step.text[:PROSE], _MISSING_WORDS, before=90, after=90), None)
    if match is None:
        return
    thing = (match["a"] or match["b"] or match["c"]).lower()
    kind = _THINGS.get(thing, ElementKind.EMAIL)
    given = next((element for element in known.wished if element.kind == kind), None)
    if given is None or known.failed_with(given.text) or given.text in step.text:
        return
    yield Finding(
        "called_missing",
        step,
        f"Says that a {thing} was not given, although the task gives {given.text}.",
        evidence=(
            Evidence(quote(step.text, match.group()), step.index, None, "says it is missing"),
            Evidence(quote(known.wishes, given.text), trace.steps[0].index, None, "was given"),
        ),
        recommendation=f"Point the agent to {given.text}, and let it try a tool on it before it says a {thing} is missing.",
        about=("missing", thing, given.value),
    )


def _mismatched(call: CallFeatures, known: Known) -> Iterator[Finding]:
    for found in mismatches(call.name, call.call.arguments, known, call.step.words):
        fact, expected = found.fact, found.expected
        said, advice = _WORDS[found.sort]
        names = {
            "tool": call.name,
            "field": fact.key.replace("_", " "),
            "value": fact.value,
            "given": expected.value,
        }
        yield Finding(
            _SIGNALS[found.sort],
            call.step,
            said.format(**names),
            evidence=(
                Evidence(
                    quote(_written(call), fact.value), call.step.index, call.number, "uses another value"
                ),
                Evidence(
                    quote(expected.text, expected.value),
                    expected.step if expected.step >= 0 else None,
                    None,
                    "was given",
                ),
            ),
            recommendation=advice.format(**names),
            about=(call.name, fact.key, found.sort),
            call=call.number,
            # A value that the tool refused did no harm.
            severity=35 if call.outcome.failed else None,
        )


def _unused(trace: Trace, table: Features, short_task: int, few: int) -> Iterator[Finding]:
    """Addresses and paths of a short task that no call and no word of any agent holds."""
    task = trace.task or ""
    if not trace.steps or not trace.complete or len(task) > short_task:
        return
    heavy = {element.value: element for element in table.elements(task) if element.kind in _HEAVY}
    calls = table.calls
    if not 0 < len(heavy) <= few or not calls:
        return
    if refuses(f"{trace.final_answer or ''}\n{_written(calls[-1])}"):
        return
    done = "\n".join(
        [*(_written(call) for call in table.calls), *(step.words for step in trace.steps)]
    ).lower()
    last = trace.steps[-1]
    for element in heavy.values():
        if _trace_of(element) in done:
            continue
        yield Finding(
            "never_used",
            last,
            f"The task gives {quote(element.text, width=80)}; no call and no word of the run uses it.",
            evidence=(Evidence(quote(task, element.text), trace.steps[0].index, None, "was given"),),
            recommendation=f"Have the agent open or use {quote(element.text, width=80)} before it answers.",
            about=("unused", element.value),
        )


def _written(call: CallFeatures) -> str:
    return f"{call.name}({canonical(call.call.arguments).decode('utf-8', 'replace')})"


def _trace_of(element: Element) -> str:
    """The part of an address or a path that any use of it would show."""
    if element.kind == ElementKind.URL:
        return element.value.split("/", 1)[0]
    return element.value.replace("\\", "/").rsplit("/", 1)[-1]
