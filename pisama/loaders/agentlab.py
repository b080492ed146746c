"""AgentLab and BrowserGym: summaries of experiments, and trajectories cleaned for reward models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pisama.loaders.base import Document, Loaded
from pisama.loaders.code_actions import browser_call
from pisama.loaders.items import items, sample_items
from pisama.loaders.messages import ChatMessage, ToolResult, read_message
from pisama.loaders.runs import Act, RunBuilder, inside, run_name
from pisama.loaders.values import as_list, as_mapping, as_string, as_text, first
from pisama.report import LoadError
from pisama.trace import JSON, Location

_SUMMARY = frozenset(("n_steps", "cum_reward", "err_msg", "terminated", "truncated"))
_METADATA = ("n_steps", "benchmark", "agent", "model", "seed", "experiment")


class AgentLabLoader:
    """A trajectory is a run. A summary tells of one how many steps it had and how it ended, no more."""

    id: ClassVar[str] = "agentlab"
    title: ClassVar[str] = "AgentLab experiment"
    recognised_by: ClassVar[str] = "`n_steps` with `cum_reward`, or `goal` with steps that have an `axtree`"

    def sniff(self, document: Document) -> float:
        """By the fields of a summary, and by pages as trees in the steps."""
        values = [as_mapping(value) for value in sample_items(document)]
        if any(len(_SUMMARY & value.keys()) >= 4 or _is_trajectory(value) for value in values):
            return 0.95
        return 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each object."""
        for number, record in enumerate(items(document)):
            if isinstance(record, LoadError):
                yield record
                continue
            value = as_mapping(record.value)
            summary = as_mapping(value.get("summary_info")) or value
            if not _SUMMARY & summary.keys() and not _is_trajectory(value):
                yield LoadError("neither a summary nor a trajectory of AgentLab", record.at)
                continue
            run = _read(value, record.at)
            run.outcome = _outcome(summary)
            metadata = {name: item for name in _METADATA if as_string(item := first(value, name)) is not None}
            name = as_string(first(value, "trajectory_id", "id")) or run_name(document, number)
            yield run.trace(name, self.id, metadata=metadata)


def _is_trajectory(value: Mapping[str, JSON]) -> bool:
    steps = as_list(value.get("steps"))
    return "goal" in value and any(
        "axtree" in as_mapping(step) or "last_action_error" in as_mapping(step) for step in steps[:3]
    )


def _outcome(summary: Mapping[str, JSON]) -> str | None:
    if summary.get("err_msg") is not None:
        return "error"
    if summary.get("truncated") is True:
        return "max_steps"
    return "success" if summary.get("terminated") is True else None


def _read(value: Mapping[str, JSON], at: Location) -> RunBuilder:
    run = RunBuilder(at, task=as_text(value.get("goal")))
    prompt = as_text(first(value, "system_prompt", "system prompt"))
    if prompt:
        run.hear(ChatMessage("system", prompt, at=at))
    waiting = False
    for number, recorded in enumerate(as_list(value.get("steps"))):
        step = as_mapping(recorded)
        place = inside(at, "steps", number)
        _observe(run, step, place, waiting=waiting)
        action = as_string(step.get("action"))
        call = browser_call(action, place) if action else None
        run.act(
            ChatMessage(
                "assistant",
                reasoning=as_string(first(step, "reasoning", "think")),
                calls=() if call is None else (call,),
                at=place,
            ),
            Act("agent"),
            index=number,
        )
        waiting = call is not None
    for number, recorded in enumerate(as_list(value.get("chat_messages"))):
        message = read_message(as_mapping(recorded), inside(at, "chat_messages", number))
        if message.role == "assistant":
            run.answer = message.text or None
    return run


def _observe(run: RunBuilder, step: Mapping[str, JSON], at: Location, *, waiting: bool) -> None:
    """The page that the action before led to, or why it failed."""
    page = as_text(first(step, "axtree", "axtree_txt")) or ""
    url = as_string(step.get("url"))
    text = "\n".join(filter(None, (url, page)))
    error = as_string(step.get("last_action_error"))
    if not waiting:
        run.hear(ChatMessage("tool", text, at=at))
        return
    result = ToolResult(error or text, error=error)
    run.hear(ChatMessage("tool", results=(result,), at=at))
