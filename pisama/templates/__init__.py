"""The templates of what is shown as HTML: the report, and its summary for notebooks and for browsers without scripts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment

STYLES = ("base", "summary", "timeline", "steps", "print")
"""Style sheets of the report, in the order in which they hold."""
SCRIPTS = (
    *("dom", "text", "run", "search", "summary", "issues"),
    *("drawing", "timeline", "step", "steps", "overview", "page"),
)
"""Scripts of the report, in the order in which they run: each knows only those before it."""


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The templates of this folder. What they are given is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("pisama", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def style() -> str:
    """The style sheet of the report."""
    return "\n".join(_sources("style", STYLES, "css"))


def script() -> str:
    """The script of the report, in a scope of its own."""
    together = "\n".join(_sources("script", SCRIPTS, "js"))
    return f'"use strict";\n{{\n{together}}}\n'


def _sources(folder: str, names: tuple[str, ...], extension: str) -> Iterator[str]:
    files = resources.files("pisama.templates").joinpath(folder)
    for name in names:
        yield files.joinpath(f"{name}.{extension}").read_text(encoding="utf-8").replace("\r\n", "\n")
