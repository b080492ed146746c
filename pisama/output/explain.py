"""Detectors explained, for `pisama detectors` and for docs/detectors.md."""

from __future__ import annotations

from collections.abc import Iterable
from inspect import cleandoc

from pisama.detectors.base import Detector, Example, measured_confidence
from pisama.issue import Level


def catalogue(kinds: Iterable[type[Detector]]) -> str:
    """One line a detector: its id and the failure it finds."""
    listed = list(kinds)
    width = max(len(kind.id) for kind in listed)
    return "".join(f"{kind.id:<{width}}  {kind.title()}\n" for kind in listed)


def explain(kind: type[Detector], heading: str = "#") -> str:
    """Everything about one detector as Markdown: its page in the documentation."""
    text = cleandoc(kind.__doc__ or "").replace("\n## ", f"\n{heading}# ")
    needs = ", ".join(sorted(need.value for need in kind.needs))
    parts = [f"{heading} {kind.id}", text, f"Needs a trace that records {needs}.", _signals(kind)]
    if options := _options(kind):
        parts.append(options)
    parts += [
        _examples(f"{heading}# Fires on", kind.fires),
        _examples(f"{heading}# Stays quiet on", kind.quiet),
    ]
    if kind.tags:
        parts.append(f"Known elsewhere as {', '.join(kind.tags)}.")
    return "\n\n".join(parts) + "\n"


def _signals(kind: type[Detector]) -> str:
    rows = ["| signal | shows | level | confidence | at fault |", "|---|---|---|---|---|"]
    for name, signal in kind.signals.items():
        confidence = measured_confidence(kind.id, name, signal.confidence)
        level = Level.of(signal.severity).value
        rows.append(f"| `{name}` | {signal.shows} | {level} | {confidence:.2f} | {signal.fault} |")
    return "\n".join(rows)


def _options(kind: type[Detector]) -> str:
    if not kind.model_fields:
        return ""
    rows = ["| option | default | meaning |", "|---|---|---|"]
    explained = kind.options_explained()
    for name, field in kind.model_fields.items():
        rows.append(f"| `{name}` | `{field.default!r}` | {explained.get(name, '').replace(chr(10), ' ')} |")
    return "\n".join(rows)


def _examples(title: str, examples: tuple[Example, ...]) -> str:
    parts = [title]
    for example in examples:
        parts += [
            f"{example.title[:1].upper()}{example.title[1:]}:",
            f"```text\n{cleandoc(example.transcript)}\n```",
        ]
    return "\n\n".join(parts)
