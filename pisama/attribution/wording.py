"""How a step speaks: whether it has something, agrees, doubts, or makes do without evidence. English only."""

from __future__ import annotations

import re

from pisama.patterns import lazy

AGREES = lazy(
    r"""\b(?:agree
        |looks?\ (?:good|correct|accurate|solid)
        |(?:is|are|been|appears?|seems?)\ (?:accurate|correct|consistent|valid|verified|validated|confirmed)
        |confirm(?:s|ed)?|verified|validated
        |no\ (?:further|other)\ (?:objections?|issues|questions)
        |conclude|finali[sz]e|terminate)\b""",
    re.IGNORECASE | re.VERBOSE,
)
"""Assent, and calls to close."""

DOUBTS = lazy(
    r"""\b(?:incorrect|wrong|mistake|however
        |not\ (?:correct|accurate|found|defined|available|provide)
        |discrepanc\w{1,5}|inconsisten\w{1,5}
        |re-?(?:check|evaluate|run|examine|visit)
        |failed|did\ not|error|issue|unfortunately)\b""",
    re.IGNORECASE | re.VERBOSE,
)
"""Somebody says that something is not right."""

MAKES_DO = lazy(
    r"""\b(?:manual(?:ly)?|assum(?:e|ed|es|ing|ption|ptions)|hypothetical|mock|placeholders?|simulat\w{1,5}
        |(?:sample|example)\ data
        |general(?:ly)?\ (?:knowledge|speaking)|my\ knowledge
        |based\ on\ (?:available|general|common|known|historical)
        |typically|approximately|likely|estimated?)\b""",
    re.IGNORECASE | re.VERBOSE,
)
"""Assumptions, made-up data, work by hand where a tool was meant."""

INTENDS = lazy(
    r"\b(?:please|can you|could you|would you|let'?s|let me|I will|I'll|we (?:will|should|need to|can)|next,?)\b",
    re.IGNORECASE,
)
"""Requests, and acts that are still to come."""

HAS = lazy(
    r"""\b(?:here\ (?:is|are)|the\ following\ (?:is|are)|(?:I|we)\ have|based\ on|according\ to|as\ follows
        |results?:|findings|retrieved|identified|found)\b""",
    re.IGNORECASE | re.VERBOSE,
)
"""Something is presented as found or known."""

FILE = lazy(r"[\w\-/]{1,80}\.(?:csv|xlsx?|json|txt|pdf|png|jpe?g|mp3|docx?)\b")
"""Names of files of data."""


def count(pattern: re.Pattern[str], text: str) -> int:
    """How often a pattern occurs."""
    return sum(1 for _ in pattern.finditer(text))
