"""What several commands take from the command line. Light at import, so that `--help` answers at once."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


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


Paths = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PATH...", help="Trace files, or folders of them; - is standard input.", show_default=False
    ),
]
Select = Annotated[
    list[str] | None,
    typer.Option("--select", help="Run only these detectors; comma-separated or repeated.", metavar="ID"),
]
Ignore = Annotated[
    list[str] | None,
    typer.Option("--ignore", help="Do not run these detectors; comma-separated or repeated.", metavar="ID"),
]
MinSeverity = Annotated[
    LevelName | None,
    typer.Option(
        "--min-severity", help="Count, but do not show, issues below this level.", show_default="low"
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
    ),
]
Options = Annotated[
    list[str] | None,
    typer.Option("--option", help="Set an option of a detector; repeated for more.", metavar="ID.NAME=VALUE"),
]
InputFormat = Annotated[
    str | None,
    typer.Option("--input-format", help="Read the input as this format.", show_default="told by the content"),
]
NoPlugins = Annotated[bool, typer.Option("--no-plugins", help="Run no detectors of other packages.")]
ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="Read settings from this file.",
        metavar="FILE",
        show_default="the nearest pisama.toml, or pyproject.toml with [tool.pisama]",
    ),
]
Isolated = Annotated[
    bool, typer.Option("--isolated", help="Leave settings of files and of the environment out.")
]
