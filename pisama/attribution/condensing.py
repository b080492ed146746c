"""A run within a budget: the steps that matter most whole, the others shortened, the least of them left out.

A step is one line of JSON, so nothing in it can pass for another step.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

import orjson

from pisama.acts import as_words
from pisama.patterns import lazy
from pisama.redact import redact, redact_known
from pisama.report import TraceReport
from pisama.trace import Step
from pisama.unseen import visible_json

NAME_WIDTH = 120
"""Characters of a name of an agent or a tool."""
LIMITS = (4_000, 1_500, 600, 250, 100)
"""Characters of a text of a step that is not shown whole; the largest that fits the budget."""
RESULT_LIMIT = 2_000
"""Characters of what a decisive step was given and got back, when it does not fit whole."""
WHOLE_SHARE = 0.6
"""Part of the budget for steps that are shown whole."""
MOST_ITEMS = 20
"""Messages and calls of a step that are told when it is not shown whole."""
NEIGHBOURS = (-1, 1)
"""Steps around a candidate that show what it answered and what was made of it."""

_SURROGATE = lazy("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Condensed:
    """The lines of the steps in their order, and who took each step that can be seen in them."""

    lines: tuple[bytes, ...]
    shown: dict[int, str]
    """Agent as it is named in the lines, by the number of the step."""


def condensed(
    report: TraceReport, candidates: Sequence[int], room: int, secrets: Set[str]
) -> Condensed | None:
    """The steps of a run in at most so many bytes; None when the first candidate alone does not fit.

    `candidates` are numbers of steps, the likeliest first. The words and calls of the first are never cut.
    """
    run = _Run(report.trace.steps, secrets)
    order = list(_by_weight(report, candidates))
    lines: dict[int, bytes] = {}
    for position in order:
        line = _fitting(run.steps[position], room, int(room * WHOLE_SHARE) - _size(lines), first=not lines)
        if line is None and not lines:
            return None
        if line is not None:
            lines[position] = line
    rest = [position for position in range(len(run.steps)) if position not in lines]
    room -= _size(lines)
    for limit in LIMITS:
        short = {position: run.steps[position].line(limit, limit) for position in rest}
        if _size(short) <= room:
            return run.condensed(lines | short)
    for position in _nearest(rest, list(lines)):
        # What is left out between two steps that are shown takes a line of its own.
        room -= len(short[position]) + _GAP
        if room < _GAP:
            break
        lines[position] = short[position]
    return run.condensed(lines)


_GAP = 60
"""Bytes of a line that says which steps are left out."""


def _fitting(step: _Text, room: int, share: int, *, first: bool) -> bytes | None:
    """A step whole, if that fits its share; the decisive one at least with its own words and calls whole."""
    whole = step.line(None, None)
    if len(whole) <= share:
        return whole
    if not first:
        return None
    own = step.line(None, RESULT_LIMIT)
    return own if len(own) <= room else None


def _size(lines: dict[int, bytes]) -> int:
    return sum(len(line) + 1 for line in lines.values())


def _by_weight(report: TraceReport, candidates: Sequence[int]) -> Iterator[int]:
    """Positions of the steps to show whole, the most important first: candidates, places of issues, neighbours."""
    position_of = {step.index: position for position, step in enumerate(report.trace.steps)}
    named = [position_of[number] for number in candidates]
    issues = [position_of[issue.step] for issue in report.issues if issue.step in position_of]
    beside = [position + offset for position in named for offset in NEIGHBOURS]
    ends = (0, len(report.trace.steps) - 1)
    known = (position for position in (*named, *issues, *beside, *ends) if 0 <= position < len(position_of))
    return iter(dict.fromkeys(known))


def _nearest(rest: Sequence[int], shown: Sequence[int]) -> list[int]:
    """The positions of `rest`, those nearest to one that is shown first."""
    places = sorted(shown)

    def distance(position: int) -> int:
        after = bisect(places, position)
        return min(abs(place - position) for place in places[max(0, after - 1) : after + 1])

    return sorted(rest, key=lambda position: (distance(position), position))


class _Run:
    """All steps of a run with their texts redacted once."""

    def __init__(self, steps: Sequence[Step], secrets: Set[str]) -> None:
        known: set[str] = set()
        self.steps = [_Text(step, known, secrets) for step in steps]

    def condensed(self, lines: dict[int, bytes]) -> Condensed:
        """These lines in the order of the steps, with a line for each run of steps that has none."""
        made: list[bytes] = []
        shown: dict[int, str] = {}
        missing: list[int] = []
        for position, step in enumerate(self.steps):
            if position not in lines:
                missing.append(step.index)
                continue
            made += _left_out(missing)
            missing = []
            made.append(lines[position])
            shown[step.index] = step.agent
        return Condensed((*made, *_left_out(missing)), shown)


def _left_out(numbers: Sequence[int]) -> Iterator[bytes]:
    if numbers:
        yield json_line({"steps_left_out": f"{numbers[0]} to {numbers[-1]}"})


class _Text:
    """A step as it is told, its texts redacted once."""

    def __init__(self, step: Step, known: set[str], secrets: Set[str]) -> None:
        def clean(text: str) -> str:
            return cleaned(text, secrets)

        self.index, self.agent = step.index, name(step.agent)
        self.recipient = name(step.recipient) if step.recipient else None
        own = {"reasoning": step.reasoning, "text": step.text, "error": step.error}
        self.own = {key: clean(text) for key, text in own.items() if text}
        # What other agents say are steps of their own, and results stand with their calls.
        self.given = [
            (name(message.name or message.role), clean(message.text))
            for message in step.seen
            if message.role != "assistant" and message.text not in known
        ]
        known.update(message.text for message in step.seen)
        self.calls: list[tuple[str, str, dict[str, str]]] = []
        for call in step.tool_calls:
            back = {"result": call.result, "error": call.error}
            known.update(text for text in back.values() if text)
            came = {key: clean(text) for key, text in back.items() if text is not None}
            self.calls.append((name(call.name), clean(as_words(call.arguments)), came))

    def line(self, own: int | None, around: int | None) -> bytes:
        """The step as a line of JSON: its own words cut to `own` characters, what it was given and got back to `around`."""
        told: dict[str, object] = {"step": self.index, "agent": self.agent}
        if self.recipient:
            told["to"] = self.recipient
        most = None if around is None else MOST_ITEMS
        if self.given:
            told["given"] = [{"from": who, "text": cut(text, around)} for who, text in self.given[:most]]
        told |= {key: cut(text, own) for key, text in self.own.items()}
        most = None if own is None else MOST_ITEMS
        if self.calls:
            told["calls"] = [
                {"tool": tool, "arguments": cut(arguments, own)}
                | {key: cut(text, around) for key, text in came.items()}
                for tool, arguments, came in self.calls[:most]
            ]
        if most is not None and len(self.calls) > most:
            told["calls_left_out"] = len(self.calls) - most
        return json_line(told)


def json_line(value: object) -> bytes:
    """A value as one line, in which every character is seen: JSON writes a line break within a text as two others,
    and what could hide words from people, but not from a model, is written as its number.
    """
    return visible_json(orjson.dumps(value).decode()).encode()


def cleaned(text: str, secrets: Set[str] = frozenset()) -> str:
    """The text without secrets, also those that are known from elsewhere, and without lone surrogates, which
    nothing can send.
    """
    return _SURROGATE.sub("\ufffd", redact_known(redact(text), secrets))


def name(text: str) -> str:
    """The name of an agent or a tool as it is told."""
    return cut(cleaned(text), NAME_WIDTH)


def cut(text: str, limit: int | None) -> str:
    """The beginning and the end of a text that is longer, and how much is missing between them."""
    if limit is None or len(text) <= limit:
        return text
    head = limit * 2 // 3
    tail = limit - head
    return f"{text[:head]} [… {len(text) - limit:,} characters left out …] {text[-tail:]}"
