"""Withheld facts: what one side of a handoff had and the other one lacked, on the way there or on the way back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from pisama.elements import Element, ElementKind
from pisama.features import Features
from pisama.handoffs import Handoff
from pisama.issue import Evidence, Finding
from pisama.patterns import lazy
from pisama.text import containment, quote
from pisama.trace import Step, Trace

_ASKS_BACK = lazy(
    r"\b(?:please|could you|can you|would you|you need to|i need you to) (?:provide|share|specify|send|supply|clarify|give me|tell me)\b"
    r"|\b(?:was|were|is|are) not (?:provided|given|specified|supplied|included)\b"
    r"|\bno (?:url|link|file|path|id|identifier|address|email|number|name|date|attachment|details?)s?\b[^.\n]{0,40}\b(?:provided|given|specified|supplied|included)\b"
    r"|\b(?:missing|without) the (?:url|link|file|path|id|identifier|address|email|number|name|date|attachment|details?)\b"
    r"|\bwhich (?:file|order|user|customer|account|page|document|url|id)\b[^.\n]{0,60}\?",
    re.IGNORECASE,
)
_FOUND = lazy(
    r"\b(?:i (?:have )?(?:found|identified|located|determined|confirmed)|the (?:answer|result|value|year|number|name|total|price) is"
    r"|(?:it|this) (?:says|states|confirms|shows) that|found (?:it|the (?:answer|value|page|record)))\b",
    re.IGNORECASE,
)
_HEARD = 20_000
"""Characters of what came back that are compared with a report."""
_NOTHING = lazy(
    r"\b(?:(?:could|can|did|was|were|am|is) ?(?:not|n['’]t|unable to) (?:be )?(?:find|found|locate|located|determine|determined|identify|retrieve|retrieved|access)"
    r"|(?:was|were|am) unable to|no (?:relevant )?(?:results?|information|data|record|evidence|answer)s? (?:was|were|could be|is|are)? ?(?:found|available|located)"
    r"|nothing (?:was )?found|cannot (?:find|locate|determine|identify))",
    re.IGNORECASE,
)
_KEYS = frozenset({ElementKind.URL, ElementKind.EMAIL, ElementKind.PATH, ElementKind.IDENTIFIER})
_ADVICE = {
    "asked_back": "Hand {target} the task word for word with the request, identifiers and addresses in fields of their own.",
    "key_fact": "Hand {target} the task word for word with the request, identifiers and addresses in fields of their own.",
    "vague": "Have {agent} say what is to be done, to what, and what is to come back, or hand {target} the task itself.",
    "report_lost": "Return the report of {target} as the result of the handoff, and have {agent} print or keep it.",
    "finding_left_out": "Have the report of {target} list what was found so far, certain or not, with its sources.",
}


class Bounds(NamedTuple):
    """What is in order; what each means is told by the options of `withholding`."""

    max_shown: int
    min_findings: int
    kept_share: float
    vague_words: int
    known_share: float
    asked_share: float


def withheld(trace: Trace, table: Features, bounds: Bounds) -> Iterator[Finding]:
    """Every handoff, on the way there and on the way back; each signal of `withholding` once for each target."""
    told: set[tuple[str, str]] = set()
    for hand in table.handoffs:
        if not hand.visit:
            continue
        for finding in (*_there(trace, table, hand, bounds), *_back(table, hand, bounds)):
            if (finding.signal, hand.target) not in told:
                told.add((finding.signal, hand.target))
                yield finding


def _there(trace: Trace, table: Features, hand: Handoff, bounds: Bounds) -> Iterator[Finding]:
    """What the target asks for, or fails for want of, and nobody told it."""
    given = "\n".join((hand.request, *(message.text for message in hand.visit[0].seen)))
    knows_task = containment(table.stem_set(trace.task or ""), table.stem_set(given)) >= bounds.known_share
    few = len(table.stem_set(hand.request)) < bounds.vague_words and not table.elements(hand.request)
    if few and hand.request.strip() and not knows_task and trace.task:
        yield _finding(
            "vague",
            hand,
            hand.step,
            f"{hand.step.agent} gave {hand.target} work in words that say nothing to an agent which does not know the task.",
            hand.request,
        )
        return
    lost = [] if few else _lost_keys(trace, table, given)
    reply = "\n".join(step.words for step in hand.visit)
    if not lost:
        return
    names = ", ".join(element.text for element in lost[: bounds.max_shown])
    if (asking := _ASKS_BACK.search(reply)) is not None:
        signal, what, shown = "asked_back", "asks for what is missing", quote(reply, asking.start())
    elif (failing := _NOTHING.search(hand.report)) is not None:
        signal, what, shown = "key_fact", "fails", quote(hand.report, failing.start())
    else:
        return
    yield _finding(
        signal,
        hand,
        hand.step,
        f"{hand.step.agent} did not pass on {names} to {hand.target}, which {what}.",
        hand.request,
        (Evidence(shown, hand.visit[-1].index, note="the reply"),),
    )


def _back(table: Features, hand: Handoff, bounds: Bounds) -> Iterator[Finding]:
    """What the target knew in the end and the one who asked did not hear."""
    request, report = table.element_values(hand.request), hand.report
    if hand.step.tool_calls and hand.following is not None:
        findings = {
            element.value: element for element in table.elements(report) if element.value not in request
        }
        if len(findings) >= bounds.min_findings and _is_lost(table, hand, set(findings), bounds.kept_share):
            names = ", ".join(element.text for element in list(findings.values())[: bounds.max_shown])
            yield _finding(
                "report_lost",
                hand,
                hand.step,
                f"The report of {hand.target} ({names}) did not reach {hand.step.agent}.",
                hand.answer or hand.request or report,
                (Evidence(quote(report), hand.visit[-1].index, note="the report"),),
            )
            return
    if _NOTHING.search(report[:2000]) is not None:
        yield from _left_out(table, hand, bounds.asked_share)


def _is_lost(table: Features, hand: Handoff, findings: set[str], kept_share: float) -> bool:
    """Whether the one who asked heard less than this share of what was found."""
    heard = "\n".join(_heard(hand))
    if hand.report in heard[:_HEARD]:
        return False
    return containment(findings, table.element_values(heard)) < kept_share


def _left_out(table: Features, hand: Handoff, asked_share: float) -> Iterator[Finding]:
    """The first finding of the target that was asked for and that its report of failure has not."""
    reported = table.element_values(hand.report) | table.element_values(hand.request)
    for step in hand.visit[:-1]:
        for sentence in table.sentences(step.words):
            facts = [item for item in table.elements(sentence) if item.value not in reported]
            if (
                facts
                and _FOUND.search(sentence)
                and not _NOTHING.search(sentence)
                and "?" not in sentence
                and _common(table, sentence, hand.request) >= asked_share
            ):
                yield _finding(
                    "finding_left_out",
                    hand,
                    hand.visit[-1],
                    f"{hand.target} reports that it found nothing, though it had said: {quote(sentence, width=120)}",
                    hand.report,
                    (Evidence(quote(sentence), step.index, note="what it had found"),),
                )
                return


def _common(table: Features, sentence: str, request: str) -> float:
    """The share of the words of the shorter of two texts that the longer one has too."""
    shorter, longer = sorted((table.stem_set(sentence), table.stem_set(request)), key=len)
    return containment(shorter, longer)


def _finding(
    signal: str,
    hand: Handoff,
    step: Step,
    summary: str,
    shown: str,
    more: tuple[Evidence, ...] = (),
) -> Finding:
    return Finding(
        signal,
        step,
        summary if summary.endswith((".", "…", "!", "?")) else f"{summary}.",
        evidence=(Evidence(quote(shown) or summary, step.index), *more),
        recommendation=_ADVICE[signal].format(target=hand.target, agent=hand.step.agent),
        about=(hand.step.agent, hand.target, shown[:400]),
    )


def _lost_keys(trace: Trace, table: Features, given: str) -> list[Element]:
    """Addresses and identifiers of the task that the target was not given."""
    heard = given.lower()
    return [
        element
        for element in table.elements(trace.task or "")
        if element.kind in _KEYS and element.text.lower() not in heard and element.value not in heard
    ]


def _heard(hand: Handoff) -> list[str]:
    """What the one who handed over was given at its next act."""
    own = [call.result or call.error or "" for call in hand.step.tool_calls]
    return own + [message.text for message in (hand.following.seen if hand.following is not None else ())]
