"""Ungrounded statements: what the agents of a run state that nothing they were given or did could tell them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, TypeAlias

from pisama.acts import command_of, is_bookkeeping, is_executor, spoken
from pisama.claims import gives_up, prose
from pisama.elements import Element, ElementKind
from pisama.features import features
from pisama.grounds import Grounds
from pisama.patterns import lazy
from pisama.reported_misses import Miss, ReportedMisses
from pisama.text import words
from pisama.trace import Step, ToolCall, Trace

_LABEL = lazy(r"\A\W{0,4}(?:final answer|answer|the answer is|the final answer is)\W{0,6}", re.IGNORECASE)
_TAGS = lazy(r"</?\w{1,20}>")
_CLOSING = lazy(r"\bTERMINATE\b\W{0,4}\Z")
_NUMBER = lazy(
    r"(?<![\w.])\d{1,3}(?:,\d{3}){1,6}(?:\.\d{1,9})?(?![\w])|(?<![\w.])\d{1,15}(?:\.\d{1,9})?(?!\w)"
)
_SOURCED = lazy(
    r"\b(?:according to|(?:retrieved|obtained|taken|collected|gathered|extracted) from|as (?:reported|stated|listed|published) (?:by|in|on)"
    r"|(?:states|shows|reports|lists|indicates|confirms) that|official (?:data|figures)|published figures|the following (?:are|is) the)\b",
    re.IGNORECASE,
)
"""Words that give a statement a source before anything was observed."""
_WORKED_OUT = lazy(r"(?:=|≈|\\approx|\\frac\{|\()[ \t$\\(]{0,4}\Z")
"""What comes before a number whose computation is written out."""
_RELAYED = lazy(r"\b(?:[Vv]iewport|screenshot of|Traceback|Address: )")
"""Words of an agent that hands on a page or a tool's output as it is."""
_PROPOSED = lazy(
    r"\b(?:visit|go to|open|check|try|navigate|access|use|see|search|query|download|install|e\.g|such as|example|could|can|would|will|let['\u2019]s)\b[^.\n]{0,120}\Z",
    re.IGNORECASE,
)
"""What comes before a link that is a proposal rather than a finding."""
_REFERENCES = (ElementKind.URL, ElementKind.EMAIL)

Kind: TypeAlias = Literal["answer", "reference", "figures", "names"]


class Bounds(NamedTuple):
    """What is in order; what each means is told by the options of `grounding`."""

    answer_words: int
    min_figures: int
    min_names: int


class Statement(NamedTuple):
    """What an agent says, or hands over as its answer."""

    step: Step
    text: str
    call: int | None
    """Position of the call that hands it over among the step's calls."""
    final: bool
    """Whether it is the answer of the run."""


class Ungrounded(NamedTuple):
    """A statement with facts that nothing before it gives."""

    kind: Kind
    statement: Statement
    facts: Sequence[str]
    """Never empty."""


class DespiteReport(NamedTuple):
    """A definite answer after the report that there was nothing to be found."""

    statement: Statement
    answer: str
    """Without the label and the tags around it."""
    miss: Miss


def ungrounded(trace: Trace, bounds: Bounds) -> Iterator[Ungrounded | DespiteReport]:
    """Each statement held against all that was seen and said before it, in order; at most one finding for each."""
    grounds, misses = Grounds(), ReportedMisses()
    observed = False
    if trace.task:
        grounds.hear(trace.task, terms=True)
    for step in trace.steps:
        misses.hear(step)
        for message in step.seen:
            grounds.hear(message.text, terms=message.role == "user")
            observed = observed or message.role == "tool"
        answers = [text for text, number in spoken(step) if number is not None]
        for call in step.tool_calls:
            if not is_bookkeeping(call.name) and not _echoes(call, answers):
                grounds.hear(call.result or call.error or "")
                observed = observed or call.result is not None
        for statement in _statements(trace, step):
            found = _despite_report(statement, misses) or _judged(
                trace, statement, grounds, bounds, observed=observed
            )
            if found is not None:
                yield found
        grounds.hear(step.words, terms=True)
        for call in step.tool_calls:
            grounds.hear(str(call.arguments))
            grounds.hear(call.result or "")


def _statements(trace: Trace, step: Step) -> Iterator[Statement]:
    last = step is trace.steps[-1] and trace.complete
    if step is trace.steps[0] and len(trace.agents) > 1 and not step.tool_calls:
        # In a group the first speaker hands out the task.
        return
    for text, number in spoken(step):
        yield Statement(step, text, number, number is not None or last)


def _despite_report(statement: Statement, misses: ReportedMisses) -> DespiteReport | None:
    if not statement.final:
        return None
    answer = _core(statement.text)
    miss = misses.ignored_by(answer, statement.step)
    return DespiteReport(statement, answer, miss) if miss is not None else None


def _judged(
    trace: Trace, statement: Statement, grounds: Grounds, bounds: Bounds, *, observed: bool
) -> Ungrounded | None:
    """What in a statement comes from nowhere, the worst of it."""
    text = prose(statement.text)
    if gives_up(text[:1000]) or _RELAYED.search(text[:4000]):
        return None
    core = _core(text) if statement.final else ""
    if 0 < len(words(core)) <= bounds.answer_words and _is_unknown_answer(core, grounds):
        return Ungrounded("answer", statement, [core])
    if observed or _SOURCED.search(text):
        return _details(trace, statement, text, grounds, bounds)
    return None


def _details(
    trace: Trace, statement: Statement, text: str, grounds: Grounds, bounds: Bounds
) -> Ungrounded | None:
    """The links of a statement that come from nowhere, else its numbers, else its names."""
    unknown_facts = [item for item in features(trace).elements(text) if not grounds.knows(item)]
    references = [item for item in unknown_facts if _is_finding(item, text)]
    figures = [
        item
        for item in unknown_facts
        if item.kind is ElementKind.NUMBER
        and not _WORKED_OUT.search(text[max(0, item.start - 12) : item.start])
    ]
    names = [item for item in unknown_facts if _is_invented_name(item, text, grounds)]
    if references:
        return Ungrounded("reference", statement, _texts(references))
    if sum(map(_precision, {item.value for item in figures})) >= bounds.min_figures:
        return Ungrounded("figures", statement, _texts(figures))
    if len({item.value for item in names}) >= bounds.min_names:
        return Ungrounded("names", statement, _texts(names))
    return None


def _is_finding(item: Element, text: str) -> bool:
    """A link to a page, or an address, that is not merely where one might look."""
    page = item.kind is ElementKind.EMAIL or ("/" in item.value and "?q=" not in item.value)
    return (
        item.kind in _REFERENCES
        and page
        and _PROPOSED.search(text[max(0, item.start - 200) : item.start]) is None
    )


def _is_invented_name(item: Element, text: str, grounds: Grounds) -> bool:
    """A name of several words of which none was seen; a heading or a label is none."""
    parts = [word for word in words(item.text) if len(word) > 3]
    after = text[item.start + len(item.text) :][:4]
    return (
        item.kind is ElementKind.NAME
        and len(parts) > 1
        and not any(grounds.knows_word(word) for word in parts)
        and not after.startswith((":", "**", " (", "'s:", "\n"))
    )


def _is_unknown_answer(core: str, grounds: Grounds) -> bool:
    """Whether some number of a short answer, or else all that it says, comes from nowhere."""
    numbers = [match.group() for match in _NUMBER.finditer(core)]
    if numbers:
        return any(not grounds.knows_number(number, years=False) for number in numbers)
    telling = [word for word in words(core) if len(word) > 2]
    return bool(telling) and not any(grounds.knows_word(word) for word in telling)


def _core(text: str) -> str:
    """An answer without the label and the tags around it."""
    return _CLOSING.sub("", _LABEL.sub("", _TAGS.sub("", prose(text)))).strip()


def _echoes(call: ToolCall, answers: Sequence[str]) -> bool:
    """Whether a program only printed an answer that stands in it word for word."""
    if not answers or not is_executor(call.name):
        return False
    code = command_of(call.arguments)
    return any(answer[:200] in code or answer[:200] in code.replace("\\n", "\n") for answer in answers)


def _precision(number: str) -> int:
    """2 for a number of four significant digits or more, which nobody writes by chance; else 1."""
    return 2 if len(number.strip("-0").rstrip("0").replace(".", "")) >= 4 else 1


def _texts(items: Sequence[Element]) -> list[str]:
    return list(dict.fromkeys(item.text for item in items))
