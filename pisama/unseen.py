"""Characters that nobody sees, and that may say something all the same to whatever reads a text."""

from __future__ import annotations

import re

from pisama.patterns import lazy

UNSEEN = (
    r"\x7f-\x9f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"
)
"""Controls, directions, and what takes no room, such as the tags in which text can be hidden."""
_IN_JSON = lazy(rf"[{UNSEEN}]")


def visible_json(text: str) -> str:
    """JSON text of the same value in which such characters are written as `\\u` and four digits."""
    return _IN_JSON.sub(_code_units, text)


def _code_units(match: re.Match[str]) -> str:
    units = match.group().encode("utf-16-be").hex()
    return "".join(f"\\u{units[place : place + 4]}" for place in range(0, len(units), 4))
