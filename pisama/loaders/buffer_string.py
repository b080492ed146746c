"""Conversations that LangChain wrote as one text, `System: …`, `Human: …`, `AI: …`, `Tool: …`.

LangChain's `get_buffer_string` makes such a text for callbacks that know only completion models; so
LangSmith runs and n8n executions hold the input of a chat model in this form. An `AI:` entry ends
with its tool calls, as a Python list or as JSON.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from pisama.loaders.python_text import open_python
from pisama.loaders.values import as_list, as_mapping, open_json
from pisama.trace import JSON

_ROLES = {"System": "system", "Human": "user", "AI": "assistant", "Tool": "tool", "Function": "tool"}
_CALLS = ("[{'name':", '[{"name":')
_LONGEST_HEADING = max(len(role) for role in _ROLES) + 2


def is_buffer_string(text: str) -> bool:
    """Whether a text begins as such a conversation does."""
    return _heading(text) is not None


def read_buffer_string(text: str) -> list[JSON]:
    """The messages in it, as chat messages; results get the id of the call that they answer in order."""
    messages: list[JSON] = []
    waiting: deque[JSON] = deque()
    for role, content in _entries(text):
        message: dict[str, JSON] = {"role": role, "content": content}
        if role == "assistant":
            message["content"], calls = _split_calls(content)
            waiting = deque(calls)
            if calls:
                message["tool_calls"] = calls
        elif role == "tool" and waiting:
            call = as_mapping(waiting.popleft())
            message |= {"tool_call_id": call.get("id"), "name": call.get("name")}
        messages.append(message)
    return messages


def _entries(text: str) -> Iterator[tuple[str, str]]:
    role = "user"
    lines: list[str] = []
    for line in text.split("\n"):
        heading = _heading(line)
        if heading is None:
            lines.append(line)
            continue
        if lines:
            yield role, "\n".join(lines)
        role = _ROLES[heading]
        lines = [line[len(heading) + 1 :].removeprefix(" ")]
    yield role, "\n".join(lines)


def _heading(line: str) -> str | None:
    heading, colon, _ = line[:_LONGEST_HEADING].partition(":")
    return heading if colon and heading in _ROLES else None


def _split_calls(text: str) -> tuple[str, list[JSON]]:
    """The words of an `AI:` entry and its calls."""
    places = [place for place in map(text.find, _CALLS) if place >= 0]
    if not places:
        return text, []
    place = min(places)
    opened = open_json(text[place:])
    if isinstance(opened, str):
        opened = open_python(opened)
    calls: list[JSON] = [call for call in as_list(opened) if isinstance(call, dict)]
    return (text[:place], calls) if calls else (text, [])
