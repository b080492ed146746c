"""What `pretty_print` of LangChain's messages prints.

A message has a heading of 80 characters (`==== Ai Message ====`), perhaps a line `Name: …`, an empty
line, its words, and its calls, each with an id and its arguments one a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pisama.trace import JSON

_HEADING = re.compile(r"=+ (Human|Ai|Tool|System|Function|Chat) Message =+")
_CALL = re.compile(r"  (\S.*) \((.*)\)")
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
    call: dict[str, JSON] | None = None
    arguments: dict[str, JSON] = {}
    last: str | None = None
    for line in lines:
        start = _CALL.fullmatch(line)
        if start is not None and not line.startswith("   "):
            if call is not None:
                yield call
            arguments, last = {}, None
            call = {"name": start.group(1), "id": start.group(2), "args": arguments}
        elif call is None or line in _SECTIONS or line.startswith(_CALL_ID) or line == "  Args:":
            continue
        elif line.startswith("    ") and ": " in line:
            last, _, value = line[4:].partition(": ")
            arguments[last] = value
        elif last is not None:
            arguments[last] = f"{arguments[last]}\n{line}"
    if call is not None:
        yield call
