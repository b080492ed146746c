"""Trajectories of mini-SWE-agent, from the first ones, which are bare lists of messages, to 2.x."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import ClassVar

from pisama.loaders.base import Document, Loaded
from pisama.loaders.messages import ChatMessage, ToolResult, read_message
from pisama.loaders.usages import usage_of
from pisama.loaders.values import as_list, as_mapping, as_nanoseconds, as_number, as_string
from pisama.report import LoadError
from pisama.trace import JSON, Location, ToolCall, Usage

AGENT = "mini-swe-agent"
_SHELL = "bash"
_FORMAT = "mini-swe-agent"
_FENCES = ("```mswea_bash_command\n", "```bash\n")
_RETURNED = "<returncode>"
_NOT_EXECUTED = "action was not executed"
_OUTCOMES = {
    "Submitted": "success",
    "LimitsExceeded": "max_steps",
    "TimeExceeded": "max_time",
    "RepeatedFormatError": "error",
}
_MESSAGES_SEEN = 12


class MiniSweAgentLoader:
    """One object, or one bare list of messages, is one run. Commands in fences are calls like any other."""

    id: ClassVar[str] = "mini-swe-agent"
    title: ClassVar[str] = "mini-SWE-agent trajectory"
    recognised_by: ClassVar[str] = (
        "a `trajectory_format` of its name; or commands in fences answered by `<returncode>`"
    )

    def sniff(self, document: Document) -> float:
        """By the name of the format, else by what its commands return."""
        return max((_mark(value) for value in document.sample[:8]), default=0.0)

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each object, or for each list of messages."""
        for record in document.records():
            if isinstance(record, LoadError):
                yield record
            elif _messages(record.value) is None:
                yield LoadError("no trajectory of mini-SWE-agent", record.at)
            else:
                yield from _Run(record.value, record.at).load(document)


def _messages(value: JSON) -> list[JSON] | None:
    messages = value.get("messages") if isinstance(value, dict) else value
    return messages if isinstance(messages, list) else None


def _mark(value: JSON) -> float:
    record = as_mapping(value)
    if (as_string(record.get("trajectory_format")) or "").startswith(_FORMAT):
        return 1.0
    messages = [as_mapping(message) for message in (_messages(value) or [])[:_MESSAGES_SEEN]]
    texts = [(message.get("role"), message.get("content")) for message in messages]
    returned = any(
        role == "user" and isinstance(text, str) and text.startswith(_RETURNED) for role, text in texts
    )
    asked = any(role == "assistant" and isinstance(text, str) and _command(text) for role, text in texts)
    return 0.85 if returned and asked else 0.0


class _Run:
    """One run, half read."""

    def __init__(self, value: JSON, at: Location) -> None:
        # Every chat is looked at, and hardly any is read, here.
        from pisama.loaders.turns import Turns

        self._info = as_mapping(as_mapping(value).get("info"))
        self._messages = _messages(value) or []
        self._at = at if isinstance(value, list) else Location(at.path, at.line, f"{at.pointer}/messages")
        config = as_mapping(as_mapping(self._info.get("config")).get("model"))
        self._turns = Turns(AGENT, as_string(config.get("model_name")))
        self._asked: str | None = None
        self._task: str | None = None
        self._answer = as_string(self._info.get("submission"))
        self._status = as_string(self._info.get("exit_status"))

    def load(self, document: Document) -> Iterator[Loaded]:
        """The trace, and an error for each message that could not be read."""
        from pisama.loaders.turns import session_trace

        for place, value in enumerate(self._messages):
            at = Location(self._at.path, self._at.line, f"{self._at.pointer}/{place}")
            if not isinstance(value, dict):
                yield LoadError("not a message", at)
                continue
            self._read(value, at)
        yield session_trace(
            document,
            MiniSweAgentLoader.id,
            None,
            self._turns.steps(),
            self._task,
            self._at,
            answer=self._answer,
            ended=True if self._status else None,
            outcome=_OUTCOMES.get(self._status, self._status) if self._status else None,
        )

    def _read(self, record: Mapping[str, JSON], at: Location) -> None:
        extra = as_mapping(record.get("extra"))
        message = read_message(record, at)
        if record.get("role") == "exit":
            self._status = as_string(extra.get("exit_status")) or message.text or self._status
            self._answer = self._answer or as_string(extra.get("submission"))
        elif message.role == "assistant":
            self._act(message, extra)
        elif message.role == "tool":
            self._answered(message, extra, at)
        elif message.text.startswith(_RETURNED) and self._asked is not None:
            self._turns.answer(ToolResult(message.text, self._asked), at)
        else:
            self._hear(message, extra, at)

    def _hear(self, message: ChatMessage, extra: Mapping[str, JSON], at: Location) -> None:
        choice = as_mapping(next(iter(as_list(as_mapping(extra.get("response")).get("choices"))), None))
        rejected = choice.get("message")
        if isinstance(rejected, dict):
            # An answer in the wrong form is kept only with the complaint about it.
            self._act(read_message({**rejected, "role": "assistant"}, at), extra)
        if "interrupt_type" in extra:
            # The program speaks in the user's place.
            self._turns.hear(replace(message, role="tool"))
            return
        if message.role == "user" and self._task is None:
            self._task = message.text or None
        self._turns.hear(message)

    def _act(self, message: ChatMessage, extra: Mapping[str, JSON]) -> None:
        turns = self._turns
        turns.close()
        time = as_nanoseconds(extra.get("timestamp"))
        turns.think(message.reasoning or "", message.at, time)
        turns.say(message.text, message.at, time)
        command = _command(message.text)
        calls = message.calls
        self._asked = None
        if not calls and command:
            self._asked = f"message {message.at.pointer if message.at else ''}"
            calls = (ToolCall(_SHELL, {"command": command}, self._asked, at=message.at),)
        for call in calls:
            turns.call(call)
        response = as_mapping(extra.get("response"))
        choice = as_mapping(next(iter(as_list(response.get("choices"))), None))
        turns.finish(as_string(choice.get("finish_reason")), time)
        usage = usage_of(response.get("usage"))
        if usage is not None:
            turns.spend(
                Usage(
                    usage.input_tokens, usage.output_tokens, usage.cached_tokens, as_number(extra.get("cost"))
                )
            )
        turns.close()

    def _answered(self, message: ChatMessage, extra: Mapping[str, JSON], at: Location) -> None:
        if extra.get("exception_info") == _NOT_EXECUTED:
            # The command that ends the run is recognised and not run.
            return
        for result in message.results:
            self._turns.answer(result, at, as_nanoseconds(extra.get("timestamp")))


def _command(text: str) -> str:
    """The command in the first fence; empty when there is none."""
    starts = [(start, fence) for fence in _FENCES if (start := text.find(fence)) >= 0]
    if not starts:
        return ""
    start, fence = min(starts)
    end = text.find("\n```", start + len(fence))
    return text[start + len(fence) : end].strip() if end >= 0 else ""
