"""Code that a model wrote between fences, for the framework around it to execute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

_FENCES = ("```py\n", "```python\n", "```\n", "<code>")
_FENCE_ENDS: Mapping[str, str] = {"<code>": "</code>"}


def fenced_code(text: str) -> str | None:
    """The code blocks of a model's answer, joined; None when it has no complete one."""
    blocks = list(_blocks(text))
    return "\n\n".join(blocks) if blocks else None


def _blocks(text: str) -> Iterator[str]:
    nearest = {fence: text.find(fence) for fence in _FENCES}
    while True:
        starts = [(start, fence) for fence, start in nearest.items() if start >= 0]
        if not starts:
            return
        start, fence = min(starts)
        begin = start + len(fence)
        closing = _FENCE_ENDS.get(fence, "\n```")
        end = text.find(closing, begin)
        if end < 0:
            return
        yield text[begin:end].strip("\n")
        end += len(closing)
        for other, place in nearest.items():
            if 0 <= place < end:
                nearest[other] = text.find(other, end)
