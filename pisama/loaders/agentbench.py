"""AgentBench: the `runs.jsonl` of its assigner, one sample a line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import ClassVar

from pisama.loaders.base import Document, Loaded
from pisama.loaders.items import items, sample_items
from pisama.loaders.message_parts import ToolResult
from pisama.loaders.messages import ChatMessage
from pisama.loaders.runs import Act, RunBuilder, inside
from pisama.loaders.values import as_list, as_mapping, as_nanoseconds, as_string, as_text
from pisama.patterns import lazy
from pisama.report import LoadError
from pisama.trace import JSON, Location, ToolCall, Trace

_AGENT = "agent"
_OUTCOMES: Mapping[str, str] = {
    "task limit reached": "max_steps",
    "agent context limit": "context_limit",
    "agent validation failed": "error",
    "agent invalid action": "error",
    "task error": "error",
    "unknown": "error",
    "cancelled": "aborted",
}
_ACT = lazy(r"^(?:Act|Action): ?([A-Za-z_]{1,40})[ \t]*$", re.MULTILINE)
_FENCE = lazy(r"```([A-Za-z]{0,20})\n")
_ANSWERS = ("The output of the OS:",)
"""How the environments of AgentBench introduce what a command printed."""


class AgentBenchLoader:
    """Lines of samples, each with the conversation between the agent and the environment."""

    id: ClassVar[str] = "agentbench"
    title: ClassVar[str] = "AgentBench run"
    recognised_by: ClassVar[str] = "`output.history` with `output.status`, beside `index` and `time`"

    def sniff(self, document: Document) -> float:
        """Certain of the fields of a sample."""
        return 1.0 if any(_is_sample(as_mapping(value)) for value in sample_items(document)[:5]) else 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each sample."""
        for record in items(document):
            if isinstance(record, LoadError):
                yield record
            elif _is_sample(as_mapping(record.value)):
                yield _trace(as_mapping(record.value), record.at)
            else:
                yield LoadError("not a sample of AgentBench", record.at)


def _is_sample(record: Mapping[str, JSON]) -> bool:
    if not {"index", "error", "output"} <= record.keys():
        return False
    output = record["output"]
    if isinstance(output, dict):
        return "status" in output and ("history" in output or "result" in output)
    return output is None and "time" in record


def _trace(sample: Mapping[str, JSON], at: Location) -> Trace:
    output = as_mapping(sample.get("output"))
    run = RunBuilder(at)
    waiting: str | None = None
    for number, value in enumerate(as_list(output.get("history"))):
        message = as_mapping(value)
        text = as_text(message.get("content")) or ""
        place = inside(at, "output", "history", number)
        if message.get("role") in (_AGENT, "assistant"):
            call = _written_call(text, place)
            waiting = call.name if call is not None else None
            said = ChatMessage("assistant", text, calls=(call,) if call is not None else (), at=place)
            run.act(said, Act(_AGENT), index=number)
        elif waiting is not None:
            run.hear(ChatMessage("tool", results=(ToolResult(_answer(text), name=waiting),), at=place))
            waiting = None
        else:
            run.hear(ChatMessage("user", text, at=place))
    status = as_string(output.get("status")) or ""
    error = as_text(sample.get("error"))
    run.outcome = "error" if error else _OUTCOMES.get(status)
    metadata: dict[str, JSON] = {"status": status}
    if error:
        metadata["error"] = error
    finished = as_nanoseconds(as_mapping(sample.get("time")).get("timestamp"))
    if finished is not None:
        metadata["finished"] = finished
    return run.trace(as_string(sample.get("index")) or "sample", AgentBenchLoader.id, metadata=metadata)


def _written_call(text: str, at: Location) -> ToolCall | None:
    """The command that an answer asks the environment to run: an action in words, then code in a fence."""
    act = _ACT.search(text)
    fence = _FENCE.search(text, act.end()) if act is not None else None
    if act is None or fence is None:
        return None
    end = text.find("```", fence.end())
    if end < 0:
        return None
    name = fence.group(1).lower() or act.group(1).lower()
    return ToolCall(name, {"code": text[fence.end() : end].strip("\n")}, at=at)


def _answer(text: str) -> str:
    for introduction in _ANSWERS:
        if text.startswith(introduction):
            return text[len(introduction) :].lstrip()
    return text
