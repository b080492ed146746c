"""The output formats by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pisama.output import as_github, as_json, as_junit, as_markdown, as_sarif, as_text
from pisama.report import Report

RENDERERS: Mapping[str, Callable[[Report], str]] = {
    "text": as_text.render,
    "json": as_json.render,
    "sarif": as_sarif.render,
    "junit": as_junit.render,
    "github": as_github.render,
    "markdown": as_markdown.render,
}
"""Each is a pure function from a report to the text of its format."""
