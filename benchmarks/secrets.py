"""`python -m benchmarks.secrets [DATA ...]`: how many secrets are recognised, and what is taken for one that is none."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.command import application, show, table, write_json
from benchmarks.planted_secrets import KINDS, Planted, planted
from pisama.api import load
from pisama.redact import redact
from pisama.trace import Trace

_MARK = re.compile(r"\[(secret|email):[0-9a-f]{4}\]")
_CONTEXT = 60
_TELLING = 12
"""Characters of a secret in a row that must not be left: what is shorter is a prefix, a number of an account."""


def main(
    data: Annotated[
        list[Path] | None,
        typer.Argument(help="Folders of traces that hold no secrets.", show_default=False),
    ] = None,
    json: Annotated[
        Path | None, typer.Option(help="Write the figures to this file.", show_default=False)
    ] = None,
    *,
    quotes: Annotated[bool, typer.Option("--quotes", help="Show what was redacted, in its place.")] = False,
) -> None:
    """Recall on planted secrets; on real traces every redaction but that of an e-mail address counts as false."""
    tried, found = Counter[str](), Counter[str]()
    for each in planted():
        tried[each.kind] += 1
        found[each.kind] += hidden(each, redact(each.text))
    rows = [(kind, str(tried[kind]), f"{found[kind] / tried[kind]:.3f}") for kind in KINDS]
    recall = found.total() / tried.total()
    rows.append(("all", str(tried.total()), f"{recall:.3f}"))
    show(table(f"planted secrets of {len(KINDS)} kinds", ("kind", "planted", "recall"), rows))
    figures: dict[str, object] = {
        "benchmark": "secrets",
        "kinds": len(KINDS),
        "planted": tried.total(),
        "recall": recall,
    }
    if data:
        figures["traces"] = _on_traces(data, quotes=quotes)
    if json is not None:
        write_json(json, figures)


def hidden(secret: Planted, text: str) -> bool:
    """Whether no part of a secret that says anything stands in a text."""
    parts = range(max(1, len(secret.secret) - _TELLING + 1))
    return not any(secret.secret[place : place + _TELLING] in text for place in parts)


def _on_traces(folders: list[Path], *, quotes: bool) -> dict[str, object]:
    traces, marked = 0, Counter[str]()
    for trace in (trace for folder in folders for trace in load(folder).traces):
        traces += 1
        seen = set()
        for text in _texts(trace):
            cleaned = redact(text)
            for mark in _MARK.finditer(cleaned):
                seen.add(mark[1])
                if quotes and mark[1] == "secret":
                    typer.echo(f"{trace.at}: …{_around(cleaned, mark)}…")
        marked.update(seen)
    share = {kind: marked[kind] / max(1, traces) for kind in ("secret", "email")}
    rows = [(kind, str(marked[kind]), f"{share[kind]:.3f}") for kind in share]
    show(table(f"{traces} real traces", ("redacted", "traces", "share"), rows))
    return {"traces": traces, **{f"share with {kind}": value for kind, value in share.items()}}


def _around(text: str, mark: re.Match[str]) -> str:
    return " ".join(text[max(0, mark.start() - _CONTEXT) : mark.end() + _CONTEXT].split())


def _texts(trace: Trace) -> Iterator[str]:
    """Everything that was said, given or returned in a run."""
    yield trace.task or ""
    for step in trace.steps:
        yield step.words
        yield from (message.text for message in step.seen)
        for call in step.tool_calls:
            yield from (str(call.arguments), call.result or "", call.error or "")


if __name__ == "__main__":
    application(main)()
