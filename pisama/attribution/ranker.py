"""Who and when, without a model: the steps of a failed run by how likely each is the decisive mistake."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum

from pisama.attribution.model import Weights, shipped
from pisama.attribution.reasons import reason
from pisama.attribution.recorded import secrets_of
from pisama.attribution.run import Run
from pisama.attribution.signs import signs
from pisama.redact import redact_known
from pisama.report import Attribution, Candidate, TraceReport

CANDIDATES = 5
"""Steps named, best first."""
MOST_STEPS = 20_000
"""Steps of a run from which nothing is attributed: among so many the answer would be a guess."""
AGENT_WEIGHT = 0.5
"""How much the suspicion against an agent's other steps counts for each of its steps: the geometric
mean of a step's probability and its agent's."""


def rank(report: TraceReport, weights: Weights | None = None) -> Attribution | None:
    """The attribution of a run that is known to have failed; None without steps, or with too many.

    `weights` replaces those that pisama ships with.
    """
    if not 0 < len(report.trace.steps) <= MOST_STEPS:
        return None
    run = Run(report)
    columns = signs(run)
    model = (weights or shipped()).for_run(led=run.led)
    likely = model.probabilities(columns)
    scores = together(likely, [step.agent for step in run.steps])
    best = sorted(range(len(scores)), key=lambda position: -scores[position])[:CANDIDATES]
    candidates = tuple(
        Candidate(
            agent=run.steps[position].agent,
            step=run.steps[position].index,
            span_id=run.steps[position].span_id,
            score=round(scores[position], 4),
            # A value that a reason names stands there without the words that told that it is a secret.
            reason=redact_known(reason(run, columns, credit, position), secrets_of([run.steps[position]])),
        )
        for position, credit in zip(best, model.credits(columns, best), strict=True)
    )
    first = candidates[0]
    confidence = round(likely[best[0]], 4)
    return Attribution(first.agent, first.step, first.span_id, confidence, first.reason, candidates)


def together(likely: Sequence[float], agents: Sequence[str]) -> list[float]:
    """The probabilities of steps, weighed with those of their agents; sums to 1."""
    of_agent: dict[str, float] = {}
    for agent, part in zip(agents, likely, strict=True):
        of_agent[agent] = of_agent.get(agent, 0.0) + part
    weighed = [part * of_agent[agent] ** AGENT_WEIGHT for agent, part in zip(agents, likely, strict=True)]
    total = fsum(weighed)
    return [part / total for part in weighed]
