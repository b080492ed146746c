"""What is computed once a trace, lazily, and read by many detectors.

`features(trace)` is the door. Texts are keyed by themselves, so a text that occurs in several
places (a result, and the next step's `seen`) is analysed once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar
from weakref import WeakKeyDictionary

import orjson

from pisama import claims as claim_module
from pisama import directives as directive_module
from pisama import elements as element_module
from pisama import plans as plan_module
from pisama import text as words_module
from pisama.budget import check_budget
from pisama.claims import Announcement, Claim, Pretence
from pisama.directives import Directive
from pisama.elements import Element
from pisama.facts import Told, all_told
from pisama.handoffs import Handoff, handoffs
from pisama.json_writing import to_json
from pisama.offered import Offer, offer_in, prompts, together
from pisama.outcomes import Outcome, outcome_of
from pisama.plans import Plan
from pisama.trace import JSON, Step, ToolCall, Trace

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, eq=False)
class CallFeatures:
    """A tool call with all that detectors ask about it."""

    step: Step
    number: int
    """Position in the step's tool calls, 0-based."""
    position: int
    """Position among all calls of the trace, 0-based."""
    call: ToolCall
    key: int
    """Equal for calls of the same tool with the same arguments, however they were written."""
    outcome: Outcome
    state: int
    """Equal for calls of the same agent with the same `key` and the same result, times aside."""
    returned: int | None
    """Equal for calls that returned the same text, times aside; None when no result was recorded."""

    @property
    def name(self) -> str:
        """The tool's name."""
        return self.call.name


class Features:
    """The shared table of one trace. Everything is computed at first use."""

    def __init__(self, trace: Trace) -> None:
        self._steps = trace.steps
        self._tools = trace.tools
        self._memory: dict[tuple[str, str], object] = {}

    @cached_property
    def calls(self) -> tuple[CallFeatures, ...]:
        """Every tool call of the trace, in order."""
        return tuple(self._each_call())

    @cached_property
    def calls_by_step(self) -> dict[int, tuple[CallFeatures, ...]]:
        """The calls of each step that made any, by the step's index."""
        found: dict[int, list[CallFeatures]] = {}
        for call in self.calls:
            found.setdefault(call.step.index, []).append(call)
        return {index: tuple(calls) for index, calls in found.items()}

    @cached_property
    def failed_calls(self) -> tuple[CallFeatures, ...]:
        """The calls that are known to have failed."""
        return tuple(call for call in self.calls if call.outcome.failed)

    @cached_property
    def handoffs(self) -> tuple[Handoff, ...]:
        """Every handoff of the run, in order."""
        return handoffs(self._steps)

    @cached_property
    def offered(self) -> Offer:
        """What the run's agents were offered, in fields of the record and in their prompts."""
        recorded = Offer(frozenset(tool.name for tool in self._tools or ()))
        return together([recorded, *(self.offer(text) for text in prompts(self._steps))])

    def offer(self, text: str) -> Offer:
        """`offered.offer_in`, once per text."""
        return self.once("offer", text, offer_in)

    def stems(self, text: str) -> list[str]:
        """`text.stems`, once per text."""
        return self.once("stems", text, words_module.stems)

    def stem_set(self, text: str) -> frozenset[str]:
        """The distinct stems of a text."""
        return self.once("stem_set", text, lambda given: frozenset(self.stems(given)))

    def shingles(self, text: str) -> frozenset[tuple[str, ...]]:
        """Runs of three stems of a text."""
        return self.once("shingles", text, lambda given: words_module.shingles(self.stems(given)))

    def sentences(self, text: str) -> list[str]:
        """`text.sentences`, once per text."""
        return self.once("sentences", text, words_module.sentences)

    def elements(self, text: str) -> tuple[Element, ...]:
        """`elements.elements`, once per text."""
        return self.once("elements", text, lambda given: tuple(element_module.elements(given)))

    def element_values(self, text: str) -> frozenset[str]:
        """The normalised values of a text's elements."""
        return self.once("values", text, lambda given: frozenset(item.value for item in self.elements(given)))

    def told(self, text: str) -> Told:
        """`facts.all_told`, once per text."""
        return self.once("told", text, lambda given: all_told(given, self.elements))

    def plans(self, text: str) -> tuple[Plan, ...]:
        """`plans.plans`, once per text."""
        return self.once("plans", text, plan_module.plans)

    def claims(self, text: str) -> tuple[Claim, ...]:
        """The finished acts a text reports, once per text."""
        return self.once("claims", text, lambda given: tuple(claim_module.claims(given)))

    def announcements(self, text: str) -> tuple[Announcement, ...]:
        """The acts a text announces as its own next ones, once per text."""
        return self.once("announcements", text, lambda given: tuple(claim_module.announcements(given)))

    def pretences(self, text: str) -> tuple[Pretence, ...]:
        """The places where a text makes up data or results, once per text."""
        return self.once("pretences", text, lambda given: tuple(claim_module.pretences(given)))

    def directives(self, text: str) -> tuple[Directive, ...]:
        """`directives.directives`, once per text."""
        return self.once("directives", text, directive_module.directives)

    def once(self, what: str, text: str, compute: Callable[[str], Value]) -> Value:
        """`compute(text)`, once per text and `what`, which names it: for whatever else a detector needs of many texts.

        `compute` always has to be the same for the same `what`. Raises what it raises.
        """
        key = (what, text)
        if key not in self._memory:
            check_budget()
            self._memory[key] = compute(text)
        return self._memory[key]  # type: ignore[return-value]

    def _each_call(self) -> Iterator[CallFeatures]:
        position = 0
        for step in self._steps:
            for number, call in enumerate(step.tool_calls):
                key = hash((call.name, canonical(call.arguments)))
                returned = call.result if call.result is not None else call.error
                result = None if returned is None else hash(words_module.stable(returned))
                state = hash((step.agent, key, result, call.error is not None))
                yield CallFeatures(step, number, position, call, key, outcome_of(call), state, result)
                position += 1


def canonical(arguments: JSON) -> bytes:
    """Arguments as bytes that are equal when the arguments are, whatever the order of their keys."""
    try:
        return orjson.dumps(arguments, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    except (orjson.JSONEncodeError, TypeError):
        return to_json(arguments).encode("utf-8", "surrogatepass")


_tables: WeakKeyDictionary[Trace, Features] = WeakKeyDictionary()


def features(trace: Trace) -> Features:
    """The table of this trace; the same one as long as the trace lives."""
    table = _tables.get(trace)
    if table is None:
        table = _tables[trace] = Features(trace)
    return table
