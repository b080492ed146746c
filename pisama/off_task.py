"""Off the task: calls, answers and steps that have to do with something else than was asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pisama.elements import Element, ElementKind
from pisama.facts import fields, refuses
from pisama.features import CallFeatures, canonical, features
from pisama.patterns import lazy
from pisama.text import sentences, stems, words
from pisama.trace import Step, Trace

_READ = 20_000
"""Characters of a text that are read."""
TASK = 6_000
"""Characters of a task that are taken for the wish; what follows in a long one is material."""
_YEAR = lazy(r"(?:19|20)\d\d(?<![\w.,-].{4})(?![\w,.]\d|\w)")
_SOURCE = lazy(
    r"\b[Aa]ccording to (?:the )?(?:official )?(?P<source>[A-Z][\w'&.-]{1,30}(?: (?:of |for |the |and )?[A-Z][\w'&.-]{1,30}){0,4})"
)
_PLACE_KEYS = lazy(
    r"(?:^|_)(?:city|location|place|country|town|state|company|person|team|player|artist|author|dataset|product|brand|destination)$"
)
_PROPER = lazy(r"[A-Z][a-z][\w'-]{1,30}(?: [A-Z][\w'-]{1,30}){0,3}")
_ASCII = lazy(r"[A-Za-z]")


class OtherYear(NamedTuple):
    """Calls that ask for a year which is not the task's."""

    wanted: tuple[str, ...]
    """The years of the task, sorted."""
    year: str
    calls: Sequence[CallFeatures]


class OtherName(NamedTuple):
    """A call with a name that nobody gave, in a run that never names what the task is about."""

    call: CallFeatures
    value: str
    names: Sequence[Element]
    """Those of the task."""


class OtherSource(NamedTuple):
    """A source that the task asks for and that no call and no result has to do with."""

    source: str
    words: str
    """The words of the task that ask for it."""
    last: CallFeatures


class OtherAnswer(NamedTuple):
    """A long answer that shares next to nothing with the task."""

    first: Step
    """The first of the steps up to the end that are not on the task."""
    shared: int
    """Words of the task that are in the answer."""
    wanted: int
    """Words of the task."""


class LeftOut(NamedTuple):
    """A question of the task on which the answer says nothing."""

    question: str
    questions: int


class Drift(NamedTuple):
    """The steps at the end that have not one word of the task."""

    first: Step
    steps: int


def wishes_of(trace: Trace) -> str:
    """The task and all users' words."""
    said = [trace.task or ""]
    said += [message.text[:TASK] for step in trace.steps for message in step.seen if message.role == "user"][
        :200
    ]
    return "\n".join(dict.fromkeys(said))[: 10 * _READ]


def query_of(call: CallFeatures) -> str:
    """What a call asks for: its arguments as one text."""
    return canonical(call.call.arguments).decode("utf-8", "replace")[:4000]


def other_year(trace: Trace, wishes: str, at_least: int) -> OtherYear | None:
    """The calls that ask for one year nobody gave, when no call asks for the task's; at least so many."""
    wanted = set(_YEAR.findall((trace.task or "")[:TASK]))
    if not wanted:
        return None
    known = set(_YEAR.findall(wishes))
    wrong: list[tuple[CallFeatures, str]] = []
    for call in features(trace).calls:
        used = _YEAR.findall(query_of(call))
        if wanted.intersection(used):
            return None
        wrong.extend((call, year) for year in used[:1] if year not in known)
        known.update(_YEAR.findall((call.call.result or "")[:_READ]))
        known.update(_YEAR.findall(call.step.words[:_READ]))
    if len(wrong) < at_least or len({year for _, year in wrong}) > 1:
        return None
    return OtherYear(tuple(sorted(wanted)), wrong[0][1], [call for call, _ in wrong])


def other_name(trace: Trace, wishes: str) -> OtherName | None:
    """The first call with a strange name, when the names of the task are in no call, no words and no answer."""
    strange = _strange_name(trace, wishes.lower())
    if strange is None:
        return None
    table = features(trace)
    names = [element for element in table.elements(wishes[:TASK]) if element.kind == ElementKind.NAME]
    if not 0 < len({name.value for name in names}) <= 3:
        return None
    said = [f"{query_of(call)}\n{call.step.words[:_READ]}" for call in table.calls]
    said.append(trace.final_answer or "")
    if any(_mentioned(name, text.lower()) for text in said for name in names):
        return None
    return OtherName(*strange, names)


def _strange_name(trace: Trace, wishes: str) -> tuple[CallFeatures, str] | None:
    """The first proper name for a place that a call asks for and that neither users nor results gave."""
    seen = ""
    for call in features(trace).calls:
        for fact in fields(call.call.arguments) if isinstance(call.call.arguments, dict) else ():
            if (
                _PLACE_KEYS.search(fact.key)
                and _PROPER.fullmatch(fact.value)
                and fact.value.lower() not in wishes
                and fact.value.lower() not in seen
            ):
                return call, fact.value
        seen = f"{seen}\n{(call.call.result or '')[:2000].lower()}"[-_READ:]
    return None


def _mentioned(name: Element, text: str) -> bool:
    """Whether a text has any telling word of a name."""
    parts = [part for part in words(name.value) if len(part) > 3] or [name.value]
    return any(part in text for part in parts)


def other_source(trace: Trace) -> OtherSource | None:
    """The source the task names, when a finished run has nothing of it and does not refuse."""
    match = _SOURCE.search((trace.task or "")[:TASK])
    calls = features(trace).calls
    if match is None or not calls or not trace.complete:
        return None
    if refuses(f"{trace.final_answer or ''}\n{query_of(calls[-1])}"):
        return None
    parts = [word for word in words(match["source"]) if len(word) > 3] or words(match["source"])
    for call in calls:
        text = f"{query_of(call)}\n{(call.call.result or '')[:_READ]}".lower()
        if any(part in text for part in parts):
            return None
    return OtherSource(match["source"], match.group(), calls[-1])


def misanswered(trace: Trace, long_answer: int, share: float) -> Iterator[OtherAnswer | LeftOut]:
    """What the answer to a single wish leaves out: the whole task, or some of its questions.

    An answer of `long_answer` words is to something else when at most `share` of the task's words are in it.
    """
    answer, task = trace.final_answer or "", (trace.task or "")[:TASK]
    if not trace.steps or _turns(trace) > 1 or len(words(answer[:_READ])) < long_answer // 2:
        return
    if not _is_prose(answer[:_READ]) or len(trace.task or "") > TASK:
        return
    said = features(trace).stem_set(answer[:_READ])
    wanted = _telling(task)
    shared = len(wanted & said)
    if len(wanted) >= 5 and len(words(answer)) >= long_answer and shared <= share * len(wanted):
        yield OtherAnswer(_leaves(trace, wanted, share), shared, len(wanted))
    else:
        yield from _left_out(task, said)


def _turns(trace: Trace) -> int:
    return sum(any(message.role == "user" for message in step.seen) for step in trace.steps[:500])


def _is_prose(text: str) -> bool:
    """Whether a text is words in Latin letters; a patch, a program or a table need not name what it is about."""
    stripped = text.lstrip()
    letters = sum(letter.isascii() and (letter.isalpha() or letter == " ") for letter in stripped)
    return not stripped.startswith(("---", "diff ", "{", "[", "<")) and letters >= 0.7 * len(stripped)


def _telling(text: str) -> frozenset[str]:
    return frozenset(stem for stem in stems(text) if len(stem) > 2)


def _leaves(trace: Trace, wanted: frozenset[str], share: float) -> Step:
    """The first of the steps up to the end that are not on the task."""
    table = features(trace)
    first = trace.steps[-1]
    for step in reversed(trace.steps):
        if len(table.stem_set(step.words[:_READ]) & wanted) > max(1, share * len(wanted)):
            break
        first = step if step.words else first
    return first


def _left_out(task: str, said: frozenset[str]) -> Iterator[LeftOut]:
    """Questions of whose own words none is in the answer, which has some of another's."""
    questions = [(text, frozenset(stems(text))) for text in sentences(task) if text.endswith("?")]
    if not 2 <= len(questions) <= 6:
        return
    for number, (text, mine) in enumerate(questions):
        others = [stem for at, (_, stem) in enumerate(questions) if at != number]
        own = mine - frozenset[str]().union(*others)
        if len(own) >= 3 and not own & said and any(len(stem & said) >= 2 for stem in others):
            yield LeftOut(text, len(questions))


def drifted(trace: Trace, wishes: str, window: int) -> Drift | None:
    """The last steps without one word of the wishes, at least `window` of them, after steps that had them."""
    if len(trace.steps) < 2 * window:
        return None
    wanted = _telling(wishes[:TASK])
    if len(wanted) < 5:
        return None
    table = features(trace)
    begin = len(trace.steps)
    while begin > 0:
        step = trace.steps[begin - 1]
        calls = table.calls_by_step.get(step.index, ())
        done = f"{step.words[:4000]}\n" + "\n".join(query_of(call)[:2000] for call in calls)
        silent = not step.words and not step.tool_calls
        if wanted & table.stem_set(done) or silent or not _ASCII.search(done):
            break
        begin -= 1
    count = len(trace.steps) - begin
    return Drift(trace.steps[begin], count) if count >= window and begin >= 2 else None
