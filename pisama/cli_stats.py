"""`pisama stats` as a command: counts what folders of results hold, or traces, which are examined first."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pisama.cli_input import INTERRUPTED, Input
from pisama.cli_lines import each_line
from pisama.cli_output import keep_apart, put
from pisama.flags import (
    ConfigFile,
    DetectorSeconds,
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
    from pisama.statistics import Statistics


class StatsFormat(StrEnum):
    """How statistics are written."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"


def stats(
    paths: Paths = None,
    output_format: Annotated[
        StatsFormat, typer.Option("--format", "-f", help="How the tables are written.")
    ] = StatsFormat.TEXT,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the tables to this file.", show_default="standard output"),
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(
            "--picture",
            help="Draw failures and days to this file too, as .svg or .png (extra `picture`).",
            metavar="FILE",
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
    """Say what many traces have in common: which failures, agents, tools and formats, and the trend by day.

    A folder that `analyze --format jsonl|parquet --output DIR` wrote is counted as it is; other traces are examined
    first. Exit codes: 0, 2 wrong usage, 3 some input could not be read, 130 interrupted.
    """
    from pisama.config import ConfigError
    from pisama.scale.folder import is_results, rows_in
    from pisama.statistics import Statistics

    if not paths:
        fail("say which results or traces to count: folders, files, or - for standard input")
    flags = {
        "select": select,
        "ignore": ignore,
        "min_severity": min_severity,
        "min_confidence": min_confidence,
        "detector_seconds": detector_seconds,
    }
    config = settings_from(config_file, isolated, flags, option, no_plugins, limit).config
    found = Statistics()
    results = [path for path in paths if is_results(Path(path))]
    try:
        if picture is not None:
            from pisama.output.picture import check

            check(picture)
        for path in results:
            for table in ("traces", "issues", "errors"):
                for row in rows_in(Path(path), table):
                    found.add(row)
        others = [path for path in paths if path not in results]
        given = Input(others, config, input_format, jobs_of(jobs))
        keep_apart(given.named(), [output, picture])
        interrupted = bool(others) and _count(given, found)
    except ConfigError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename}: {error.strerror or error}")
    _write(found, output_format, output)
    if picture is not None:
        _draw(picture, found)
    if interrupted:
        say(f"interrupted; {found.traces:,} traces are counted, the rest is not")
        raise typer.Exit(INTERRUPTED)
    raise typer.Exit(3 if found.errors else 0)


def _count(given: Input, found: Statistics) -> bool:
    import orjson

    def take(line: bytes) -> None:
        found.add(orjson.loads(line))

    return each_line(given, take)


def _draw(picture: Path, found: Statistics) -> None:
    from pisama.output.picture import draw

    try:
        draw(picture, found)
    except OSError as error:
        fail(f"{picture}: {error.strerror or error}")


def _write(found: Statistics, output_format: StatsFormat, output: Path | None) -> None:
    from pisama.output import as_statistics

    if output_format is StatsFormat.TEXT:
        text = as_statistics.as_text(found, sys.stdout if output is None else None)
    else:
        forms = {
            StatsFormat.JSON: as_statistics.as_json,
            StatsFormat.CSV: as_statistics.as_csv,
            StatsFormat.MARKDOWN: as_statistics.as_markdown,
        }
        text = forms[output_format](found)
    put(text, output)
