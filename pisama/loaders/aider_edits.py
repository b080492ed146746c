"""Edits that aider's models write out as text, and what aider says became of them."""

from __future__ import annotations

from pisama.trace import JSON, Location, ToolCall

EDIT = "edit"
_SEARCH, _DIVIDER, _REPLACE = "<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE"
_FAILED = (
    "SEARCH/REPLACE block failed to match",
    "SEARCH/REPLACE blocks failed to match",
    "did not conform to the edit format",
)
_HEAD = 400


def written_edits(text: str, name: str, at: Location | None) -> ToolCall | None:
    """The blocks that search for lines and replace them, as one call; None when there is none."""
    if _SEARCH not in text:
        return None
    edits: list[JSON] = []
    path = ""
    before = ""
    found: list[list[str]] | None = None
    for line in text.splitlines():
        mark = line.rstrip()
        if mark == _SEARCH:
            path, found = before, [[]]
        elif found is None:
            before = before if line.startswith("```") or not mark else mark
        elif mark == _DIVIDER and len(found) == 1:
            found.append([])
        elif mark == _REPLACE:
            search, replace = "\n".join(found[0]), "\n".join(found[1]) if len(found) > 1 else ""
            edits.append({"path": path, "search": search, "replace": replace})
            found = None
        else:
            found[-1].append(line)
    return ToolCall(EDIT, {"edits": edits}, name, at=at) if edits else None


def says_failed(text: str) -> bool:
    """Whether this is aider's answer to an edit that it could not apply."""
    return any(words in text[:_HEAD] for words in _FAILED)
