"""`pisama watch` as a command: its options, the call, the report."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pisama.cli_output import targets
from pisama.flags import (
    Also,
    ConfigFile,
    FailOn,
    Format,
    Ignore,
    Isolated,
    MaxRead,
    MinConfidence,
    MinSeverity,
    NoPlugins,
    Options,
    Select,
    fail,
    say,
    settings_from,
)


class FollowFrom(StrEnum):
    """Where in followed files to begin."""

    BEGINNING = "beginning"
    NOW = "now"


def watch(
    command: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[--] CMD...",
            help="The command to run, with its arguments.",
            show_default=False,
        ),
    ] = None,
    stop_on: Annotated[
        str | None,
        typer.Option(
            "--stop-on",
            metavar="LEVEL|ID",
            help="Stop the command at an issue of this level or above, or of this detector.",
            show_default="never",
        ),
    ] = None,
    max_cost: Annotated[
        float | None, typer.Option("--max-cost", help="Stop it at so many USD.", min=0, show_default="never")
    ] = None,
    max_tokens: Annotated[
        int | None,
        typer.Option("--max-tokens", help="Stop it at so many tokens.", min=1, show_default="never"),
    ] = None,
    max_steps: Annotated[
        int | None,
        typer.Option("--max-steps", help="Stop it at so many calls of models.", min=1, show_default="never"),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", help="Stop it after so many seconds.", min=0, show_default="never"),
    ] = None,
    follow: Annotated[
        list[str] | None,
        typer.Option(
            "--follow",
            metavar="PATH",
            help="Read a session file as it grows, or those in a folder; may be repeated.",
            show_default=False,
        ),
    ] = None,
    follow_from: Annotated[
        FollowFrom | None,
        typer.Option(
            "--from",
            help="Where in followed files to begin.",
            show_default="beginning of a file, now in a folder",
        ),
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option(
            "--save",
            help="Append everything captured to this file, as OTLP/JSON lines.",
            show_default="a file in the state directory",
        ),
    ] = None,
    no_save: Annotated[bool, typer.Option("--no-save", help="Save nothing.")] = False,
    keep_secrets: Annotated[
        bool, typer.Option("--keep-secrets", help="Leave secrets in what is saved.")
    ] = False,
    output_format: Annotated[
        Format, typer.Option("--format", "-f", help="How the report is written.")
    ] = Format.TEXT,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the report to this file.", show_default="standard error"),
    ] = None,
    also: Also = None,
    select: Select = None,
    ignore: Ignore = None,
    min_severity: MinSeverity = None,
    min_confidence: MinConfidence = None,
    fail_on: FailOn = None,
    exit_zero: Annotated[
        bool, typer.Option("--exit-zero", help="Exit as the command does, whatever the issues are.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Tell only issues while the command runs.")
    ] = False,
    option: Options = None,
    limit: MaxRead = None,
    no_plugins: NoPlugins = False,
    config_file: ConfigFile = None,
    isolated: Isolated = False,
) -> None:
    """Run a command, and say what its agents do wrong while they do it; the report comes at the end, on standard error.

    Its calls to OpenAI, Anthropic and Gemini pass through a recording proxy on this machine, its OpenTelemetry spans
    through a receiver, and Python programs are instrumented where opentelemetry-distro and instrumentors are
    installed (extra `watch`).

    Exit codes: that of the command; but 1 with issues at or above --fail-on or when it was stopped, 2 wrong usage, 3
    nothing was captured, 4 a detector crashed, 128 and the number of the signal that ended it.
    """
    from pisama.output.terminal import terminal_width
    from pisama.watch.captured import Written
    from pisama.watch.door import Request, run

    flags: dict[str, object] = {
        "select": select,
        "ignore": ignore,
        "min_severity": min_severity,
        "min_confidence": min_confidence,
        "fail_on": fail_on,
    }
    if output_format is Format.PARQUET:
        fail("--format parquet is for `pisama analyze`, which writes a folder of it")
    wanted = targets(output_format, output, also, to_error=True)
    given = {
        "stop_on": stop_on,
        "max_cost": max_cost,
        "max_tokens": max_tokens,
        "max_steps": max_steps,
        "timeout": timeout,
    }
    flags["watch"] = {name: value for name, value in given.items() if value is not None}
    config = settings_from(config_file, isolated, flags, option, no_plugins, limit, check=False).config
    request = Request(
        command=tuple(command or ()),
        config=config,
        follow=tuple(follow or ()),
        follow_from=follow_from.value if follow_from is not None else None,
        save=save,
        no_save=no_save,
        keep_secrets=keep_secrets,
        fail_on=None if exit_zero else config.fail_on,
        quiet=quiet,
        written=tuple(Written(target.format.value, target.color, terminal_width()) for target in wanted),
    )
    try:
        end = run(request)
    except ValueError as error:
        fail(str(error))
    for problem in end.problems:
        say(problem)
    for target, text in zip(wanted, end.reports, strict=False):
        target.put(text)
    for line in end.told:
        say(line)
    raise typer.Exit(end.exit_code)
