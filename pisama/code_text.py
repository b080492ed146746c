"""What code says about names, read line by line without parsing it: it may be broken, or hostile."""

from __future__ import annotations

import re
from typing import NamedTuple

from pisama.patterns import lazy
from pisama.trace import ToolCall

CODE_LIMIT = 40_000
"""Characters of a piece of code that are read."""
CODE_KEYS = ("code", "script", "source", "python_code")
"""Arguments that hold code to be run."""

_FROM = lazy(
    r"^[ \t]{0,40}from[ \t]{1,4}(?P<module>[\w.]{1,100})[ \t]{1,4}import[ \t]{1,4}\(?(?P<names>[^\n#)]{1,400})",
    re.MULTILINE,
)
_IMPORT = lazy(r"^[ \t]{0,40}import[ \t]{1,4}(?P<modules>[^\n#;]{1,400})", re.MULTILINE)
_DEFINED = lazy(r"^[ \t]{0,40}(?:(?:async[ \t]{1,4})?def|class)[ \t]{1,4}(?P<name>\w{1,100})", re.MULTILINE)
_ASSIGNED = lazy(
    r"^[ \t]{0,40}(?P<name>[A-Za-z_]\w{0,100})[ \t]{0,4}(?::[ \t]{0,4}[\w\[\], .|]{1,60})?=(?!=)",
    re.MULTILINE,
)

_LITERAL = lazy(
    r""""{3}(?s:.*?)"{3}|'{3}(?s:.*?)'{3}|(?<!\\)"(?:[^"\\\n]|\\.){0,2000}"|(?<!\\)'(?:[^'\\\n]|\\.){0,2000}'|#[^\n]{0,2000}"""
)


class Imports(NamedTuple):
    """What a piece of Python code imports."""

    modules: frozenset[str]
    """Top-level modules."""
    names: frozenset[str]
    """Names that become available: modules, what is taken out of them, and aliases."""


def code_of(call: ToolCall) -> str | None:
    """The code a call asks to be run; None when it carries none."""
    arguments = call.arguments
    if not isinstance(arguments, dict):
        return None
    return next(
        (value[:CODE_LIMIT] for key in CODE_KEYS if isinstance(value := arguments.get(key), str)), None
    )


def without_literals(code: str) -> str:
    """The code with its strings emptied and its comments gone, so that only what it does is left."""
    return _LITERAL.sub("''", code)


def imported(code: str) -> Imports:
    """The imports of Python code."""
    modules, names = set[str](), set[str]()
    for match in _FROM.finditer(code):
        modules.add(match["module"].split(".", 1)[0])
        names.update(_bound(match["names"]))
    for match in _IMPORT.finditer(code):
        for part in match["modules"].split(","):
            words = part.split()
            if words:
                modules.add(words[0].split(".", 1)[0])
                names.add(words[-1].split(".", 1)[0])
    return Imports(frozenset(modules), frozenset(names))


def redefined(code: str) -> frozenset[str]:
    """Names that the code defines as a function, as a class or as a variable."""
    return frozenset(match["name"] for pattern in (_DEFINED, _ASSIGNED) for match in pattern.finditer(code))


def _bound(names: str) -> set[str]:
    parts = (part.split() for part in names.split(","))
    return {words[-1].strip("()") for words in parts if words}
