"""How a reply breaks a directive, read off the reply itself."""

from __future__ import annotations

import re

from pisama.directives import Directive, DirectiveKind

TRAILING = 30
"""Characters that may follow a literal a reply must end with: a full stop, a code fence."""


def reply_breaks(directive: Directive, reply: str) -> str | None:
    """How a reply breaks a directive, as the end of a sentence; None when it does not or cannot be seen."""
    checks = {
        DirectiveKind.END: _breaks_end,
        DirectiveKind.START: _breaks_start,
        DirectiveKind.CONTAIN: _breaks_contain,
        DirectiveKind.FORBID: _breaks_forbid,
        DirectiveKind.LENGTH: _breaks_length,
        DirectiveKind.PARTS: _breaks_parts,
        DirectiveKind.NO_FINAL_STOP: _breaks_final_stop,
    }
    check = checks.get(directive.kind)
    return check(directive, reply) if check is not None and reply.strip() else None


def _flat(text: str) -> str:
    return " ".join(text.split()).lower()


def _bare(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", text.lower()))


def _breaks_end(directive: Directive, reply: str) -> str | None:
    literal, text = _flat(directive.literals[0]), _flat(reply[-4000:])
    place = text.rfind(literal)
    if place < 0:
        return f"does not end with {directive.literals[0]!r}"
    rest = len(text) - place - len(literal)
    return f"goes on after {directive.literals[0]!r}" if rest > TRAILING else None


def _breaks_start(directive: Directive, reply: str) -> str | None:
    literal, text = _flat(directive.literals[0]), _flat(reply[:400]).lstrip("*#_>` ")
    return (
        None
        if text.startswith(literal.lstrip("*#_>` "))
        else f"does not start with {directive.literals[0]!r}"
    )


def _breaks_contain(directive: Directive, reply: str) -> str | None:
    text = _flat(reply)
    missing = [literal for literal in directive.literals if _flat(literal) not in text]
    return f"lacks {', '.join(repr(literal) for literal in missing)}" if missing else None


def _breaks_forbid(directive: Directive, reply: str) -> str | None:
    for literal in directive.literals:
        if re.search(rf"(?<![\w'\"`“]){re.escape(literal)}(?![\w'\"`”])", reply, re.IGNORECASE):
            return f"contains {literal!r}"
    return None


def measure(text: str, unit: str) -> int:
    """The length of a text in words, characters, sentences, lines or paragraphs."""
    if unit == "word":
        return len(text.split())
    if unit == "line":
        return sum(1 for line in text.splitlines() if line.strip())
    if unit == "paragraph":
        return sum(1 for part in re.split(r"\n[ \t]*\n", text) if part.strip())
    if unit == "sentence":
        return max(1, len(re.findall(r"[.!?][\"')\]]{0,2}(?=\s+[A-Z\"'(]|\s*\Z)", text)))
    return len(text)


def _breaks_length(directive: Directive, reply: str) -> str | None:
    count = measure(reply.strip(), directive.unit)
    # Counting words differs by how hyphens and symbols are taken; a tenth is not a broken limit.
    allowed = directive.limit * 1.1 if directive.limit >= 20 else directive.limit
    if count <= allowed:
        return None
    return f"has {count} {directive.unit}s where at most {directive.limit} are allowed"


def _breaks_parts(directive: Directive, reply: str) -> str | None:
    text = _bare(reply)
    missing = [
        title for title in directive.literals if _bare(re.sub(r"\([^)]{0,60}\)", "", title)) not in text
    ]
    return f"lacks the part {missing[0]!r}" if missing else None


def _breaks_final_stop(_: Directive, reply: str) -> str | None:
    text = reply.strip()
    return f"ends with {text[-1]!r}" if text[-1] in ".!?" and not text.endswith("...") else None
