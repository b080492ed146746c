"""The output formats by name."""

from __future__ import annotations

from importlib import import_module

from pisama.report import Report

FORMATS = ("text", "json", "sarif", "junit", "github", "markdown")


def rendered(report: Report, name: str) -> str:
    """The report in one of the formats."""
    # One module alone: building the shapes of the JSON takes longer than a small analysis.
    module = import_module(f"pisama.output.as_{name}")
    return str(module.render(report))
