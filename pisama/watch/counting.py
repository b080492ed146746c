"""Counting what has been captured, as it comes, each call of a model once."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from dataclasses import replace

from pisama.loaders import names
from pisama.loaders.span_kinds import kind_of
from pisama.loaders.span_messages import join_said, read_conversation
from pisama.loaders.span_steps import usage_of
from pisama.loaders.spans import SpanRecord
from pisama.loaders.values import as_string
from pisama.output.terminal import printable
from pisama.prices import price_of
from pisama.trace import Step, ToolCall, Usage
from pisama.watch.captured import Tally
from pisama.watch.follow import place_of

MAX_NOW = 100
"""Characters of what the agent does now."""
_REMEMBERED = 1_024
"""Calls against which one recorded in another way is compared, the latest ones."""


class Counter:
    """Sums up spans. The cost of one does not grow with the number of those before it."""

    def __init__(self) -> None:
        self.tally = Tally()
        self._on_wire: list[int] = []
        self._elsewhere: list[tuple[int, int]] = []
        self._around: set[str] = set()
        self._numbers: dict[str, int] = {}

    def number_of(self, span_id: str | None) -> int | None:
        """The number, from 1, of the step that this span was counted as."""
        return self._numbers.get(span_id or "")

    def add(self, span: SpanRecord) -> None:
        """The next span."""
        source = "proxy" if span.scope == names.WATCH_SCOPE else "spans"
        sources = self.tally.sources
        self.tally = replace(
            self.tally,
            spans=self.tally.spans + 1,
            sources=sources if source in sources else (*sources, source),
        )
        if kind_of(span.name, span.attributes, span.kind) != "llm" or self._is_known(span):
            return
        self._count(span)

    def add_acts(self, steps: Iterable[Step], latest: int) -> int:
        """The acts of a followed file that were recorded after this line, or number; the last of them."""
        for step in steps:
            if place_of(step) <= latest:
                continue
            latest = place_of(step)
            self._sum_up(step.text, step.tool_calls, step.usage, step.error)
        return latest

    def _count(self, span: SpanRecord) -> None:
        text, _, calls, _ = join_said(read_conversation(span).said)
        usage = usage_of(span.attributes)
        if usage is not None and usage.cost is None:
            model = as_string(names.look_up(span.attributes, names.MODEL))
            provider = as_string(span.attributes.get("gen_ai.provider.name")) or ""
            usage = replace(usage, cost=price_of(usage, model, provider))
        self._numbers[span.id] = self.tally.steps + 1
        failure = (span.status_message or "no reason given") if span.status == "error" else None
        self._sum_up(text, calls, usage, failure)

    def _sum_up(
        self, text: str, calls: tuple[ToolCall, ...], usage: Usage | None, failure: str | None
    ) -> None:
        before = self.tally
        cost = usage.cost if usage is not None else None
        self.tally = replace(
            before,
            steps=before.steps + 1,
            calls=before.calls + len(calls),
            errors=before.errors + (failure is not None),
            tokens=before.tokens + (usage.tokens if usage is not None else 0),
            cost=before.cost if cost is None else (before.cost or 0.0) + cost,
            unpriced=before.unpriced + (usage is not None and cost is None),
            now=_words(text, calls, failure),
        )

    def _is_known(self, span: SpanRecord) -> bool:
        """Whether this call was counted when it was recorded in another way; notes it otherwise."""
        begun = span.start or 0
        middle = begun + ((span.end or begun) - begun) // 2
        if span.scope == names.WATCH_SCOPE:
            if any(start <= begun and middle <= end for start, end in self._elsewhere):
                return True
            insort(self._on_wire, begun)
            del self._on_wire[:-_REMEMBERED]
            return False
        if span.id in self._around:
            return True
        self._around.add(span.parent_id or "")
        if bisect_left(self._on_wire, begun) < bisect_right(self._on_wire, span.end or begun):
            return True
        self._elsewhere.append((begun, span.end or begun))
        del self._elsewhere[:-8]
        return False


def _words(text: str, calls: tuple[ToolCall, ...], failure: str | None) -> str:
    """What the agent does, as a call of a tool or as the beginning of what it says."""
    if failure is not None:
        words = f"the model call failed: {failure}"
    elif calls:
        words = "calls " + ", ".join(f"{call.name}({_arguments(call)})" for call in calls)
    else:
        words = f"says: {text.strip()}"
    return _short(printable(words), MAX_NOW)


def _arguments(call: ToolCall) -> str:
    if isinstance(call.arguments, dict):
        values = (f"{key}={_short(str(value), 40)}" for key, value in list(call.arguments.items())[:4])
        return ", ".join(values)
    return _short(str(call.arguments or ""), 40)


def _short(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
