"""Stalls: measures that a tool reports and that stop moving while the agent goes on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from pisama.features import CallFeatures
from pisama.patterns import lazy
from pisama.spots import find_near

Measures: TypeAlias = tuple[tuple[str, str], ...]
"""Names and values, by name."""

HEAD = 3_000
"""Characters at the beginning of a report in which measures are looked for."""
TAIL = 1_000
"""Characters at its end."""

_MEASURE = lazy(
    r"\b(?P<name>(?:val(?:idation)?|train(?:ing)?|test|mean|average|avg|total|best|current|final)?[ _-]?"
    r"(?:loss|accuracy|acc|score|f1|reward|auc|rmse|mae|mse|bleu|rouge|perplexity|coverage|progress|pass[ _]rate|win[ _]rate"
    r"|error[ _]rate|fitness|objective|recall|precision|throughput|latency))\b[^\d\n.,;-]{0,12}"
    r"(?P<value>-?\d{1,12}(?:\.\d{1,12})?)(?P<percent> ?%)?"
    r"|\b(?P<count>\d{1,7}) (?P<what>failed|failing|failures?|errors?|violations?|conflicts?|remaining|unresolved)\b",
    re.IGNORECASE,
)
_MEASURE_WORDS = tuple(
    """loss acc score f1 reward auc rmse mae mse bleu rouge perplexity coverage progress rate fitness objective recall
    precision throughput latency fail error violation conflict remaining unresolved""".split()
)
_LOW_IS_GOOD = ("loss", "error", "rmse", "mae", "mse", "perplexity", "latency")


def measures(report: str) -> Measures:
    """Names and values of the measures in a report that are not yet as good as they can be."""
    text = report if len(report) <= HEAD + TAIL else f"{report[:HEAD]}\n{report[-TAIL:]}"
    found: dict[str, str] = {}
    for match in find_near(_MEASURE, text, _MEASURE_WORDS, before=16, after=70):
        name = (match["name"] or match["what"]).strip(" _-").lower()
        found[name] = match["value"] or match["count"]
        if _ideal(name, found[name], is_percent=match["percent"] is not None):
            del found[name]
    return tuple(sorted(found.items()))


def _ideal(name: str, value: str, *, is_percent: bool) -> bool:
    number = float(value)
    if name.startswith(("fail", "error", "violation", "conflict", "remaining", "unresolved")) or any(
        word in name for word in _LOW_IS_GOOD
    ):
        return number == 0
    return number == 100 if is_percent else number in (1, 100)


def unmoved(calls: Iterable[CallFeatures], at_least: int) -> Iterator[tuple[list[CallFeatures], Measures]]:
    """Stretches of one agent's calls of one tool that report the same measures, other calls between them or not.

    Only stretches of `at_least` calls; no report is read of a tool that was called less often.
    """
    by_tool: dict[tuple[str, str], list[CallFeatures]] = {}
    for call in calls:
        if call.call.result:
            by_tool.setdefault((call.step.agent, call.name), []).append(call)
    for group in by_tool.values():
        if len(group) >= at_least:
            yield from (stretch for stretch in _stretches(group) if len(stretch[0]) >= at_least)


def _stretches(group: Iterable[CallFeatures]) -> Iterator[tuple[list[CallFeatures], Measures]]:
    stretch: list[CallFeatures] = []
    values: Measures = ()
    read: dict[int | None, Measures] = {}
    for call in group:
        found = read.get(call.returned)
        if found is None:
            found = read[call.returned] = measures(call.call.result or "")
        if not found:
            continue
        if found != values and stretch:
            yield stretch, values
            stretch = []
        values = found
        stretch.append(call)
    yield stretch, values
