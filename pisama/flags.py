"""What several commands take from the command line, and how they complain. Light at import, for `--help`."""

from __future__ import annotations

from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pisama.settings import Settings


MAX_JOBS = 1024
"""More processes than this are a slip of the finger."""


class Format(StrEnum):
    """Output formats."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    JUNIT = "junit"
    GITHUB = "github"
    MARKDOWN = "markdown"
    HTML = "html"
    JSONL = "jsonl"
    PARQUET = "parquet"


class Engine(StrEnum):
    """What does the work."""

    LOCAL = "local"
    RAY = "ray"


class LevelName(StrEnum):
    """Levels as flags take them; the same words as `pisama.issue.Level`, without its imports."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


SHOWN = "What is told"
INPUT = "What is read, and how"
SETTINGS = "Settings"


Paths = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PATH...",
        help="Trace files, folders, patterns, or addresses (s3://…) of them; - is standard input.",
        show_default=False,
    ),
]
Also = Annotated[
    list[str] | None,
    typer.Option(
        "--also",
        help="Write the report in this format to this file too; repeated for more.",
        metavar="FORMAT=FILE",
    ),
]
Select = Annotated[
    list[str] | None,
    typer.Option(
        "--select",
        help="Run only these detectors; comma-separated or repeated.",
        metavar="ID",
        rich_help_panel=SHOWN,
    ),
]
Ignore = Annotated[
    list[str] | None,
    typer.Option(
        "--ignore",
        help="Do not run these detectors; comma-separated or repeated.",
        metavar="ID",
        rich_help_panel=SHOWN,
    ),
]
MinSeverity = Annotated[
    LevelName | None,
    typer.Option(
        "--min-severity",
        help="Count, but do not show, issues below this level.",
        show_default="low",
        rich_help_panel=SHOWN,
    ),
]
MinConfidence = Annotated[
    float | None,
    typer.Option(
        "--min-confidence",
        min=0,
        max=1,
        help="Count, but do not show, issues below this confidence.",
        show_default="0.4",
        rich_help_panel=SHOWN,
    ),
]
FailOn = Annotated[
    LevelName | None,
    typer.Option(
        "--fail-on",
        help="Exit with 1 if an issue is at or above this level.",
        show_default="high",
        rich_help_panel=SHOWN,
    ),
]
Options = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        help="Set an option of a detector; repeated for more.",
        metavar="ID.NAME=VALUE",
        rich_help_panel=SETTINGS,
    ),
]
InputFormat = Annotated[
    str | None,
    typer.Option(
        "--input-format",
        help="Read the input as this format.",
        show_default="told by the content",
        rich_help_panel=INPUT,
    ),
]
MaxRead = Annotated[
    list[str] | None,
    typer.Option(
        "--limit",
        help="Read more, or less, before it is refused: file, record and text (sizes), nesting, growth, files, seconds; "
        "repeated for more.",
        metavar="NAME=VALUE",
        rich_help_panel=INPUT,
    ),
]
DetectorSeconds = Annotated[
    float | None,
    typer.Option(
        "--detector-seconds",
        help="Processor time that a detector may use on one trace; then it is reported as skipped.",
        show_default="60",
        rich_help_panel=INPUT,
    ),
]
NoPlugins = Annotated[
    bool, typer.Option("--no-plugins", help="Run no detectors of other packages.", rich_help_panel=SETTINGS)
]
ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="Read settings from this file.",
        metavar="FILE",
        show_default="the nearest pisama.toml, or pyproject.toml with [tool.pisama]",
        rich_help_panel=SETTINGS,
    ),
]
Isolated = Annotated[
    bool,
    typer.Option(
        "--isolated", help="Leave settings of files and of the environment out.", rich_help_panel=SETTINGS
    ),
]
Jobs = Annotated[
    str,
    typer.Option(
        "--jobs",
        "-j",
        help="Processes to work in; auto is one a core. Small inputs need none. The results are the same.",
        metavar="N|auto",
        rich_help_panel=INPUT,
    ),
]
EngineName = Annotated[
    Engine,
    typer.Option(
        "--engine",
        help="What does the work: this machine, or a Ray cluster (extra `ray`).",
        rich_help_panel=INPUT,
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        "--address",
        help="Where the Ray cluster is, as Ray takes it.",
        show_default="that of RAY_ADDRESS, else one started here",
        rich_help_panel=INPUT,
    ),
]


def jobs_of(text: str) -> int | Literal["auto"]:
    """How many processes `--jobs` asks for."""
    if text == "auto":
        return "auto"
    if not text.isdecimal() or not 1 <= int(text) <= MAX_JOBS:
        fail(f"--jobs {text}: say a number from 1 to {MAX_JOBS}, or auto")
    return int(text)


def _names(values: object) -> object:
    """Values of a repeated flag, each of which may be several with commas between; others as they are."""
    if not isinstance(values, list):
        return values
    return [name.strip() for value in values for name in value.split(",") if name.strip()] or None


def settings_from(
    file: Path | None,
    isolated: bool,  # noqa: FBT001 - as typer hands it over
    flags: Mapping[str, object],
    options: Sequence[str] | None,
    no_plugins: bool,  # noqa: FBT001
    limits: Sequence[str] | None = None,
    *,
    check: bool = True,
) -> Settings:
    """The settings in force for a command; what cannot be followed ends the program.

    `flags` are values by setting, `options` those of `--option`, `limits` those of `--limit`. Without `check` the
    detectors that are named, and their options, are not looked up, which would load them all.
    """
    from pisama.config import ConfigError
    from pisama.settings import load_settings

    given = {name: _names(value) for name, value in flags.items()}
    try:
        settings = load_settings(
            file=file,
            isolated=isolated,
            flags={
                **given,
                "plugins": False if no_plugins else None,
                "options": _options(options or ()),
                "limits": _limits(limits or ()),
            },
        )
        if check:
            from pisama.selection import chosen

            chosen(settings.config)
    except ConfigError as error:
        fail(str(error))
    return settings


def _options(given: Sequence[str]) -> dict[str, dict[str, object]]:
    from pisama.settings import option_value

    options: dict[str, dict[str, object]] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or "." not in name:
            fail(f"--option {text}: say it as ID.NAME=VALUE, for example loop.min_repeats=4")
        for detector, values in option_value(name, value)["options"].items():
            options.setdefault(detector, {}).update(values)
    return options


def _limits(given: Sequence[str]) -> dict[str, str]:
    limits: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            fail(f"--limit {text}: say it as NAME=VALUE, for example text=256MB")
        limits[name.strip()] = value
    return limits


def say(message: str) -> None:
    """Tell a person something beside the output: one line on standard error."""
    from pisama.output.terminal import printable

    with suppress(OSError):  # where nobody can be told, the exit code still says it
        typer.echo(f"pisama: {printable(message)}", err=True)


def fail(message: str) -> NoReturn:
    """Say what is wrong with the usage or the settings, and exit with 2."""
    say(message)
    raise typer.Exit(2)
