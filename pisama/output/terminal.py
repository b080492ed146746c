"""What a terminal needs: words without control characters, colour when wanted, a width."""

from __future__ import annotations

import os
import re
import shutil
from typing import IO

from pisama.patterns import lazy

_UNSEEN = (
    r"\x7f-\x9f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"
)
"""Controls, directions, and what takes no room, such as the tags in which text can be hidden."""
CONTROL = lazy(rf"[\x00-\x08\x0b-\x1f{_UNSEEN}]")
_IN_JSON = lazy(rf"[{_UNSEEN}]")


def printable(text: str) -> str:
    """The text on one line, with characters that control a terminal or are not seen as `·`."""
    return visible(text.replace("\n", " ").replace("\t", " "))


def visible(text: str) -> str:
    """The text with characters that control a terminal or are not seen as `·`; tabs and line breaks stay."""
    return CONTROL.sub("·", text)


def visible_json(text: str) -> str:
    """JSON text of the same value in which such characters are written as `\\u` and four digits."""
    return _IN_JSON.sub(_code_units, text)


def _code_units(match: re.Match[str]) -> str:
    units = match.group().encode("utf-16-be").hex()
    return "".join(f"\\u{units[place : place + 4]}" for place in range(0, len(units), 4))


def wants_color(stream: IO[str]) -> bool:
    """Whether to write colours to this stream: NO_COLOR, then FORCE_COLOR, then whether it is a terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()


def terminal_width() -> int:
    """Columns of the terminal, between 60 and 140; 100 where there is none."""
    return max(60, min(140, shutil.get_terminal_size((100, 24)).columns))
