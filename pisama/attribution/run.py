"""A run as attribution reads it: what each step brought in, and what became of it.

Everything here is taken from the trace once, in one pass over its steps; texts are read up to a
limit, so that the work is linear in the number of steps.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from pisama.acts import as_words
from pisama.attribution.wording import HAS
from pisama.claims import prose
from pisama.features import CallFeatures, Features, features
from pisama.issue import Issue
from pisama.patterns import lazy
from pisama.report import TraceReport
from pisama.trace import Step, ToolCall

TEXT_LIMIT = 6_000
"""Characters of a text whose words are read."""
SPEECH = 30
"""Characters from which a text can pass for the answer of a run that recorded none."""
SOME = 2
"""New values from which a step brings something in; a single one is often a slip of the pen."""
RESTATED = 0.6
"""Share of the task's words from which a first step restates the task."""

Origin = Literal["said", "coded", "returned"]

_EMPTY = lazy(r"(?:none|\[\]|\{\}|0|nan|null|\[none\]|)\W{0,40}", re.IGNORECASE)
_CONSOLE = "Code output:"
"""What executors of AutoGen print before the output itself."""

Values = frozenset[str]


@dataclass(slots=True)
class Contribution:
    """What one step brought into the run, as normalised values of `pisama.elements`."""

    said: Values
    coded: Values
    """In the arguments of its calls."""
    new: Values
    """Said, and in nothing before it."""
    new_coded: Values
    new_returned: Values
    unbacked: Values
    """Said, and in no task, no system's, user's or tool's words so far."""


@dataclass(slots=True)
class Run:
    """One trace with its issues, step by step; every list has one item a step."""

    report: TraceReport
    steps: tuple[Step, ...] = field(init=False)
    table: Features = field(init=False)
    texts: list[str] = field(init=False)
    """What a step wrote, bounded."""
    prose: list[str] = field(init=False)
    """The same without code and quotes."""
    arguments: list[str] = field(init=False)
    """What a step handed to its calls, bounded."""
    stems: list[frozenset[str]] = field(init=False)
    calls: list[tuple[CallFeatures, ...]] = field(init=False)
    failed: list[bool] = field(init=False)
    empty: list[bool] = field(init=False)
    """It called, nothing failed, and nothing came back."""
    contributions: list[Contribution] = field(init=False)
    origins: dict[str, tuple[int, Origin]] = field(init=False)
    """Where each value of the run that no one gave comes from: position of the step, and how."""
    task_stems: frozenset[str] = field(init=False)
    answer: Values = field(init=False)
    """The values of the final answer that the task does not hold."""
    issues: list[list[Issue]] = field(init=False)
    leaders: frozenset[str] = field(init=False)
    """Agents that give work to others."""
    useful: list[bool] = field(init=False)
    """It called, nothing failed, and something came back."""
    contributes: list[bool] = field(init=False)
    """It calls something, or brings in values without restating the task, and does not lead."""
    asserts: list[bool] = field(init=False)
    """It presents new values without a call, and does not lead: what a leader notes is a plan, not evidence."""

    def __post_init__(self) -> None:
        trace = self.report.trace
        self.steps = trace.steps
        self.table = features(trace)
        self.texts = [step.words[:TEXT_LIMIT] for step in self.steps]
        self.prose = [prose(text) for text in self.texts]
        self.arguments = [_arguments(step.tool_calls) for step in self.steps]
        self.stems = [self.table.stem_set(text) for text in self.texts]
        self.calls = [self.table.calls_by_step.get(step.index, ()) for step in self.steps]
        self.failed = [any(call.outcome.failed for call in calls) for calls in self.calls]
        self.empty = [
            bool(calls) and not failed and all(_came_back_empty(call) for call in calls)
            for calls, failed in zip(self.calls, self.failed, strict=True)
        ]
        task = trace.task or ""
        self.task_stems = self.table.stem_set(task)
        self.origins = {}
        self.contributions = list(self._contributions(self.table.element_values(task)))
        self.answer = self.table.element_values(self._answer()) - self.table.element_values(task)
        by_step: dict[int | None, list[Issue]] = {}
        for issue in (*self.report.issues, *self.report.hidden):
            by_step.setdefault(issue.step, []).append(issue)
        self.issues = [by_step.get(step.index, []) for step in self.steps]
        self.leaders = frozenset(step.agent for step in self.steps if step.recipient is not None)
        self.useful = [
            bool(calls) and not failed and not empty
            for calls, failed, empty in zip(self.calls, self.failed, self.empty, strict=True)
        ]
        positions = range(len(self.steps))
        self.contributes = [self._contributes(position) for position in positions]
        self.asserts = [self._asserts(position) for position in positions]

    @property
    def led(self) -> bool:
        """Whether somebody of the run gives work to others, as far as it was recorded."""
        return any(step.recipient is not None or step.parent is not None for step in self.steps)

    @property
    def alone(self) -> bool:
        """Whether one agent does it all: then to be the first to act tells nothing."""
        return len(self.report.trace.agents) == 1

    def restates_task(self, position: int) -> bool:
        """Whether a step is the first one and mostly says what the task says."""
        return position == 0 and share(self.task_stems, self.stems[0]) > RESTATED

    def leads(self, position: int) -> bool:
        """Whether the agent of a step gives work to others."""
        return self.steps[position].agent in self.leaders

    def _contributes(self, position: int) -> bool:
        brings = len(self.contributions[position].new) >= SOME and not self.restates_task(position)
        return (bool(self.calls[position]) or brings) and not self.leads(position)

    def _asserts(self, position: int) -> bool:
        new = not self.calls[position] and len(self.contributions[position].new) >= SOME
        own = not self.leads(position) and not self.restates_task(position)
        return new and own and HAS.search(self.prose[position]) is not None

    def _answer(self) -> str:
        said = (step.text for step in reversed(self.steps) if len(step.text) > SPEECH)
        return self.report.trace.final_answer or next(said, "")

    def _contributions(self, given: Values) -> Iterator[Contribution]:
        known, backed = set(given), set(given)
        for position, step in enumerate(self.steps):
            for message in step.seen:
                if message.role != "assistant":
                    shown = self.table.element_values(message.text)
                    known |= shown
                    backed |= shown
            said = self.table.element_values(step.words)
            coded = self.table.element_values(self.arguments[position])
            returned: Values = frozenset().union(
                *(self.table.element_values(returned_by(call)) for call in self.calls[position])
            )
            new, new_coded = said - known, coded - known
            known |= said | coded
            new_returned = returned - known
            known |= returned
            self._remember(position, new_coded, "coded")
            self._remember(position, new, "said")
            self._remember(position, new_returned, "returned")
            unbacked = frozenset(value for value in said if value not in backed)
            yield Contribution(said, coded, new, new_coded, new_returned, unbacked)
            backed |= returned

    def _remember(self, position: int, values: Values, origin: Origin) -> None:
        for value in values:
            self.origins.setdefault(value, (position, origin))


def returned_by(call: CallFeatures) -> str:
    """What a call returned, or how it failed; empty when neither was recorded."""
    return (call.call.result if call.call.result is not None else call.call.error) or ""


def share(part: frozenset[str], whole: frozenset[str]) -> float:
    """The share of `part` that is in `whole`; 0 of nothing."""
    return len(part & whole) / len(part) if part else 0.0


def likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """What two sets have in common, as a share of all that is in either (Jaccard)."""
    return len(one & other) / max(1, len(one | other))


def _arguments(calls: tuple[ToolCall, ...]) -> str:
    parts = (
        as_words(value)[:TEXT_LIMIT]
        for call in calls
        for value in (call.arguments.values() if isinstance(call.arguments, dict) else (call.arguments,))
    )
    return "\n".join(parts)


def _came_back_empty(call: CallFeatures) -> bool:
    output = returned_by(call).rpartition(_CONSOLE)[2].strip()
    return call.outcome.empty or _EMPTY.fullmatch(output[:200]) is not None
