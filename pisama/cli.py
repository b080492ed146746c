"""The command line. Heavy imports live in the commands, so that `--help` answers at once."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pisama.config import Config
    from pisama.report import Report

app = typer.Typer(
    name="pisama",
    help="Says what went wrong in a run of an LLM agent: what failed, where, how sure it is, what to change.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Format(StrEnum):
    """Output formats."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    JUNIT = "junit"
    GITHUB = "github"
    MARKDOWN = "markdown"


class LevelName(StrEnum):
    """Levels as flags take them; the same words as `pisama.issue.Level`, without its imports."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class FollowFrom(StrEnum):
    """Where in followed files to begin."""

    BEGINNING = "beginning"
    NOW = "now"


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
        select=_names(select),
        ignore=_names(ignore) or frozenset(),
        min_severity=Level(min_severity.value),
        min_confidence=min_confidence,
        plugins=not no_plugins,
    )
    report = _analyze(paths, config, input_format)
    for error in report.errors:
        _say(str(error))
    _write(report, output_format, output)
    raise typer.Exit(report.exit_code(None if exit_zero else Level(fail_on.value)))


@app.command(context_settings={"allow_interspersed_args": False})
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
        bool, typer.Option("--exit-zero", help="Exit as the command does, whatever the issues are.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Tell only issues while the command runs.")
    ] = False,
    no_plugins: Annotated[
        bool, typer.Option("--no-plugins", help="Run no detectors of other packages.")
    ] = False,
) -> None:
    """Run a command, and say what its agents do wrong while they do it; the report comes at the end, on standard error.

    Its calls to OpenAI, Anthropic and Gemini pass through a recording proxy on this machine, its OpenTelemetry spans
    through a receiver, and Python programs are instrumented where opentelemetry-distro and instrumentors are
    installed (extra `watch`).

    Exit codes: that of the command; but 1 with issues at or above --fail-on or when it was stopped, 2 wrong usage, 3
    nothing was captured, 4 a detector crashed, 128 and the number of the signal that ended it.
    """
    from pisama.config import Config
    from pisama.issue import Level
    from pisama.watch.door import Request, run

    config = Config(
        select=_names(select),
        ignore=_names(ignore) or frozenset(),
        min_severity=Level(min_severity.value),
        min_confidence=min_confidence,
        plugins=not no_plugins,
    )
    request = Request(
        command=tuple(command or ()),
        config=config,
        stop_on=stop_on,
        max_cost=max_cost,
        max_tokens=max_tokens,
        max_steps=max_steps,
        timeout=timeout,
        follow=tuple(follow or ()),
        follow_from=follow_from.value if follow_from is not None else None,
        save=save,
        no_save=no_save,
        keep_secrets=keep_secrets,
        fail_on=None if exit_zero else Level(fail_on.value),
        quiet=quiet,
    )
    try:
        end = run(request)
    except ValueError as error:
        _fail(str(error))
    for problem in end.problems:
        _say(problem)
    _write(end.report, output_format, output, to_error=True)
    for line in end.told:
        _say(line)
    raise typer.Exit(end.exit_code)


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
        _fail(str(error))
    if name is None:
        typer.echo(catalogue(kinds.values()), nl=False)
    elif name in kinds:
        typer.echo(explain(kinds[name]), nl=False)
    else:
        _fail(f"there is no detector {name!r}{did_you_mean(name, kinds)}; `pisama detectors` lists them")


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


def _names(values: Sequence[str] | None) -> frozenset[str] | None:
    if not values:
        return None
    return frozenset(name.strip() for value in values for name in value.split(",") if name.strip())


def _analyze(paths: Sequence[str], config: Config, input_format: str | None) -> Report:
    from pisama.analysis import examine
    from pisama.api import read
    from pisama.output.progress import progress
    from pisama.report import LoadError, Report
    from pisama.selection import ConfigError, chosen

    try:
        running = chosen(config)
    except ConfigError as error:
        _fail(str(error))
    traces, errors = [], []
    with progress() as advance:
        for source in _sources(paths):
            for item in read(source, input_format=input_format):
                if isinstance(item, LoadError):
                    errors.append(item)
                else:
                    traces.append(examine(item, running, config))
                    advance(len(traces))
    return Report(tuple(traces), tuple(errors))


def _sources(paths: Sequence[str]) -> Iterator[Path | bytes]:
    for path in paths:
        yield sys.stdin.buffer.read() if path == "-" else Path(path)


def _render(report: Report, output_format: Format, stream: IO[str] | None) -> str:
    """The report as text; `stream` is where it will be shown, None when that is a file."""
    from pisama.output import as_github, as_json, as_junit, as_markdown, as_sarif, as_text
    from pisama.output.terminal import terminal_width, wants_color

    if output_format is Format.TEXT:
        color = stream is not None and wants_color(stream)
        return as_text.render(report, color=color, width=terminal_width())
    renderers: dict[Format, Callable[[Report], str]] = {
        Format.JSON: as_json.render,
        Format.SARIF: as_sarif.render,
        Format.JUNIT: as_junit.render,
        Format.GITHUB: as_github.render,
        Format.MARKDOWN: as_markdown.render,
    }
    return renderers[output_format](report)


def _write(report: Report, output_format: Format, output: Path | None, *, to_error: bool = False) -> None:
    stream = sys.stderr if to_error else sys.stdout
    text = _render(report, output_format, stream if output is None else None)
    if output is None:
        stream.write(text)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        _fail(f"{output}: {error.strerror or error}")


def _say(message: str) -> None:
    from pisama.output.terminal import printable

    typer.echo(f"pisama: {printable(message)}", err=True)


def _fail(message: str) -> NoReturn:
    _say(message)
    raise typer.Exit(2)


if __name__ == "__main__":
    main()
