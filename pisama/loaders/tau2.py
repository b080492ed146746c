"""τ²-bench: results with all their simulations, and single simulations.

The agent talks to a simulated user, and both may call tools. Only the agent acts here; what the user
did with tools of its own is what the agent never saw.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import ClassVar

from pisama.loaders.base import Document, Loaded
from pisama.loaders.chat_records import tools_of
from pisama.loaders.items import items, sample_items
from pisama.loaders.messages import ChatMessage, read_message
from pisama.loaders.runs import Act, RunBuilder, inside, run_name
from pisama.loaders.tau2_ticks import read_ticks
from pisama.loaders.usages import usage_of
from pisama.loaders.values import as_list, as_mapping, as_nanoseconds, as_string, as_text, first
from pisama.report import LoadError
from pisama.trace import JSON, Location, Trace

_AGENT = "assistant"
_OUTCOMES: Mapping[str, str] = {
    "max_steps": "max_steps",
    "too_many_errors": "error",
    "agent_error": "error",
    "user_error": "error",
    "infrastructure_error": "error",
    "unexpected_error": "error",
    "timeout": "timeout",
}
"""What the reasons for which a simulation ended are called here; after any other it was over."""


class Tau2Loader:
    """Results (`simulations` beside `info` and `tasks`) or one simulation, of messages or of ticks of a voice call."""

    id: ClassVar[str] = "tau2"
    title: ClassVar[str] = "τ²-bench simulation"
    recognised_by: ClassVar[str] = (
        "`simulations` with `info` and `tasks`, or `termination_reason` with `messages` or `ticks`"
    )

    def sniff(self, document: Document) -> float:
        """By the fields of results and of simulations."""
        for value in sample_items(document)[:3]:
            record = as_mapping(value)
            if _is_simulation(record) or _is_results(record):
                return 1.0
        return 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each simulation."""
        for number, record in enumerate(items(document)):
            if isinstance(record, LoadError):
                yield record
                continue
            value = as_mapping(record.value)
            info = as_mapping(value.get("info"))
            if _is_simulation(value):
                yield _trace(value, {}, record.at, run_name(document, number))
            elif isinstance(value.get("simulations"), list):
                for place, simulation in enumerate(as_list(value["simulations"])):
                    at = inside(record.at, "simulations", place)
                    if _is_simulation(as_mapping(simulation)):
                        yield _trace(as_mapping(simulation), info, at, run_name(document, place))
                    else:
                        yield LoadError("not a simulation", at)
            elif _is_results(value):
                yield LoadError(
                    "only the settings and tasks of an experiment; its runs are in the simulation files beside it",
                    record.at,
                )
            else:
                yield LoadError("neither results nor a simulation", record.at)


def _is_simulation(record: Mapping[str, JSON]) -> bool:
    return "termination_reason" in record and ("messages" in record or "ticks" in record)


def _is_results(record: Mapping[str, JSON]) -> bool:
    info = record.get("info")
    return isinstance(info, dict) and "agent_info" in info and "tasks" in record


def _trace(simulation: Mapping[str, JSON], info: Mapping[str, JSON], at: Location, name: str) -> Trace:
    run = RunBuilder(at)
    model = as_string(as_mapping(info.get("agent_info")).get("llm"))
    environment = as_mapping(info.get("environment_info"))
    policy = environment.get("policy")
    if isinstance(policy, str) and policy:
        run.hear(ChatMessage("system", policy))
    run.offer(tools_of({"tools": environment.get("tool_defs")}))
    messages = as_list(simulation.get("messages"))
    for number, message in enumerate(messages):
        _read(run, as_mapping(message), number, inside(at, "messages", number), model)
    if not messages:
        read_ticks(run, as_list(simulation.get("ticks")), at, model)
    reason = as_string(simulation.get("termination_reason")) or ""
    run.outcome = _OUTCOMES.get(reason)
    trial = as_string(simulation.get("trial"))
    metadata: dict[str, JSON] = {"task_id": simulation.get("task_id"), "termination_reason": reason}
    error = as_text(as_mapping(simulation.get("info")).get("error"))
    if error:
        metadata["error"] = error
    if trial is not None:
        metadata["trial"] = trial
    trace = run.trace(as_string(simulation.get("id")) or name, Tau2Loader.id, metadata=metadata)
    if trace.steps and not any(step.text or step.tool_calls for step in trace.steps):
        # A voice call of which only the audio was kept.
        return replace(trace, metadata={**metadata, "content_recorded": False})
    return trace


def _read(run: RunBuilder, record: Mapping[str, JSON], number: int, at: Location, model: str | None) -> None:
    if as_list(record.get("tool_messages")):
        for place, part in enumerate(as_list(record["tool_messages"])):
            _read(run, {"role": "tool", **as_mapping(part), "tool_messages": None}, number, at, model)
            at = inside(at, "tool_messages", place)
        return
    role = record.get("role")
    if role == "tool" and record.get("requestor") == "user":
        return
    message = read_message(record, at)
    if role != _AGENT:
        # What the user called is nothing that it said.
        said = message if role == "tool" else ChatMessage(message.role, message.text, at=at)
        if said.text or said.results:
            run.hear(said)
        return
    raw = as_mapping((as_list(as_mapping(record.get("raw_data")).get("choices")) or [None])[0])
    finish = as_string(raw.get("finish_reason"))
    message = ChatMessage(
        role="assistant",
        text=message.text,
        reasoning=message.reasoning,
        calls=message.calls,
        finish_reason=finish.lower() if finish else None,
        at=at,
    )
    counts = as_mapping(record.get("usage"))
    usage = usage_of({**counts, "cost": record.get("cost")}) if counts else None
    end = as_nanoseconds(record.get("timestamp"))
    run.act(
        message,
        Act(_AGENT, model=as_string(first(raw, "model")) or model, usage=usage, end=end),
        index=number,
    )
