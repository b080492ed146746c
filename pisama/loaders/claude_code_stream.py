"""What `claude -p` prints, and what the Claude Agent SDK logs: the messages of a run, or its result alone.

A stream (`--output-format stream-json`, or `json --verbose` as one list) begins with `system`/`init`
and ends with `result`; its ids are in snake case. Its lines are read as those of a session.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import ClassVar

from pisama.loaders.base import Document, Loaded
from pisama.loaders.claude_code_lines import MESSAGES, Group, read_line
from pisama.loaders.claude_code_run import MAIN_AGENT, SYNTHETIC, read_usage, session_trace
from pisama.loaders.items import items, sample_items
from pisama.loaders.turns import plus
from pisama.loaders.values import as_integer, as_list, as_mapping, as_number, as_string
from pisama.report import LoadError
from pisama.trace import JSON, Location, Step, Tool, Trace, Usage

_OUTCOMES = {
    "success": "success",
    "error_max_turns": "max_steps",
    "error_max_budget_usd": "max_cost",
    "error_during_execution": "error",
}
_ALSO_CALLED = {"Task": "Agent"}
"""Tools that are listed under one name and called under another (version 2.1)."""


class ClaudeCodeStreamLoader:
    """The messages of each session in the stream are a run; sub-agents are found by `parent_tool_use_id`."""

    id: ClassVar[str] = "claude-code-stream"
    title: ClassVar[str] = "Claude Code stream (stream-json)"
    recognised_by: ClassVar[str] = "a line of type `system` and subtype `init`, or messages with `session_id`"

    def sniff(self, document: Document) -> float:
        """By the first line, else by messages with a snake-case session id."""
        return max((_mark(as_mapping(value)) for value in sample_items(document)), default=0.0)

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each session of the stream."""
        streams: dict[str | None, _Stream] = {}
        for number, record in enumerate(items(document)):
            if isinstance(record, LoadError):
                yield record
                continue
            if not isinstance(record.value, dict):
                yield LoadError("not an object", record.at)
                continue
            session = as_string(record.value.get("session_id"))
            problem = streams.setdefault(session, _Stream()).add(number, record.value, record.at)
            if problem is not None:
                yield LoadError(problem, record.at)
        for session, stream in streams.items():
            yield from stream.traces(session, document)


class ClaudeCodeResultLoader:
    """The final result of a run, without its steps: one step with the answer and all tokens."""

    id: ClassVar[str] = "claude-code-result"
    title: ClassVar[str] = "Claude Code result (json)"
    recognised_by: ClassVar[str] = (
        "objects of type `result` with `subtype`, `num_turns` and `session_id` only"
    )

    def sniff(self, document: Document) -> float:
        """By results, when there is nothing else."""
        values = sample_items(document)
        return 1.0 if values and all(_is_result(as_mapping(value)) for value in values) else 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace of one step for each result."""
        for record in items(document):
            if isinstance(record, LoadError):
                yield record
            elif _is_result(as_mapping(record.value)):
                yield _result_trace(as_mapping(record.value), record.at, document)
            else:
                yield LoadError("not a result of Claude Code", record.at)


def _is_result(record: Mapping[str, JSON]) -> bool:
    return record.get("type") == "result" and "subtype" in record and "session_id" in record


def _mark(record: Mapping[str, JSON]) -> float:
    kind = record.get("type")
    if "session_id" not in record or "sessionId" in record:
        return 0.0
    if kind == "system" and record.get("subtype") == "init":
        return 1.0 if isinstance(record.get("tools"), list) else 0.7
    if kind in MESSAGES and isinstance(record.get("message"), dict):
        return 0.9 if "parent_tool_use_id" in record else 0.6
    return 0.5 if _is_result(record) or kind == "stream_event" else 0.0


@dataclass(slots=True)
class _Stream:
    """The lines of one session of a stream."""

    group: Group = field(default_factory=Group)
    results: list[Mapping[str, JSON]] = field(default_factory=list)
    tools: list[str] | None = None

    def add(self, number: int, record: Mapping[str, JSON], at: Location) -> str | None:
        """Takes one line in; says what is wrong with it, if something is."""
        kind = record.get("type")
        if kind == "result":
            self.results.append(record)
        elif kind == "system" and record.get("subtype") == "init":
            self.group.version = as_string(record.get("claude_code_version")) or self.group.version
            if isinstance(record.get("tools"), list):
                names = (as_string(tool) for tool in as_list(record.get("tools")))
                self.tools = [*(self.tools or ()), *(name for name in names if name)]
        elif kind in MESSAGES:
            try:
                self.group.lines.append(read_line(number, _as_session_line(record), at))
            except ValueError as error:
                return str(error)
        elif not isinstance(kind, str):
            return "a line without a type"
        self.group.at = self.group.at or at
        return None

    def traces(self, session: str | None, document: Document) -> Iterator[Trace]:
        """The trace of the session; none when it has no message and no result."""
        if not self.group.lines:
            last = self.results[-1] if self.results else None
            if last is not None:
                yield _result_trace(last, self.group.at, document)
            return
        trace = session_trace(session, self.group, {}, document, ClaudeCodeStreamLoader.id)
        yield replace(
            trace,
            tools=_tools(self.tools),
            steps=_charged(_ended(trace.steps, self.results), self.results),
            complete=bool(self.results) and not document.growing,
            outcome=_outcome(self.results[-1]) if self.results else trace.outcome,
        )


def _as_session_line(record: Mapping[str, JSON]) -> dict[str, JSON]:
    """A line of the stream with the names that a session line has."""
    caller = as_string(record.get("parent_tool_use_id"))
    message = as_mapping(record.get("message"))
    return {
        **record,
        "isSidechain": caller is not None,
        "agentId": caller,
        "parentUuid": None,
        "toolUseResult": record.get("tool_use_result"),
        "isMeta": record.get("isSynthetic"),
        "isApiErrorMessage": message.get("model") == SYNTHETIC and "error" in record,
    }


def _ended(steps: tuple[Step, ...], results: list[Mapping[str, JSON]]) -> tuple[Step, ...]:
    """The steps, the last one with the reason for which it ended: the messages come before it is known."""
    reason = as_string(results[-1].get("stop_reason")) if results else None
    if not steps or reason is None or steps[-1].finish_reason is not None or steps[-1].error is not None:
        return steps
    return (*steps[:-1], replace(steps[-1], finish_reason=reason.lower()))


def _charged(steps: tuple[Step, ...], results: list[Mapping[str, JSON]]) -> tuple[Step, ...]:
    """The steps, what the results count beyond them added to the last one.

    A message of the stream repeats the usage with which its response began, in which the output is
    not counted yet; only the results have it whole, and the cost of the session so far.
    """
    usages = [
        usage for result in results if (usage := read_usage(as_mapping(result.get("usage")))) is not None
    ]
    if not steps or not usages:
        return steps
    cost = as_number(results[-1].get("total_cost_usd"))
    used = [step.usage for step in steps if step.usage is not None]
    rest = Usage(
        max(
            0,
            sum(usage.input_tokens or 0 for usage in usages) - sum(usage.input_tokens or 0 for usage in used),
        ),
        max(
            0,
            sum(usage.output_tokens or 0 for usage in usages)
            - sum(usage.output_tokens or 0 for usage in used),
        ),
        cost=cost,
    )
    return (*steps[:-1], replace(steps[-1], usage=plus(steps[-1].usage, rest)))


def _tools(names: list[str] | None) -> tuple[Tool, ...] | None:
    if names is None:
        return None
    known = dict.fromkeys(names)
    known.update({_ALSO_CALLED[name]: None for name in names if name in _ALSO_CALLED})
    return tuple(Tool(name) for name in known)


def _outcome(result: Mapping[str, JSON]) -> str:
    subtype = as_string(result.get("subtype")) or "success"
    outcome = _OUTCOMES.get(subtype, subtype)
    # The subtype is `success` even where the API refused.
    return "error" if outcome == "success" and result.get("is_error") is True else outcome


def _result_trace(result: Mapping[str, JSON], at: Location | None, document: Document) -> Trace:
    text = as_string(result.get("result")) or ""
    failed = _outcome(result) == "error"
    usage = read_usage(as_mapping(result.get("usage")))
    cost = as_number(result.get("total_cost_usd"))
    step = Step(
        index=0,
        agent=MAIN_AGENT,
        text="" if failed else text,
        model=next(iter(as_mapping(result.get("modelUsage"))), None),
        usage=plus(usage, Usage(cost=cost)) if usage is not None else None,
        finish_reason=as_string(result.get("stop_reason")),
        error=(text or "failed") if failed else None,
        at=at,
    )
    stem = PurePath(document.path).stem if document.path else "result"
    turns = as_integer(result.get("num_turns"))
    return Trace(
        id=as_string(result.get("session_id")) or stem,
        format=ClaudeCodeResultLoader.id,
        steps=(step,),
        agents=(MAIN_AGENT,),
        final_answer=step.text or None,
        outcome=_outcome(result),
        metadata={} if turns is None else {"num_turns": turns},
        at=at,
    )
