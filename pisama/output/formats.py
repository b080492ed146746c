"""The formats that are read and the containers they may come in, for `pisama formats` and docs/formats.md."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from pisama.loaders import LOADERS
from pisama.loaders.base import Loader
from pisama.loaders.container import CONTAINERS


def format_title(format_id: str) -> str:
    """What a person calls the format; its id when its loader is not known here."""
    return next((loader.title for loader in LOADERS if loader.id == format_id), format_id)


def formats_text(width: int, loaders: Sequence[Loader] = LOADERS) -> str:
    """Each format with its id, its title and how it is recognised; then the containers."""
    left = max(len(loader.id) for loader in loaders) + 2
    lines: list[str] = []
    for loader in loaders:
        lines.append(f"{loader.id:<{left}}{loader.title}")
        lines += _indented(f"by {loader.recognised_by}", left, width)
    lines += ["", "Containers, told by their content:", ""]
    for name, words in CONTAINERS:
        first, *more = _indented(words, left, width)
        lines += [f"{name:<{left}}{first.lstrip()}", *more]
    return "\n".join(lines) + "\n"


def formats_page() -> str:
    """The same as a Markdown page."""
    rows = [f"| `{loader.id}` | {loader.title} | {_cell(loader.recognised_by)} |" for loader in LOADERS]
    parts = (
        "# Input formats",
        "The content decides which reader is used, not the name of the file; `--input-format ID` overrides it. "
        "`pisama formats` prints this list.",
        "\n".join(["| id | format | recognised by |", "|---|---|---|", *rows]),
        "## Containers",
        "Told by their content too. What grows more than 200 times when it is decompressed is refused, and pickles are "
        "never opened, since loading one can run code.",
        "\n".join(["| | |", "|---|---|", *(f"| {name} | {words} |" for name, words in CONTAINERS)]),
        "## Runs in several files",
        "A folder or an archive that is one run is read as one. A file that begins a run is read together with the files "
        "beside it that continue it, also when only that file is named: the sub-agents of Claude Code, Gemini CLI and "
        "Codex sessions, and OpenTelemetry log records (`run.logs.jsonl`) beside their spans (`run.jsonl`). Every other file of a folder or an archive is an input of its own.",
    )
    return "\n\n".join(parts) + "\n"


def _indented(text: str, left: int, width: int) -> list[str]:
    indent = " " * left
    return wrap(text, max(width, left + 30), initial_indent=indent, subsequent_indent=indent)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
