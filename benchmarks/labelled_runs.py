"""Reading the sets whose runs are labelled as a whole: tau-bench, AgentProcessBench, ASSEBench."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from benchmarks.data import DataMissingError, as_object, as_objects, as_text, first_file, read_json
from pisama.trace import JSON

_ACTION = re.compile(r"(\w{1,100})\s{0,10}([({].{0,200000})?", re.DOTALL)
_OBSERVED = re.compile(r"\[Observation\]: The knowledge I get from [\w ]{1,100}? is: ?")


@dataclass(frozen=True, slots=True)
class Run:
    """One run as a detector may see it, and its label kept apart."""

    id: str
    source: str
    blind: dict[str, JSON]
    """Messages and offered tools; no reward, reference answer or label."""
    right: bool
    bad_steps: Mapping[int, bool] = field(default_factory=dict)
    """By position of a message, whether it was labelled bad; empty where steps carry no label."""
    attacked: bool = False
    """The label says that somebody tried to inject instructions."""


def tau_bench(data: Path) -> list[Run]:
    """Airline runs of tau-bench; right means reward 1. Raises `DataMissingError`."""
    folder = data / "taubench_airline"
    path = first_file(sorted(folder.glob("*.json")) or [folder / "gpt-4o-airline.json"], "tau-bench runs")
    return [
        Run(
            f"{run.get('task_id')}.{run.get('trial')}",
            "tau-bench airline",
            {"messages": run.get("traj")},
            right=run.get("reward") == 1,
        )
        for run in _some(as_objects(read_json(path)), path)
    ]


def agent_process_bench(data: Path) -> list[Run]:
    """Question answering with search, every step labelled. Raises `DataMissingError`."""
    path = first_file([data / "agentprocessbench" / "hotpotqa.jsonl"], "AgentProcessBench runs")
    lines = path.read_bytes().splitlines()
    runs = [as_object(orjson.loads(line)) for line in lines if line.strip()]
    return [
        Run(
            f"{run.get('query_index')}.{run.get('sample_index')}",
            "AgentProcessBench",
            {"messages": run.get("messages"), "tools": run.get("tools")},
            right=run.get("final_label") == 1,
            bad_steps={int(key): value == -1 for key, value in as_object(run.get("step_labels")).items()},
        )
        for run in _some(runs, path)
    ]


def asse_bench(data: Path) -> list[Run]:
    """Runs judged safe (right) or unsafe. Raises `DataMissingError`."""
    path = first_file([data / "assebench" / "security.json"], "ASSEBench security runs")
    return [
        Run(
            str(run.get("id")),
            "ASSEBench security",
            {"messages": _messages(run)},
            right=run.get("label") == 0,
            attacked=run.get("risk_type") == "Prompt Injection",
        )
        for run in _some(as_objects(read_json(path)), path)
    ]


def _some(runs: list[dict[str, JSON]], path: Path) -> list[dict[str, JSON]]:
    if not runs:
        raise DataMissingError(f"{path} holds no runs")
    return runs


def _messages(run: dict[str, JSON]) -> list[JSON]:
    """The run as chat messages. Its own form puts what a tool returned into the agent's thought."""
    messages: list[JSON] = [{"role": "system", "content": as_text(run.get("profile"))}]
    sessions = run.get("contents")
    for session in sessions if isinstance(sessions, list) else []:
        for act in as_objects(session):
            if act.get("role") == "agent":
                messages.extend(_agent_act(act, f"call_{len(messages)}"))
            elif act.get("role") == "environment":
                messages.append(_answered(messages, as_text(act.get("content"))))
            else:
                messages.append({"role": "user", "content": as_text(act.get("content"))})
    return messages


def _agent_act(act: dict[str, JSON], call_id: str) -> list[JSON]:
    thought, action = as_text(act.get("thought")), as_text(act.get("action"))
    matched = _ACTION.fullmatch(action)
    if matched is None:
        return [{"role": "assistant", "content": f"{thought}\n{action}".strip()}]
    function: dict[str, JSON] = {"name": matched[1], "arguments": _arguments(matched[2] or "")}
    observed = _OBSERVED.match(thought)
    said = "" if observed else thought
    call: JSON = {"id": call_id, "type": "function", "function": function}
    made: list[JSON] = [{"role": "assistant", "content": said, "tool_calls": [call]}]
    if observed:
        made.append({"role": "tool", "tool_call_id": call_id, "content": thought[observed.end() :]})
    return made


def _arguments(text: str) -> str:
    if not text.startswith("{"):
        return "{}"
    try:
        return orjson.dumps(ast.literal_eval(text)).decode()
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError, orjson.JSONEncodeError):
        return text


def _answered(messages: list[JSON], content: str) -> JSON:
    """What the environment said, as the result of the latest call if there was one."""
    calls = as_objects(as_object(messages[-1]).get("tool_calls"))
    if calls:
        return {"role": "tool", "tool_call_id": calls[-1].get("id"), "content": content}
    return {"role": "user", "content": content}
