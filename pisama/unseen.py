"""Characters that nobody sees, and letters that workflow runners obey, in whatever is shown or written."""

from __future__ import annotations

import re

from pisama.patterns import lazy

UNSEEN = (
    r"\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    r"\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Controls, directions, and what takes no room or is blank (Default_Ignorable_Code_Point of Unicode), such as the tags
and the variation selectors in which text can be hidden."""
STYLED = r"(?<=[A-Za-z\s\ufe0e\ufe0f])[\ufe0e\ufe0f]"
"""The selectors of text or colour, where they select nothing: behind a symbol they are a part of what is seen."""
RUNNER = r"(?<=#)#(?=\w{0,20}\[)"
"""The second letter of `##[`, `##vso[` and `##teamcity[`, which Actions, Azure Pipelines and TeamCity obey anywhere in
a line of a log."""
COMMAND = lazy(r"^([^\S\n]*):(?=:)", re.MULTILINE)
"""The beginning of `::`, which Actions obeys where a line begins with it, white space aside."""
_IN_JSON = lazy(rf"[{UNSEEN}]|{STYLED}|{RUNNER}")
_IN_XML = lazy(RUNNER)


def visible_json(text: str) -> str:
    """JSON text of the same value in which such letters are written as `\\u` and four digits."""
    return _IN_JSON.sub(_code_units, text)


def no_commands_in_xml(text: str) -> str:
    """XML or HTML of the same value that is no command to a runner whose log it stands in."""
    return COMMAND.sub(r"\1&#58;", _IN_XML.sub("&#35;", text))


def _code_units(match: re.Match[str]) -> str:
    units = match.group().encode("utf-16-be").hex()
    return "".join(f"\\u{units[place : place + 4]}" for place in range(0, len(units), 4))
