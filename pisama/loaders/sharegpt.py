"""Rows of data sets in ShareGPT's shape (`from` and `value`), with the dialects in which those for tool calling write calls.

Calls stand in messages of their own (LLaMA-Factory, Glaive: `function_call`, answered by `observation` or
`function_response`) or as JSON between tags in what the model says (Hermes: `<tool_call>`, `<tool_response>`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import ClassVar

from pisama.loaders.base import Document, Loaded, Record
from pisama.loaders.chat import read_chats
from pisama.loaders.items import items, sample_items
from pisama.loaders.python_text import open_python
from pisama.loaders.values import as_list, as_mapping, as_string, as_text, first, open_json
from pisama.report import LoadError
from pisama.trace import JSON, Role

_FIELDS = ("conversations", "conversation")
_SPEAKERS: Mapping[str, Role] = {
    "system": "system",
    "human": "user",
    "user": "user",
    **dict.fromkeys(("gpt", "chatgpt", "assistant", "model", "bot", "bing", "bard"), "assistant"),
    **dict.fromkeys(("function_call", "function-call", "tool_call"), "assistant"),
    **dict.fromkeys(("tool", "function", "observation"), "tool"),
    **dict.fromkeys(("function_response", "function-response", "tool_response"), "tool"),
}
_LOOK_AT = 8


class ShareGPTLoader:
    """A row is a run."""

    id: ClassVar[str] = "sharegpt"
    title: ClassVar[str] = "ShareGPT conversations"
    recognised_by: ClassVar[str] = "rows whose messages have `from` and `value`"

    def sniff(self, document: Document) -> float:
        """By the two fields of its messages."""
        rows = [as_mapping(value) for value in sample_items(document)]
        known = sum(_field(row) is not None for row in rows)
        return 0.9 if known and known * 2 >= len(rows) else 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each row."""
        return read_chats(replace(document, read=lambda: map(_as_chat, items(document))), self.id)


def _field(row: Mapping[str, JSON]) -> str | None:
    """The field of a row that holds its messages, as a list or as JSON text of one."""
    for field in _FIELDS:
        looked = [as_mapping(value) for value in as_list(open_json(row.get(field)))[:_LOOK_AT]]
        if looked and sum(_is_message(value) for value in looked) * 2 >= len(looked):
            return field
    return None


def _is_message(record: Mapping[str, JSON]) -> bool:
    speaker = record.get("from")
    return isinstance(speaker, str) and speaker.lower() in _SPEAKERS and "value" in record


def _as_chat(item: Record | LoadError) -> Record | LoadError:
    """The row with its messages as a chat API has them, each in its place."""
    row = as_mapping(item.value) if isinstance(item, Record) else {}
    field = _field(row)
    if field is None or isinstance(item, LoadError):
        return item
    messages = [_message(value) for value in as_list(open_json(row[field]))]
    return item._replace(value={**row, field: messages})


def _message(value: JSON) -> JSON:
    record = as_mapping(value)
    if not _is_message(record):
        return value
    speaker = (as_string(record["from"]) or "").lower()
    role, text = _SPEAKERS[speaker], as_text(record["value"]) or ""
    if role == "tool":
        content: JSON = [_result(part) for part in _tagged(text, "tool_response")[1] or [text]]
    elif role != "assistant":
        content = text
    elif "call" in speaker:
        content = _calls(text)
    else:
        said, calls = _tagged(text, "tool_call")
        content = [{"type": "text", "text": said.strip()}, *(part for call in calls for part in _calls(call))]
    return {"role": role, "content": content, "name": record.get("name")}


def _tagged(text: str, tag: str) -> tuple[str, list[str]]:
    """The text without what stands between tags of this name, and that."""
    before, *parts = text.split(f"<{tag}>")
    split = [part.partition(f"</{tag}>") for part in parts]
    return before + "".join(rest for _, _, rest in split), [inside for inside, _, _ in split]


def _calls(written: str) -> list[JSON]:
    """The call, or the list of calls, written as JSON or as Python prints it; what is neither stays text."""
    opened = _opened(written)
    calls = [as_mapping(value) for value in (opened if isinstance(opened, list) else [opened])]
    if not calls or not all(as_string(call.get("name")) for call in calls):
        return [{"type": "text", "text": written.strip()}]
    return [
        {"type": "tool_use", "name": call["name"], "input": first(call, "arguments", "parameters")}
        for call in calls
    ]


def _result(written: str) -> JSON:
    opened = as_mapping(_opened(written))
    return {"type": "tool_result", "content": written.strip(), "name": as_string(opened.get("name"))}


def _opened(written: str) -> JSON:
    opened = open_json(written)
    return open_python(written) if isinstance(opened, str) else opened
