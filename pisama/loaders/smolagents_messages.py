"""The messages that smolagents' `write_memory_to_messages()` makes of its steps."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import ClassVar

from pisama.loaders.base import Document, Loaded
from pisama.loaders.items import Batch, batches, sample_batches
from pisama.loaders.messages import ChatMessage, ToolResult, content_text, read_message
from pisama.loaders.python_text import open_python
from pisama.loaders.runs import Act, RunBuilder, run_name
from pisama.loaders.values import as_list, as_mapping, as_text
from pisama.patterns import lazy
from pisama.report import LoadError
from pisama.trace import JSON, Location, ToolCall

_LISTS = ("messages",)
_CALL, _RESPONSE = "tool-call", "tool-response"
_CALLING = "Calling tools:\n"
_OBSERVED = "Observation:\n"
_FAILED = "Error:\n"
_RETRY = "\nNow let's retry:"
_CALL_ID = lazy(r"Call id: [^\n]{0,200}\n")
_NAMED = lazy(r"Error executing tool '([^'\n]{1,200})' with arguments (\{.*?\}): ", re.DOTALL)
_INTERPRETER = "python_interpreter"
_FINAL = "final_answer"
_TASK = "New task:\n"
_MAX_STEPS = "Reached max steps."


class SmolagentsMessagesLoader:
    """A list of messages is a run; a message of the model and the calls after it are one step."""

    id: ClassVar[str] = "smolagents-messages"
    title: ClassVar[str] = "smolagents messages"
    recognised_by: ClassVar[str] = "messages of role `tool-call` or `tool-response`"

    def sniff(self, document: Document) -> float:
        """By roles that only smolagents has."""
        roles = [as_mapping(value).get("role") for value in sample_batches(document, *_LISTS)]
        return 0.9 if _CALL in roles or _RESPONSE in roles else 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each list."""
        for number, batch in enumerate(batches(document, *_LISTS)):
            if isinstance(batch, LoadError):
                yield batch
            else:
                yield from _Run(batch).load(document, number)


class _Run:
    """Reads one list of messages."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._run = RunBuilder(batch.at)
        self._said: tuple[int, ChatMessage] | None = None
        self._open: tuple[ToolCall, ...] = ()

    def load(self, document: Document, number: int) -> Iterator[Loaded]:
        """The trace, and an error for each record that is no message."""
        for index, record in enumerate(self._batch.records):
            value = as_mapping(record.value)
            role = value.get("role")
            if not isinstance(role, str):
                yield LoadError("not a message: it has no role", record.at)
            elif role == _CALL or (role == "assistant" and _calls(value)):
                self._called(value, record.at, index)
            elif role == _RESPONSE:
                self._answered(value, record.at, index)
            else:
                self._message(value, record.at, index)
        self._flush(())
        yield self._run.trace(
            run_name(document, number), SmolagentsMessagesLoader.id, complete=not document.growing
        )

    def _message(self, value: Mapping[str, JSON], at: Location, index: int) -> None:
        self._flush(())
        message = read_message(value, at)
        if message.role == "assistant":
            self._said = (index, message)
        elif message.role == "user" and message.text.startswith(_TASK):
            self._run.hear(replace(message, text=message.text.removeprefix(_TASK)))
        else:
            self._run.hear(message)

    def _called(self, value: Mapping[str, JSON], at: Location, index: int) -> None:
        text = content_text(value.get("content")) or ""
        listed = as_list(open_python(text.removeprefix(_CALLING)))
        calls = read_message({"role": "assistant", "tool_calls": listed}, at).calls
        if self._said is None:
            self._said = (index, ChatMessage("assistant", "" if calls else text, at=at))
        self._flush(tuple(map(_with_code, calls)))

    def _flush(self, calls: tuple[ToolCall, ...]) -> None:
        """The act that was being read is complete."""
        said, self._said = self._said, None
        if said is None:
            return
        index, message = said
        self._run.act(replace(message, calls=calls or message.calls), Act(), index=index)
        answer = next((call for call in calls if call.name == _FINAL), None)
        if answer is not None and self._run.answer is None:
            self._run.answer = as_text(as_mapping(answer.arguments).get("answer"))
        self._open = calls

    def _answered(self, value: Mapping[str, JSON], at: Location, index: int) -> None:
        """An observation, or an error, which is all that is left of a step in which a tool raised."""
        self._flush(())
        text = _CALL_ID.sub("", content_text(value.get("content")) or "", count=1)
        if _FAILED not in text[: len(_FAILED)]:
            self._give(text.removeprefix(_OBSERVED), None, at)
            return
        error = text.removeprefix(_FAILED).partition(_RETRY)[0].strip()
        if error.startswith(_MAX_STEPS):
            self._run.outcome = "max_steps"
            return
        named = _NAMED.match(error[:20_000])
        if not self._open and named is not None:
            call = ToolCall(named.group(1), open_python(named.group(2)), at=at)
            self._said = (index, ChatMessage("assistant", at=at))
            self._flush((call,))
        self._give(error, error, at)

    def _give(self, text: str, error: str | None, at: Location) -> None:
        """What came back, to all calls of the step together."""
        calls, self._open = self._open, ()
        if not calls:
            self._run.hear(ChatMessage("tool", text, at=at))
            return
        if error is None and any(call.name == _FINAL for call in calls):
            self._run.answer = text
        results = [ToolResult(text, calls[0].id, calls[0].name, error)]
        results += [ToolResult(None, call.id, call.name, error) for call in calls[1:] if error is not None]
        self._run.hear(ChatMessage("tool", results=tuple(results), at=at))


def _calls(value: Mapping[str, JSON]) -> bool:
    """Whether this message lists calls; versions before 1.10 give such a message the role of the agent."""
    return (content_text(value.get("content")) or "").startswith(_CALLING + "[")


def _with_code(call: ToolCall) -> ToolCall:
    """The interpreter is given its code bare."""
    is_code = call.name == _INTERPRETER and isinstance(call.arguments, str)
    return replace(call, arguments={"code": call.arguments}) if is_code else call
