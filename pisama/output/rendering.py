"""A report in the format of a name."""

from __future__ import annotations

from importlib import import_module

from pisama.report import Report


def rendered(report: Report, name: str, *, color: bool = False, width: int = 100) -> str:
    """The report as text, in one of the formats that are modules here: `as_json`, `as_sarif` …

    `color` and `width` in columns are for `text`, which people read on a terminal.
    """
    if name == "text":
        from pisama.output import as_text

        return as_text.render(report, color=color, width=width)
    # One module alone: building the shapes of the JSON takes longer than a small analysis.
    module = import_module(f"pisama.output.as_{name}")
    return str(module.render(report))
