"""What `pisama analyze` does about a model: whether it is to be asked, what it would take, what it took."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from pisama.flags import fail, say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pisama.config import Config
    from pisama.report import Judged, Report

_PANEL = "Asking a model (extra llm)"


class TierName(StrEnum):
    """Who may say what failed, as flags take it."""

    HEURISTIC = "heuristic"
    LLM = "llm"


class Escalation(StrEnum):
    """Which runs a model is asked about, as flags take it."""

    ALWAYS = "always"
    UNSURE = "unsure"
    NEVER = "never"


Attribute = Annotated[
    bool,
    typer.Option(
        "--attribute",
        help="Ask a model who made the decisive mistake, and when; the traces are sent to it, without secrets.",
        rich_help_panel=_PANEL,
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="The model to ask, for example anthropic:claude-sonnet-5.",
        metavar="PROVIDER:NAME",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
BaseUrl = Annotated[
    str | None,
    typer.Option(
        "--base-url",
        help="Where that model is served; with openai: any endpoint that has its chat completions.",
        metavar="URL",
        show_default="its provider",
        rich_help_panel=_PANEL,
    ),
]
Tier = Annotated[
    TierName | None,
    typer.Option(
        "--tier",
        help="With llm the model may also add issues of kinds that no detector knows.",
        show_default="heuristic",
        rich_help_panel=_PANEL,
    ),
]
Escalate = Annotated[
    Escalation | None,
    typer.Option(
        "--escalate",
        help="Which runs to ask about: unsure means the failed ones whose cause is unsure without a model.",
        show_default="unsure",
        rich_help_panel=_PANEL,
    ),
]
MaxCost = Annotated[
    float | None,
    typer.Option(
        "--max-cost",
        min=0,
        help="Ask no further when the next call could take the cost above so many USD.",
        show_default="1",
        rich_help_panel=_PANEL,
    ),
]
MaxTraces = Annotated[
    int | None,
    typer.Option(
        "--max-traces",
        min=0,
        help="Call the model for at most so many traces.",
        show_default="all",
        rich_help_panel=_PANEL,
    ),
]
JudgeTimeout = Annotated[
    float | None,
    typer.Option(
        "--judge-timeout",
        help="Give an answer up after so many seconds.",
        show_default="180",
        rich_help_panel=_PANEL,
    ),
]
Stream = Annotated[
    bool,
    typer.Option(
        "--stream",
        help="Take the answers as a stream, for servers that close a connection which is quiet.",
        rich_help_panel=_PANEL,
    ),
]
NoCache = Annotated[
    bool, typer.Option("--no-cache", help="Ask again what was answered before.", rich_help_panel=_PANEL)
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Print the tokens and the price of asking, send nothing, and exit.",
        rich_help_panel=_PANEL,
    ),
]

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
