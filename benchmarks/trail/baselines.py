"""What can be had without any detector: the yardstick of every figure beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from benchmarks.trail.adapter import fit
from benchmarks.trail.data import Pair
from benchmarks.trail.sightings import Examined
from pisama.trace import Trace

Predictor = Callable[[Examined], frozenset[Pair]]


def categories_everywhere(training: Sequence[Examined], count: int) -> Predictor:
    """The `count` categories most annotated in the training traces, on every model call."""
    tally = Counter(category for each in training for _, category in each.gold)
    ranked = sorted(tally, key=lambda category: (-tally[category], category))[:count]

    def predict(each: Examined) -> frozenset[Pair]:
        spans = {step.span_id for step in each.trace.steps if step.span_id}
        return frozenset((span, category) for span in spans for category in ranked)

    return predict


@dataclass(frozen=True, slots=True)
class _RolePrior:
    shares: Mapping[tuple[str, str], float]
    threshold: float

    def predict(self, each: Examined) -> frozenset[Pair]:
        wanted = [(role, name) for (role, name), share in self.shares.items() if share >= self.threshold]
        spans = roles(each.trace)
        return frozenset(
            (span, name) for span, role in spans.items() for known, name in wanted if known == role
        )


def role_prior(training: Sequence[Examined], per_trace: float) -> Predictor:
    """The categories most annotated on spans of the same role, about `per_trace` predictions a trace."""
    seen: Counter[str] = Counter()
    hits: Counter[tuple[str, str]] = Counter()
    for each in training:
        spans = roles(each.trace)
        seen.update(spans.values())
        hits.update((spans[span], category) for span, category in each.gold if span in spans)
    shares = {key: count / seen[key[0]] for key, count in hits.items()}
    threshold, predicted = 1.1, 0
    for share, key in sorted(((share, key) for key, share in shares.items()), reverse=True):
        predicted += seen[key[0]]
        if predicted > per_trace * len(training):
            break
        threshold = share
    return _RolePrior(shares, threshold).predict


def without_issues(training: Sequence[Examined]) -> Predictor:
    """The adapter's own table on the other signs alone: what its figures owe to parts and outcomes."""
    adapter = fit([_stripped(each) for each in training])
    return lambda each: adapter.predict(_stripped(each).candidates)


def _stripped(each: Examined) -> Examined:
    bare = tuple(replace(candidate, signs=_no_issues(candidate.signs)) for candidate in each.candidates)
    return replace(each, candidates=bare)


def _no_issues(signs: frozenset[str]) -> frozenset[str]:
    return frozenset(
        sign for sign in signs if not sign.removeprefix("tool: ").startswith(("issue ", "evidence "))
    )


def roles(trace: Trace) -> dict[str, str]:
    """The role of every span that holds a model call or a tool call, by its place in the run alone."""
    found: dict[str, str] = {}
    met: Counter[str] = Counter()
    for position, step in enumerate(trace.steps):
        met[step.agent] += 1
        who = "delegated" if step.parent is not None else "main"
        when = "last" if position == len(trace.steps) - 1 else str(min(met[step.agent], 4))
        what = "acts" if step.tool_calls else "speaks"
        if step.span_id:
            found[step.span_id] = f"{who} {when} {what}"
        for call in step.tool_calls:
            if call.span_id and call.span_id not in found:
                found[call.span_id] = f"{who} tool"
    return found
