"""The command line. Heavy imports live in the commands, so that `--help` answers at once."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pisama.cli_input import INTERRUPTED, Input, report_on
from pisama.cli_judge import (
    Attribute,
    BaseUrl,
    DryRun,
    Escalate,
    JudgeTimeout,
    MaxCost,
    MaxTraces,
    Model,
    NoCache,
    Stream,
    Tier,
    judge_of,
)
from pisama.cli_lines import write_folder, write_lines, writes_folder
from pisama.cli_output import keep_apart, put, targets, write, write_to_nobody
from pisama.cli_stats import stats
from pisama.cli_watch import watch
from pisama.flags import (
    SETTINGS,
    SHOWN,
    Address,
    Also,
    ConfigFile,
    DetectorSeconds,
    Engine,
    EngineName,
    FailOn,
    Format,
    Ignore,
    InputFormat,
    Isolated,
    Jobs,
    MaxRead,
    MinConfidence,
    MinSeverity,
    NoPlugins,
    Options,
    Paths,
    Select,
    fail,
    jobs_of,
    say,
    settings_from,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

app = typer.Typer(
    name="pisama",
    help="Says what went wrong in a run of an LLM agent: what failed, where, how sure it is, what to change.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:  # noqa: FBT001 - as typer calls it
    if wanted:
        from pisama import __version__

        typer.echo(f"pisama {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and exit.", callback=_version, is_eager=True),
    ] = False,
) -> None:
    pass


@app.command("analyze")
def analyze(
    paths: Paths = None,
    output_format: Annotated[
        Format, typer.Option("--format", "-f", help="How the report is written.")
    ] = Format.TEXT,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Write the report to this file; with jsonl or parquet, to files in this folder.",
            metavar="FILE|DIR",
            show_default="standard output",
        ),
    ] = None,
    also: Also = None,
    select: Select = None,
    ignore: Ignore = None,
    min_severity: MinSeverity = None,
    min_confidence: MinConfidence = None,
    fail_on: FailOn = None,
    exit_zero: Annotated[
        bool,
        typer.Option("--exit-zero", help="Exit with 0 whatever the issues are.", rich_help_panel=SHOWN),
    ] = False,
    baseline: Annotated[
        Path | None,
        typer.Option(
            "--baseline",
            help="Leave out the issues in this file, which `pisama baseline` wrote.",
            metavar="FILE",
            rich_help_panel=SHOWN,
        ),
    ] = None,
    attribute: Attribute = False,
    model: Model = None,
    base_url: BaseUrl = None,
    tier: Tier = None,
    escalate: Escalate = None,
    max_cost: MaxCost = None,
    max_traces: MaxTraces = None,
    judge_timeout: JudgeTimeout = None,
    stream: Stream = False,
    no_cache: NoCache = False,
    dry_run: DryRun = False,
    option: Options = None,
    detector_seconds: DetectorSeconds = None,
    input_format: InputFormat = None,
    limit: MaxRead = None,
    jobs: Jobs = "auto",
    engine: EngineName = Engine.LOCAL,
    address: Address = None,
    no_plugins: NoPlugins = False,
    config_file: ConfigFile = None,
    isolated: Isolated = False,
    show_config: Annotated[
        bool,
        typer.Option(
            "--show-config",
            help="Print the settings in force, and where each comes from; then exit.",
            rich_help_panel=SETTINGS,
        ),
    ] = False,
) -> None:
    """Say what failed in the traces of files, of folders, or of standard input.

    Formats jsonl and parquet are for many traces: a row for each trace, issue and error, written as they come; a folder
    is gone on with where it was stopped. Ctrl-C keeps what is done.

    Exit codes: 0 nothing at or above --fail-on, 1 issues, 2 wrong usage, 3 some input could not be read, 4 a detector
    crashed, 130 interrupted. Settings come from flags, then from PISAMA_ names in the environment, then from the
    nearest pisama.toml or pyproject.toml.
    """
    wanted = targets(output_format, output, also)
    asking = {
        "model": model,
        "base_url": base_url,
        "tier": tier,
        "escalate": escalate,
        "max_cost": max_cost,
        "max_traces": max_traces,
        "judge_timeout": judge_timeout,
        "stream": True if stream else None,
        "cache": False if no_cache else None,
    }
    flags = {
        **asking,
        "select": select,
        "ignore": ignore,
        "min_severity": min_severity,
        "min_confidence": min_confidence,
        "fail_on": fail_on,
        "baseline": baseline,
        "detector_seconds": detector_seconds,
    }
    settings = settings_from(config_file, isolated, flags, option, no_plugins, limit)
    if show_config:
        from pisama.output.settings_toml import settings_toml

        put(settings_toml(settings.config, settings.origins))
        return
    judge = judge_of(settings.config, asking, attribute=attribute, dry_run=dry_run)
    given = Input(_given(paths), settings.config, input_format, jobs_of(jobs), engine, address)
    keep_apart(given.named(), [target.file for target in wanted])
    fail_on_level = None if exit_zero else settings.config.fail_on
    if output_format in (Format.JSONL, Format.PARQUET):
        if judge is not None:
            fail(f"--attribute goes with a report; --format {output_format.value} writes rows as they come")
        if also:
            fail(f"--also goes with a report; --format {output_format.value} writes rows as they come")
        if writes_folder(output_format, output):
            raise typer.Exit(write_folder(given, output_format, output or Path(), fail_on_level))
        raise typer.Exit(write_lines(given, output, fail_on_level))
    report, interrupted = report_on(given)
    if judge is not None and not interrupted:
        report, interrupted = judge(report)
    for target in wanted:
        write(report, target)
    raise typer.Exit(INTERRUPTED if interrupted else report.exit_code(fail_on_level))


@app.command("baseline")
def baseline(
    paths: Paths = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The file that is written.",
            show_default="baseline of the settings, else .pisama-baseline.json",
        ),
    ] = None,
    select: Select = None,
    ignore: Ignore = None,
    min_severity: MinSeverity = None,
    min_confidence: MinConfidence = None,
    option: Options = None,
    detector_seconds: DetectorSeconds = None,
    input_format: InputFormat = None,
    limit: MaxRead = None,
    jobs: Jobs = "auto",
    no_plugins: NoPlugins = False,
    config_file: ConfigFile = None,
    isolated: Isolated = False,
) -> None:
    """Write the issues that these traces show to a file, so that `analyze --baseline` leaves them out.

    An entry is the fingerprint of an issue, so it holds for the same failure in another run of the same task.
    """
    from pisama.baseline import DEFAULT_BASELINE, write_baseline
    from pisama.config import ConfigError

    flags = {
        "select": select,
        "ignore": ignore,
        "min_severity": min_severity,
        "min_confidence": min_confidence,
        "detector_seconds": detector_seconds,
    }
    config = settings_from(config_file, isolated, flags, option, no_plugins, limit).config
    output = output or config.baseline or Path(DEFAULT_BASELINE)
    without = config.model_copy(update={"baseline": None})
    report, interrupted = report_on(Input(_given(paths), without, input_format, jobs_of(jobs)))
    if interrupted:
        say(f"interrupted; {output} is left as it was")
        raise typer.Exit(INTERRUPTED)
    try:
        count = write_baseline(output, report)
    except ConfigError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{output}: {error.strerror or error}")
    say(f"{count} {'entry' if count == 1 else 'entries'} written to {output}")
    raise typer.Exit(report.exit_code(None))


@app.command("mcp-server")
def mcp_server(
    root: Annotated[
        list[Path] | None,
        typer.Option(
            "--root",
            help="A folder that may be read; repeated for more.",
            show_default="the working directory and the folders where Claude Code and Codex keep sessions",
        ),
    ] = None,
    http: Annotated[
        bool, typer.Option("--http", help="Serve at http://127.0.0.1:PORT/mcp, to this machine alone.")
    ] = False,
    port: Annotated[int, typer.Option("--port", help="Where --http serves.", min=1, max=65_535)] = 8765,
    limit: MaxRead = None,
    detector_seconds: DetectorSeconds = None,
    config_file: ConfigFile = None,
    isolated: Isolated = False,
    no_plugins: NoPlugins = False,
) -> None:
    """Serve the analysis to an assistant over the Model Context Protocol, on standard input and output or over HTTP."""
    flags = {"detector_seconds": detector_seconds}
    config = settings_from(config_file, isolated, flags, None, no_plugins, limit).config
    from pisama.mcp_server import serve

    serve(root or None, config, port if http else None)


app.command("stats")(stats)
app.command("watch", context_settings={"allow_interspersed_args": False})(watch)


@app.command("detectors")
def detectors(
    name: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="The detector to explain.", show_default=False)
    ] = None,
    no_plugins: Annotated[
        bool, typer.Option("--no-plugins", help="Leave out detectors of other packages.")
    ] = False,
) -> None:
    """List the detectors, or explain one: what it finds, what it leaves alone, how to fix it."""
    from pisama.config import ConfigError
    from pisama.output.explain import catalogue, explain
    from pisama.selection import available, did_you_mean

    try:
        kinds = available(plugins=not no_plugins)
    except ConfigError as error:
        fail(str(error))
    if name is None:
        put(catalogue(kinds.values()))
    elif name in kinds:
        put(explain(kinds[name]))
    else:
        fail(f"there is no detector {name!r}{did_you_mean(name, kinds)}; `pisama detectors` lists them")


@app.command("formats")
def formats() -> None:
    """List the input formats that are read, each without a flag: how each is recognised, and in what containers."""
    from pisama.output.formats import formats_text
    from pisama.output.terminal import terminal_width

    put(formats_text(terminal_width()))


def main() -> None:
    """Entry point of the `pisama` command."""
    # A trace is a great many objects that live to the end; going through them for cycles again and again finds none.
    gc.set_threshold(100_000, 50, 50)
    # Every flag of every command would be built, which takes longer than reading a small trace.
    asked_for = [each for each in app.registered_commands if each.name in sys.argv[1:2]]
    app.registered_commands = asked_for or app.registered_commands
    try:
        app()
    except BrokenPipeError:
        # The reader of our output has gone, as `| head` does; there is nobody left to tell.
        write_to_nobody()
        sys.exit(0)
    except OSError as error:
        # What is written elsewhere is told where it is written; help goes to standard output by itself.
        say(f"{error.filename or 'standard output'}: {error.strerror or error}")
        sys.exit(2)
    finally:
        # What is left goes with the process: a last search for cycles through all of it would take longer than the rest.
        gc.freeze()


def _given(paths: Sequence[str] | None) -> Sequence[str]:
    if not paths:
        fail("say which traces to analyse: files, folders, or - for standard input")
    return paths
