"""The command line. Heavy imports live in the commands, so that `--help` answers at once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pisama.cli_output import Format, LevelName, fail, names, say, write
from pisama.cli_watch import watch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pisama.config import Config
    from pisama.report import Report

app = typer.Typer(
    name="pisama",
    help="Says what went wrong in a run of an LLM agent: what failed, where, how sure it is, what to change.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(*, wanted: bool) -> None:
    if wanted:
        from pisama import __version__

        typer.echo(f"pisama {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and exit.", is_eager=True),
    ] = False,
) -> None:
    _version(wanted=version)


@app.command()
def analyze(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH...",
            help="Trace files, or folders of them; - is standard input.",
            show_default=False,
        ),
    ],
    output_format: Annotated[
        Format, typer.Option("--format", "-f", help="How the report is written.")
    ] = Format.TEXT,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the report to this file.", show_default="standard output"),
    ] = None,
    select: Annotated[
        list[str] | None,
        typer.Option("--select", help="Run only these detectors; comma-separated or repeated.", metavar="ID"),
    ] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option(
            "--ignore", help="Do not run these detectors; comma-separated or repeated.", metavar="ID"
        ),
    ] = None,
    min_severity: Annotated[
        LevelName, typer.Option("--min-severity", help="Count, but do not show, issues below this level.")
    ] = LevelName.LOW,
    min_confidence: Annotated[
        float,
        typer.Option(
            "--min-confidence", min=0, max=1, help="Count, but do not show, issues below this confidence."
        ),
    ] = 0.4,
    fail_on: Annotated[
        LevelName, typer.Option("--fail-on", help="Exit with 1 if an issue is at or above this level.")
    ] = LevelName.HIGH,
    exit_zero: Annotated[
        bool, typer.Option("--exit-zero", help="Exit with 0 whatever the issues are.")
    ] = False,
    input_format: Annotated[
        str | None,
        typer.Option(
            "--input-format", help="Read the input as this format.", show_default="told by the content"
        ),
    ] = None,
    no_plugins: Annotated[
        bool, typer.Option("--no-plugins", help="Run no detectors of other packages.")
    ] = False,
) -> None:
    """Say what failed in the traces of files, of folders, or of standard input.

    Exit codes: 0 nothing at or above --fail-on, 1 issues, 2 wrong usage, 3 some input could not be read, 4 a detector
    crashed.
    """
    from pisama.config import Config
    from pisama.issue import Level

    config = Config(
        select=names(select),
        ignore=names(ignore) or frozenset(),
        min_severity=Level(min_severity.value),
        min_confidence=min_confidence,
        plugins=not no_plugins,
    )
    report = _analyze(paths, config, input_format)
    for error in report.errors:
        say(str(error))
    write(report, output_format, output)
    raise typer.Exit(report.exit_code(None if exit_zero else Level(fail_on.value)))


app.command(context_settings={"allow_interspersed_args": False})(watch)


@app.command()
def detectors(
    name: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="The detector to explain.", show_default=False)
    ] = None,
    no_plugins: Annotated[
        bool, typer.Option("--no-plugins", help="Leave out detectors of other packages.")
    ] = False,
) -> None:
    """List the detectors, or explain one: what it finds, what it leaves alone, how to fix it."""
    from pisama.output.explain import catalogue, explain
    from pisama.selection import ConfigError, available, did_you_mean

    try:
        kinds = available(plugins=not no_plugins)
    except ConfigError as error:
        fail(str(error))
    if name is None:
        typer.echo(catalogue(kinds.values()), nl=False)
    elif name in kinds:
        typer.echo(explain(kinds[name]), nl=False)
    else:
        fail(f"there is no detector {name!r}{did_you_mean(name, kinds)}; `pisama detectors` lists them")


@app.command()
def formats() -> None:
    """List the input formats that are read, each without a flag: how each is recognised, and in what containers."""
    from pisama.output.formats import formats_text
    from pisama.output.terminal import terminal_width

    typer.echo(formats_text(terminal_width()), nl=False)


def main() -> None:
    """Entry point of the `pisama` command."""
    try:
        app()
    except BrokenPipeError:
        # The reader of our output has gone, as `| head` does; there is nobody left to tell.
        sys.stderr.close()
        sys.exit(0)


def _analyze(paths: Sequence[str], config: Config, input_format: str | None) -> Report:
    from pisama.api import read, report_on
    from pisama.output.progress import progress
    from pisama.report import LoadError, Report
    from pisama.selection import ConfigError, chosen

    try:
        running = chosen(config)
    except ConfigError as error:
        fail(str(error))
    traces, errors = [], []
    with progress() as advance:
        for source in _sources(paths):
            for item in read(source, input_format=input_format):
                if isinstance(item, LoadError):
                    errors.append(item)
                else:
                    traces.append(report_on(item, running, config))
                    advance(len(traces))
    return Report(tuple(traces), tuple(errors))


def _sources(paths: Sequence[str]) -> Iterator[Path | bytes]:
    for path in paths:
        yield sys.stdin.buffer.read() if path == "-" else Path(path)


if __name__ == "__main__":
    main()
