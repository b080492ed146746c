"""What `pisama analyze` does about a model: whether it is to be asked, what it would take, what it took."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

import typer

from pisama.flags import fail, say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pisama.config import Config
    from pisama.report import Judged, Report


Asked = Callable[["Report"], tuple["Report", bool]]
"""The report with what a model says of its traces, and whether Ctrl-C ended the asking early."""


def judge_of(config: Config, given: Mapping[str, object], *, attribute: bool, dry_run: bool) -> Asked | None:
    """What is to be done about a model with a report; None for nothing. Wrong usage ends the program.

    `given` are the flags about a model, by setting. Only a flag has a trace sent anywhere: a file of settings that
    came with somebody's project must not.
    """
    from pisama.config import ConfigError

    if not attribute:
        names = [name.replace("_", "-") for name, value in given.items() if value is not None]
        names = ["no-cache" if name == "cache" else name for name in names] + ["dry-run"] * dry_run
        if names:
            fail(f"--{names[0]} goes with --attribute, which asks a model")
        return None
    if config.model is None:
        fail("--attribute asks a model: say which, as --model PROVIDER:NAME")
    try:
        return _plan(config.model, config) if dry_run else _asked(config.model, config)
    except ConfigError as error:
        fail(str(error))


def _plan(model: str, config: Config) -> Asked:
    """Prints what asking would take, and ends the program."""
    from pisama.attribution.asking import plan, price_for
    from pisama.output.plan import plan_text

    price_for(model, config)

    def show(report: Report) -> NoReturn:
        planned = list(plan(report.traces, model, config))
        typer.echo(plan_text(planned, len(report.traces), model, config), nl=False)
        raise typer.Exit(report.exit_code(None))

    return show


def _asked(model: str, config: Config) -> Asked:
    from pisama.api import inquiry_of, judged

    inquiry = inquiry_of(model, config)

    def ask(report: Report) -> tuple[Report, bool]:
        report = judged(report, inquiry, config)
        assert report.judged is not None
        _say(report.judged)
        return report, report.judged.interrupted

    return ask


def _say(judged: Judged) -> None:
    """What asking came to, on standard error."""
    from pisama.output.layout import counted, usd

    usage = judged.usage
    if usage.calls:
        tokens = f"{usage.input_tokens:,} tokens in, {usage.output_tokens:,} out"
        estimated = " (estimated)" if usage.estimated else ""
        cost = usd(judged.spent) if usage.cost is not None else "at a price that is not known"
        kept = f"; {usage.cached} of {usage.calls} answers were kept from before" if usage.cached else ""
        say(
            f"{usage.model}: {judged.answered} of {counted(judged.asked, 'trace')} answered, "
            f"{tokens}{estimated}, {cost}{kept}"
        )
    for note in judged.notes:
        say(note)
    if judged.interrupted:
        say("interrupted: the report has what was answered until then")
    elif not usage.calls and not judged.notes:
        say(f"{usage.model} was not asked: {_reason(judged)}")


def _reason(judged: Judged) -> str:
    if judged.sure:
        return "the answer without a model is sure enough (--escalate always asks all the same)"
    return "no run is known to have failed (--escalate always asks all the same)"
