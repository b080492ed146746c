"""What a terminal needs: words without control characters, colour when wanted, a width."""

from __future__ import annotations

import os
import shutil
from typing import IO

from pisama.patterns import lazy
from pisama.redact import redact
from pisama.unseen import COMMAND, RUNNER, STYLED, UNSEEN

CONTROL = lazy(rf"[\x00-\x08\x0b-\x1f{UNSEEN}]|{STYLED}|{RUNNER}")
"""What controls whatever shows it: a terminal, a person's eye, or the runner of a workflow."""


def printable(text: str) -> str:
    """The text on one line, with characters that control a terminal or are not seen as `·`."""
    return visible(text.replace("\n", " ").replace("\t", " "))


def visible(text: str) -> str:
    """The text with characters that control a terminal or are not seen as `·`; tabs and line breaks stay."""
    return CONTROL.sub("·", text)


def told(text: str) -> str:
    """The text on one line, without secrets and without what controls whatever shows it."""
    return printable(redact(text))


def no_commands(text: str) -> str:
    """Lines of which none is a command to the runner of a workflow whose log they stand in."""
    return COMMAND.sub(r"\1·", text)


def wants_color(stream: IO[str]) -> bool:
    """Whether to write colours to this stream: NO_COLOR, then FORCE_COLOR, then whether it is a terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()


def terminal_width() -> int:
    """Columns of the terminal, between 60 and 140; 100 where there is none."""
    return max(60, min(140, shutil.get_terminal_size((100, 24)).columns))
