"""The measures of Who&When: agent and step accuracy over all cases; an abstention is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.statistics import Interval, mean, proportion
from benchmarks.whowhen.data import Case

TOLERANCES = (1, 2, 3, 4, 5)
"""Steps off that the paper's relaxed step accuracy forgives."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Who and when; None abstains."""

    agent: str | None
    step: int | None


@dataclass(frozen=True, slots=True)
class Figures:
    """What is reported for a set of cases, each a share of all of them."""

    cases: int
    agent: Interval
    """Exact."""
    step: Interval
    """Exact."""
    within: dict[int, float]
    """Step accuracy by tolerance."""
    lenient_agent: float
    lenient_step: float
    """As the official script matches: the gold string is contained in the predicted one ("1" in "12")."""


def figures(cases: Sequence[Case], answers: Sequence[Answer]) -> Figures:
    """Strict accuracies with 95% Wilson intervals, and the lenient ones beside."""
    both = list(zip(cases, answers, strict=True))
    return Figures(
        cases=len(both),
        agent=proportion(sum(answer.agent == case.agent for case, answer in both), len(both)),
        step=proportion(sum(answer.step == case.step for case, answer in both), len(both)),
        within={size: mean(_near(case, answer, size) for case, answer in both) for size in TOLERANCES},
        lenient_agent=mean(case.agent in (answer.agent or "") for case, answer in both),
        lenient_step=mean(
            answer.step is not None and str(case.step) in str(answer.step) for case, answer in both
        ),
    )


def averaged(cases: Sequence[Case], shuffles: Sequence[Sequence[Answer]]) -> Figures:
    """The mean over repetitions with different folds; the intervals are those of one repetition."""
    each = [figures(cases, answers) for answers in shuffles]
    of = len(cases)
    return Figures(
        cases=of,
        agent=proportion(mean(one.agent.value for one in each) * of, of),
        step=proportion(mean(one.step.value for one in each) * of, of),
        within={size: mean(one.within[size] for one in each) for size in TOLERANCES},
        lenient_agent=mean(one.lenient_agent for one in each),
        lenient_step=mean(one.lenient_step for one in each),
    )


def _near(case: Case, answer: Answer, tolerance: int) -> bool:
    return answer.step is not None and abs(answer.step - case.step) <= tolerance


def random_figures(cases: Sequence[Case]) -> Figures:
    """What is expected of a message drawn at random from those of agents; worked out, not drawn."""
    agent, step, lenient_agent, lenient_step = [], [], [], []
    within: dict[int, list[float]] = {size: [] for size in TOLERANCES}
    for case in cases:
        drawn = agent_messages(case) or [0]
        names = [case.speakers[position] if case.speakers else "" for position in drawn]
        agent.append(mean(name == case.agent for name in names))
        lenient_agent.append(mean(case.agent in name for name in names))
        step.append(mean(position == case.step for position in drawn))
        lenient_step.append(mean(str(case.step) in str(position) for position in drawn))
        for size in TOLERANCES:
            within[size].append(mean(abs(position - case.step) <= size for position in drawn))
    return Figures(
        cases=len(cases),
        agent=_expected(agent),
        step=_expected(step),
        within={size: mean(values) for size, values in within.items()},
        lenient_agent=mean(lenient_agent),
        lenient_step=mean(lenient_step),
    )


def _expected(values: Sequence[float]) -> Interval:
    value = mean(values)
    return Interval(value, value, value)


def agent_messages(case: Case) -> list[int]:
    """Positions of the messages that an agent wrote."""
    return [position for position, name in enumerate(case.speakers) if name.lower() not in ("human", "user")]
