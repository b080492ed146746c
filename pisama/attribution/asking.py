"""Asking a judge about the runs that need one, several at a time, and what comes of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from pisama.attribution.bounded import Bounded, Price, most
from pisama.attribution.judge import Judge, JudgeError, Question, Reply
from pisama.attribution.judgement import (
    JudgementWithIssues,
    WrongAnswerError,
    issues_of,
    one_line,
    read_judgement,
)
from pisama.attribution.kept import Kept, cache_folder, kept_path, kept_reply
from pisama.attribution.models import ModelJudge, check_extra, split_name
from pisama.attribution.prompt import PROMPT_TOKENS, Prompt, prompt
from pisama.attribution.ranker import CANDIDATES, rank
from pisama.config import Config, ConfigError
from pisama.detectors import BUILT_IN
from pisama.issue import Issue
from pisama.prices import price_of
from pisama.report import Attribution, Candidate, Judged, ModelUsage, Planned, TraceReport
from pisama.trace import Usage, total_cost

SURE = 0.45
"""Confidence from which the answer without a model stands: published pipelines of LLMs named the right step in .43 to
.47 of the generated runs of Who&When, so from here on asking one promises nothing."""
AT_ONCE = 4
"""Calls under way at the same time."""


@dataclass(frozen=True, slots=True)
class Told:
    """What is said of one run after a judge was asked, or was not."""

    attribution: Attribution | None
    issues: tuple[Issue, ...] = ()


def wanted(report: TraceReport, config: Config) -> bool:
    """Whether the settings want a judge to be asked about a run."""
    if config.escalate == "never" or not report.trace.steps or (report.suppressed and not report.issues):
        return False
    if config.escalate == "always":
        return True
    return report.attribution is not None and report.attribution.confidence < SURE


def prompt_for(report: TraceReport, config: Config) -> Prompt | None:
    """The question about a run; None when nothing can be asked: it is too long, even shortened."""
    ranking = report.attribution or rank(report)
    kinds = sorted(kind.id for kind in BUILT_IN) if config.tier == "llm" else None
    if ranking is None:
        return None
    return prompt(report, ranking, failed=report.attribution is not None, kinds=kinds)


def price_for(model: str, config: Config) -> Price:
    """The prices of a model.

    Raises `ConfigError` where the settings say what it may cost at most, and no price is known.
    """
    check_extra()
    provider, name = split_name(model)

    def price(usage: Usage) -> float | None:
        return price_of(usage, name, provider, guess=False)

    bounded = "max_cost" in config.model_fields_set and config.max_cost != float("inf")
    if bounded and price(Usage(1, 1)) is None:
        raise ConfigError(
            f"max_cost: no price is known for {model}; leave it out, or make it inf, and set max_traces"
        )
    return price


def identity(model: str, config: Config) -> tuple[str, ...]:
    """Who answers, for answers that are kept."""
    return (model, config.base_url or "")


class Inquiry:
    """Asks one judge about many runs, within the bounds of the settings."""

    def __init__(self, judge: Judge | str, config: Config) -> None:
        """`judge` is one, or the name of a model. Raises `ConfigError` for a model that cannot be asked."""
        self._config = config
        self._name = judge if isinstance(judge, str) else type(judge).__name__
        self._kept: Kept | None = None
        price: Price = _unpriced
        if isinstance(judge, str):
            price = price_for(judge, config)
            judge = ModelJudge(judge, config.base_url, config.judge_timeout, stream=config.stream)
        self._entered = judge
        self._bounded = Bounded(judge, price, config.max_cost, config.max_traces)
        self._judge: Judge = self._bounded
        if config.cache and isinstance(judge, ModelJudge):
            self._kept = Kept(self._bounded, identity(self._name, config), cache_folder())
            self._judge = self._kept
        self._interrupted = False

    def ask(self, reports: Sequence[TraceReport]) -> tuple[list[Told], Judged]:
        """What is said of each run, in their order, and what the asking came to.

        A run whose judge gives no answer, or none that can be, keeps what is said of it without one. An interrupt
        of the user ends the asking and not the program: `Judged.interrupted`.
        """
        told = _run(lambda: self._all(reports))
        usage = _sum(self._name, [each.usage for each in told])
        reasons = Counter(each.reason for each in told if each.reason)
        notes = [f"{count} of {len(reports)} without {self._name}: {why}" for why, count in reasons.items()]
        if self._kept is not None and self._kept.problem:
            notes.append(self._kept.problem)
        judged = Judged(
            usage=usage,
            asked=sum(each.usage.calls > 0 for each in told),
            answered=sum(each.answered for each in told),
            sure=sum(
                not each.wanted and report.attribution is not None
                for each, report in zip(told, reports, strict=True)
            ),
            spent=self._bounded.spent,
            notes=tuple(notes),
            interrupted=self._interrupted,
        )
        return [each.told for each in told], judged

    async def _all(self, reports: Sequence[TraceReport]) -> list[_Run]:
        runs = [_Run(report, self._name, wanted=wanted(report, self._config)) for report in reports]
        pending = iter([run for run in runs if run.wanted])

        async def work() -> None:
            for run in pending:
                await self._about(run)

        async with AsyncExitStack() as stack:
            if isinstance(self._entered, AbstractAsyncContextManager):
                await stack.enter_async_context(self._entered)
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(AT_ONCE):
                        group.create_task(work())
            except asyncio.CancelledError:
                self._interrupted = True
        return runs

    async def _about(self, run: _Run) -> None:
        asked = prompt_for(run.report, self._config)
        if asked is None:
            run.fall_back(f"too long for {PROMPT_TOKENS:,} tokens, even shortened")
            return
        try:
            judgement = await self._judgement(asked, run)
        except JudgeError as error:
            run.fall_back(str(error))
        except Exception as error:  # noqa: BLE001 - a judge that breaks must not take the report with it
            run.fall_back(one_line(f"it broke: {type(error).__name__}: {error}", width=200))
        else:
            run.decide(judgement, with_issues=self._config.tier == "llm")

    async def _judgement(self, asked: Prompt, run: _Run) -> JudgementWithIssues:
        try:
            return self._read(await self._answer(asked.question, run), asked)
        except WrongAnswerError as wrong:
            complaint = str(wrong)
        try:
            return self._read(await self._answer(asked.again(complaint), run), asked)
        except WrongAnswerError as wrong:
            raise JudgeError(f"its answer cannot be, twice: {wrong}") from None

    async def _answer(self, question: Question, run: _Run) -> Reply:
        reply = await self._judge.answer(question)
        run.count(reply)
        if reply.problem:
            raise JudgeError(reply.problem)
        return reply

    @staticmethod
    def _read(reply: Reply, asked: Prompt) -> JudgementWithIssues:
        return read_judgement(reply.answer, asked.shown, failed=asked.failed)


def _unpriced(_: Usage) -> None:
    return None


@dataclass(slots=True)
class _Run:
    """One run while a judge is asked about it."""

    report: TraceReport
    model: str
    wanted: bool
    answered: bool = False
    reason: str = ""
    """Why it goes without a judge although one was to be asked."""
    usage: ModelUsage = field(init=False)
    told: Told = field(init=False)

    def __post_init__(self) -> None:
        self.usage = ModelUsage(self.model)
        self.told = Told(self.report.attribution)
        if self.wanted:
            self.fall_back("interrupted")

    def count(self, reply: Reply) -> None:
        """One more answer, whether it can be used or not."""
        usage = reply.usage
        one = ModelUsage(
            self.model,
            1,
            usage.input_tokens or 0,
            usage.output_tokens or 0,
            usage.cost,
            reply.estimated,
            int(reply.cached),
        )
        self.usage = _sum(self.model, [self.usage, one])

    def fall_back(self, reason: str) -> None:
        """What is said without a judge, and why."""
        self.reason = reason
        found = self.report.attribution
        if found is not None:
            note = f"without {self.model}: {reason}"
            found = replace(found, note=note, usage=self.usage if self.usage.calls else None)
        self.told = Told(found)

    def decide(self, judgement: JudgementWithIssues, *, with_issues: bool) -> None:
        """What the judge says."""
        self.reason, self.answered = "", True
        trace = self.report.trace
        known = frozenset(kind.id for kind in BUILT_IN)
        issues = tuple(issues_of(judgement, trace, known)) if with_issues else ()
        self.told = Told(self._attribution(judgement), issues)

    def _attribution(self, judgement: JudgementWithIssues) -> Attribution | None:
        trace = self.report.trace
        step = trace.step(judgement.step) if judgement.step is not None else None
        if step is None:
            return None
        reason = one_line(judgement.reason) or "the model gives no reason"
        first = Candidate(step.agent, step.index, step.span_id, round(judgement.confidence, 4), reason)
        ranked = self.report.attribution.candidates if self.report.attribution is not None else ()
        others = [candidate for candidate in ranked if candidate.step != step.index]
        return Attribution(
            first.agent,
            first.step,
            first.span_id,
            first.score,
            reason,
            (first, *others[: CANDIDATES - 1]),
            tier="llm",
            cited=tuple(
                dict.fromkeys(number for number in judgement.cited_steps if trace.step(number) is not None)
            ),
            usage=self.usage,
        )


def _sum(model: str, usages: Sequence[ModelUsage]) -> ModelUsage:
    return ModelUsage(
        model,
        calls=sum(usage.calls for usage in usages),
        input_tokens=sum(usage.input_tokens for usage in usages),
        output_tokens=sum(usage.output_tokens for usage in usages),
        cost=total_cost(usage.cost for usage in usages),
        estimated=any(usage.estimated for usage in usages),
        cached=sum(usage.cached for usage in usages),
    )


def _run(work: Callable[[], Coroutine[Any, Any, list[_Run]]]) -> list[_Run]:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work())
    # Within a notebook a loop runs already, and another one needs a thread of its own.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(work())).result()


def plan(reports: Sequence[TraceReport], model: str, config: Config) -> Iterator[Planned]:
    """What asking would take, for each run that would be asked about. Asks nobody.

    Raises `ConfigError` for a model that has no price although the settings need one.
    """
    price = price_for(model, config)
    folder, who = cache_folder(), identity(model, config)
    for report in reports:
        if not wanted(report, config):
            continue
        asked = prompt_for(report, config)
        if asked is None:
            yield Planned(report, None)
            continue
        usage = most(asked.question)
        known = config.cache and kept_reply(kept_path(folder, who, asked.question)) is not None
        yield Planned(report, replace(usage, cost=price(usage)), known)
