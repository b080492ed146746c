"""Regular expressions that are compiled when they are first used: most runs need few of them, and compiling takes
longer than reading a small trace."""

from __future__ import annotations

import re
from typing import cast

_METHODS = ("search", "match", "fullmatch", "finditer", "findall", "split", "sub")


class _Lazy:
    """Stands for a pattern and becomes it when it is first asked for something."""

    def __init__(self, pattern: str, flags: int) -> None:
        self.pattern = pattern
        self.flags = flags

    def __getattr__(self, name: str) -> object:
        if name not in _METHODS:
            raise AttributeError(name)
        compiled = re.compile(self.pattern, self.flags)
        # Kept as attributes, so that every later use costs no more than that of a compiled pattern.
        for method in _METHODS:
            setattr(self, method, getattr(compiled, method))
        return getattr(self, name)


def lazy(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """`re.compile` at the first use. `re.error` is raised then too; of the attributes only `pattern` and `flags` are there."""
    return cast("re.Pattern[str]", _Lazy(pattern, flags))
