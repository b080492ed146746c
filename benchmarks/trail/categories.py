"""The 21 categories of TRAIL and the normalisation its scorer applies to spellings of them."""

from __future__ import annotations

CATEGORIES = (
    "Language-only",
    "Tool-related",
    "Poor Information Retrieval",
    "Tool Output Misinterpretation",
    "Incorrect Problem Identification",
    "Tool Selection Errors",
    "Formatting Errors",
    "Instruction Non-compliance",
    "Tool Definition Issues",
    "Environment Setup Errors",
    "Rate Limiting",
    "Authentication Errors",
    "Service Errors",
    "Resource Not Found",
    "Resource Exhaustion",
    "Timeout Issues",
    "Context Handling Failures",
    "Resource Abuse",
    "Goal Deviation",
    "Task Orchestration Errors",
    "Incorrect Memory Usage",
)
"""In the order of the paper's taxonomy."""

_BY_KEY = {"".join(name.lower().split()): name for name in CATEGORIES}


def normalised(category: str) -> str:
    """The official name a spelling stands for; the spelling itself where it stands for none.

    Equality without case and white space comes first, then being part of an official name.
    """
    key = "".join(category.lower().split())
    if not key or key in _BY_KEY:
        return _BY_KEY.get(key, category)
    return next((name for known, name in _BY_KEY.items() if key in known), category)
