"""Who and when, asked of a language model: what `pisama analyze --attribute` would say of every case.

The model sees what users' models see, and its suspects come from weights that were fitted without the case. Answers
are kept on disk, so a run that was interrupted, or that reached its cost, goes on where it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from rich.table import Table

from benchmarks.command import table
from benchmarks.data import DataMissingError
from benchmarks.statistics import folds
from benchmarks.whowhen.answers import ABSTENTION, attributed
from benchmarks.whowhen.data import SUBSETS, Case
from benchmarks.whowhen.fitting import Labelled, fit
from benchmarks.whowhen.metrics import Answer, Figures, figures
from benchmarks.whowhen.validation import FOLDS
from pisama.attribution.asking import Inquiry, plan
from pisama.attribution.model import Weights
from pisama.attribution.ranker import rank
from pisama.config import Config, ConfigError
from pisama.output.plan import plan_text
from pisama.report import Judged, TraceReport


@dataclass(frozen=True, slots=True)
class Round:
    """The answers of a model to the cases, as far as it gave any."""

    cases: Sequence[Case]
    before: Sequence[Answer]
    """What is said without it."""
    after: Sequence[Answer]
    """What it says; where it gave no answer, what is said without it."""
    answered: Sequence[bool]
    judged: Judged

    def figures(self) -> dict[str, dict[str, Figures]]:
        """By subset, then by system. Only the rows of all cases can be compared with other tables."""
        found: dict[str, dict[str, Figures]] = {}
        for subset in (*SUBSETS, "together"):
            chosen = [n for n, case in enumerate(self.cases) if subset in (case.subset, "together")]
            some = [n for n in chosen if self.answered[n]]
            rows = {
                "the model, where it answered": (some, self.after),
                "without it, in the same cases": (some, self.before),
                "the model, and without it in the rest": (chosen, self.after),
                "without it": (chosen, self.before),
            }
            found[subset] = {
                name: figures([self.cases[n] for n in numbers], [answers[n] for n in numbers])
                for name, (numbers, answers) in rows.items()
                if numbers
            }
        return found

    def cost_per_case(self) -> float | None:
        """USD that an answered case took, whenever it was answered; None where no price is known."""
        cost = self.judged.usage.cost
        return cost / max(1, sum(self.answered)) if cost is not None else None

    def as_json(self) -> Mapping[str, object]:
        """Everything that was measured, for a file."""
        return {
            "benchmark": "whowhen",
            "model": self.judged.usage.model,
            "answered": sum(self.answered),
            "cases": len(self.cases),
            "usage": asdict(self.judged.usage),
            "cost_per_case": self.cost_per_case(),
            "figures": {
                subset: {name: asdict(each) for name, each in rows.items()}
                for subset, rows in self.figures().items()
            },
        }

    def tables(self) -> list[Table]:
        """The figures, and below them what they cost."""
        cost = self.cost_per_case()
        usage = self.judged.usage
        each = f"{cost:.6f} USD a case" if cost is not None else "no price is known"
        note = (
            f"{usage.model}: {sum(self.answered)} of {len(self.cases)} cases answered, {usage.input_tokens:,} tokens in, "
            f"{usage.output_tokens:,} out{' (estimated)' if usage.estimated else ''}, {each}; "
            f"{self.judged.spent:.6f} USD spent now, {usage.cached} of {usage.calls} answers kept from before"
        )
        tables = [_table(subset, rows) for subset, rows in self.figures().items()]
        tables[-1].caption = note
        return tables


def _table(subset: str, systems: Mapping[str, Figures]) -> Table:
    rows = [
        (
            name,
            str(each.cases),
            f"{each.agent.value:.3f}\n{each.agent.low:.2f}-{each.agent.high:.2f}",
            f"{each.step.value:.3f}\n{each.step.low:.2f}-{each.step.high:.2f}",
        )
        for name, each in systems.items()
    ]
    return table(f"Who&When, {subset}, strict, 95% Wilson intervals", ("", "cases", "agent", "step"), rows)


def suspected(
    known: Sequence[Labelled | None], reports: Sequence[TraceReport | None]
) -> list[TraceReport | None]:
    """The reports with what weights that were fitted on other folds say of each. Raises `DataMissingError`."""
    weights: dict[int, Weights] = {}
    numbered = [(number, each) for number, each in enumerate(known) if each is not None]
    try:
        for training, held_out in folds(numbered, lambda pair: pair[1].case.id, FOLDS, seed=0):
            if training:
                fitted = fit([each for _, each in training], calibrated=False)
                weights |= {numbered[place][0]: fitted for place in held_out}
    except ValueError as error:
        raise DataMissingError(str(error)) from None
    return [
        replace(report, attribution=rank(report, weights.get(number))) if report is not None else None
        for number, report in enumerate(reports)
    ]


def planned(reports: Sequence[TraceReport | None], model: str, config: Config) -> str:
    """What asking would take. Raises `DataMissingError` for a model that cannot be asked."""
    given = [report for report in reports if report is not None]
    try:
        return plan_text(list(plan(given, model, config)), len(given), model, config)
    except ConfigError as error:
        raise DataMissingError(str(error)) from None


def asked(cases: Sequence[Case], reports: Sequence[TraceReport | None], model: str, config: Config) -> Round:
    """The answers of a model. Raises `DataMissingError` for one that cannot be asked."""
    numbers = [number for number, report in enumerate(reports) if report is not None]
    try:
        inquiry = Inquiry(model, config)
    except ConfigError as error:
        raise DataMissingError(str(error)) from None
    told, judged = inquiry.ask([report for report in reports if report is not None])
    before = [attributed(report) for report in reports]
    after, answered = list(before), [False] * len(cases)
    for number, each in zip(numbers, told, strict=True):
        found = each.attribution
        if found is not None and found.tier == "llm":
            answered[number] = True
            after[number] = Answer(found.agent, found.step)
        elif found is None:
            after[number] = ABSTENTION
    return Round(cases, before, after, answered, judged)
