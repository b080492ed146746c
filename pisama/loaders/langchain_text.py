"""What `pretty_print` of LangChain's messages prints.

A message has a heading of 80 characters (`==== Ai Message ====`), perhaps a line `Name: …`, an empty
line, its words, and its calls, each with an id and its arguments one a line.
"""

from __future__ import annotations

from collections.abc import Iterator

from pisama.patterns import lazy
from pisama.trace import JSON

_HEADING = lazy(r"=+ (Human|Ai|Tool|System|Function|Chat) Message =+")
_CALL = lazy(r"  (\S.*) \((.*)\)")
_CALL_ID = " Call ID: "
_SECTIONS = ("Tool Calls:", "Invalid Tool Calls:")


def is_pretty_text(text: str) -> bool:
    """Whether a text begins with the heading of a message."""
    return _HEADING.fullmatch(text.lstrip()[:120].partition("\n")[0].rstrip()) is not None


def read_pretty_text(text: str) -> Iterator[tuple[int, dict[str, JSON]]]:
    """The messages with the numbers of their first lines, from 1, as `model_dump` would write them."""
    kind, first, lines = "", 0, list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        heading = _HEADING.fullmatch(line.rstrip())
        if heading is None:
            lines.append(line)
            continue
        if kind:
            yield first, _message(kind, lines)
        kind, first, lines = heading.group(1).lower(), number, []
    if kind:
        yield first, _message(kind, lines)


def _message(kind: str, lines: list[str]) -> dict[str, JSON]:
    name = lines[0].removeprefix("Name: ") if lines and lines[0].startswith("Name: ") else None
    body = lines[1:] if name is not None else lines
    section = next((place for place, line in enumerate(body) if line in _SECTIONS), len(body))
    calls = list(_calls(body[section:])) if kind == "ai" else []
    words = body[:section] if kind == "ai" else body
    message: dict[str, JSON] = {"type": kind, "content": "\n".join(words).strip("\n")}
    if name is not None:
        message["name"] = name
    if calls:
        message["tool_calls"] = calls
    message["additional_kwargs"] = {}
    return message


def _calls(lines: list[str]) -> Iterator[JSON]:
    name, call_id = "", ""
    given: list[str] | None = None
    for line in lines:
        start = _CALL.fullmatch(line) if not line.startswith("   ") else None
        if start is not None:
            if name:
                yield {"name": name, "id": call_id, "args": _arguments(given or [])}
            (name, call_id), given = start.groups(), None
        elif line == "  Args:":
            given = []
        elif given is not None and line not in _SECTIONS:
            given.append(line)
    if name:
        yield {"name": name, "id": call_id, "args": _arguments(given or [])}


def _arguments(lines: list[str]) -> JSON:
    """The arguments, one a line unless a value has several; a text where they could not be parsed."""
    if lines and not lines[0].startswith("    "):
        return "\n".join(lines).strip()
    arguments: dict[str, JSON] = {}
    last: str | None = None
    for line in lines:
        if line.startswith("    ") and ": " in line:
            last, _, value = line[4:].partition(": ")
            arguments[last] = value
        elif last is not None:
            arguments[last] = f"{arguments[last]}\n{line}"
    return arguments
