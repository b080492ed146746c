"""What `pisama analyze` does about a model: whether it is to be asked, what it would take, what it took."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from pisama.flags import fail, say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pisama.config import Config
    from pisama.report import Judged, Report


def model_to_ask(
    config: Config, given: Mapping[str, object], *, attribute: bool, dry_run: bool
) -> str | None:
    """The model that is to be asked; None when none is. Wrong usage ends the program.

    `given` are the flags about a model, by setting. Only a flag has a trace sent anywhere: a file of settings that
    came with somebody's project must not.
    """
    if not attribute:
        wrong = [name for name, value in given.items() if value not in (None, False)]
        if dry_run or wrong:
            name = wrong[0].replace("_", "-") if wrong else "dry-run"
            fail(f"--{name} goes with --attribute, which asks a model")
        return None
    if config.model is None:
        fail("--attribute asks a model: say which, as --model PROVIDER:NAME")
    return config.model


def print_plan(report: Report, model: str, config: Config) -> None:
    """What asking about the traces of a report would take."""
    from pisama.attribution.asking import plan
    from pisama.config import ConfigError
    from pisama.output.plan import plan_text

    try:
        planned = list(plan(report.traces, model, config))
    except ConfigError as error:
        fail(str(error))
    typer.echo(plan_text(planned, len(report.traces), model, config), nl=False)


def say_judged(judged: Judged) -> None:
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
