"""The contract of a detector: one file, one failure, one generator."""

# Without `from __future__ import annotations`: pydantic would evaluate those of `Detector` for each of its subclasses.

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import ClassVar, NamedTuple, cast

import orjson
from pydantic import BaseModel, ConfigDict

from pisama.explained import fields_explained
from pisama.issue import Evidence, Fault, Finding, Issue, fingerprint
from pisama.trace import Step, Trace


class Needs(StrEnum):
    """What a trace must record for a detector to be able to say anything."""

    STEPS = "steps"
    CALLS = "tool calls"
    RESULTS = "tool results"
    TOOLS = "the tools offered"
    TASK = "the task"
    TEXT = "what the agents said"
    SEEN = "what the agents were given"
    ANSWER = "a final answer"
    USAGE = "token counts"
    TIMES = "times"
    AGENTS = "more than one agent"

    def recorded(self, trace: Trace) -> bool:
        """Whether the trace has it."""
        return _RECORDED[self](trace)


_RECORDED = {
    Needs.STEPS: lambda trace: bool(trace.steps),
    Needs.CALLS: lambda trace: any(step.tool_calls for step in trace.steps),
    Needs.RESULTS: lambda trace: any(
        call.result is not None or call.error is not None for _, call in trace.calls()
    ),
    Needs.TOOLS: lambda trace: bool(trace.tools),
    Needs.TASK: lambda trace: bool(trace.task),
    Needs.TEXT: lambda trace: (
        bool(trace.final_answer) or any(step.text or step.reasoning for step in trace.steps)
    ),
    Needs.SEEN: lambda trace: any(step.seen for step in trace.steps),
    Needs.ANSWER: lambda trace: trace.final_answer is not None,
    Needs.USAGE: lambda trace: any(step.usage is not None for step in trace.steps),
    Needs.TIMES: lambda trace: any(step.start is not None for step in trace.steps),
    Needs.AGENTS: lambda trace: len(trace.agents) > 1,
}


class Signal(NamedTuple):
    """One measurable sign of the failure. Confidence is measured per signal, not per detector."""

    shows: str
    """What was seen when it fires, in a few words."""
    severity: int
    """0-100, where the detector does not work it out from the facts."""
    confidence: float
    """Prior, 0-1; stands until a precision was measured on labelled traces."""
    fault: Fault = "agent"


class Example(NamedTuple):
    """A trace in the shorthand of `pisama.transcript` with what the detector must say of it."""

    title: str
    transcript: str
    at: tuple[int, ...] = ()
    """Steps at which an issue is expected, in order; empty for quiet examples."""


class Detector(BaseModel, ABC):
    """Base of all detectors. Fields of a subclass are its options, thresholds above all."""

    # `use_attribute_docstrings` would parse the source of each detector at each start: see `options_explained`. What
    # checks options is built for those detectors that are given some.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    id: ClassVar[str]
    needs: ClassVar[frozenset[Needs]]
    tags: ClassVar[tuple[str, ...]] = ()
    """Names of the same failure elsewhere, `mast:FM-1.3` or `trail:Resource Abuse`."""
    signals: ClassVar[Mapping[str, Signal]]
    covers: ClassVar[frozenset[str]] = frozenset()
    """Signals of other detectors, `tool_error.retried`, that say the same failure again when they stand on a step or
    a call that an issue of this detector stands on or quotes."""
    quiet: ClassVar[tuple[Example, ...]]
    fires: ClassVar[tuple[Example, ...]]

    @abstractmethod
    def check(self, trace: Trace) -> Iterator[Issue]:
        """Yield the failures in this trace. Pure: no I/O, no clock, no state."""

    @classmethod
    def title(cls) -> str:
        """The first sentence of the docstring: the failure in words."""
        return inspect.cleandoc(cls.__doc__ or "").split("\n", 1)[0]

    @classmethod
    def options_explained(cls) -> dict[str, str]:
        """What each option is: the string below its field, from the source; empty where that is not at hand."""
        return fields_explained(cls)

    def issue(
        self,
        trace: Trace,
        signal: str,
        step: Step | None,
        summary: str,
        *,
        evidence: tuple[Evidence, ...],
        recommendation: str,
        about: tuple[str, ...],
        severity: int | None = None,
        call: int | None = None,
        fault: Fault | None = None,
    ) -> Issue:
        """An issue of this detector at a step, or at a call of that step.

        `about` is the content that identifies the failure in another run (a tool and its
        arguments, a requirement, a claim): no step numbers, no times. `severity` and `fault`
        override the signal's own where the facts of the case say more.
        """
        sign = self.signals[signal]
        target = step.tool_calls[call] if step is not None and call is not None else step
        span_id = target.span_id if target is not None else None
        if span_id is None and step is not None:
            span_id = step.span_id
        return Issue(
            type=self.id,
            signal=signal,
            summary=summary,
            severity=sign.severity if severity is None else max(0, min(100, severity)),
            confidence=measured_confidence(self.id, signal, sign.confidence),
            recommendation=recommendation,
            agent=step.agent if step is not None else None,
            step=step.index if step is not None else None,
            span_id=span_id,
            evidence=evidence,
            fingerprint=fingerprint(f"{self.id}.{signal}", trace.task, about),
            fault=fault or sign.fault,
            at=(target.at if target is not None else None) or (step.at if step is not None else trace.at),
        )

    def issue_of(self, trace: Trace, finding: Finding) -> Issue:
        """The issue that an analysis found and put into words."""
        return self.issue(
            trace,
            finding.signal,
            finding.step,
            finding.summary,
            evidence=finding.evidence,
            recommendation=finding.recommendation,
            about=finding.about,
            severity=finding.severity,
            call=finding.call,
            fault=finding.fault,
        )


@cache
def _measured() -> Mapping[str, float]:
    table = resources.files("pisama.detectors").joinpath("confidence.json").read_bytes()
    return cast(dict[str, float], orjson.loads(table))


def measured_confidence(detector: str, signal: str, prior: float) -> float:
    """The precision measured for this signal on labelled traces, else the prior."""
    return _measured().get(f"{detector}.{signal}", prior)
