"""Sessions of Claude Code: the JSONL files under `~/.claude/projects/`, versions 1.0 to 2.1."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import ClassVar

from pisama.loaders.base import Document, Loaded
from pisama.loaders.claude_code_lines import (
    LINKED,
    MESSAGES,
    Group,
    Line,
    Sessions,
    chain_names,
    last_branch,
    wrapped,
)
from pisama.loaders.items import items, sample_items
from pisama.loaders.messages import ChatMessage, ConversationBuilder
from pisama.loaders.values import as_integer, as_mapping, as_string
from pisama.report import LoadError
from pisama.trace import JSON, Step, ToolCall, Trace, Usage

MAIN_AGENT = "claude"
SUB_AGENT = "subagent"
_SYNTHETIC = "<synthetic>"
"""Model of the lines the program itself writes as the assistant."""
_BOOKKEEPING = ("queue-operation", "last-prompt", "summary", "file-history-snapshot", "mode")
_DELEGATIONS = ("Task", "Agent")


class ClaudeCodeLoader:
    """One file is one session; sessions that were joined into one file are told apart again."""

    id: ClassVar[str] = "claude-code"
    title: ClassVar[str] = "Claude Code session (JSONL)"
    recognised_by: ClassVar[str] = "lines with camel-case `sessionId` and `uuid`"

    def sniff(self, document: Document) -> float:
        """By lines with camel-case `sessionId` and `uuid`, which the stream format does not have."""
        best = 0.0
        for value in sample_items(document):
            best = max(best, _mark(as_mapping(value)))
        return best

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each session of the document."""
        sessions = Sessions()
        for record in items(document):
            if isinstance(record, LoadError):
                yield record
                continue
            problem = sessions.add(record.value, record.at)
            if problem is not None:
                yield LoadError(problem, record.at)
        for name, group in sessions.groups.items():
            yield _trace(name, group, sessions.parents, document)


def _mark(record: Mapping[str, JSON]) -> float:
    kind = record.get("type")
    session = isinstance(record.get("sessionId"), str)
    if session and isinstance(record.get("uuid"), str) and kind in LINKED:
        return 0.95
    if kind in _BOOKKEEPING and (session or "leafUuid" in record or "messageId" in record):
        return 0.7
    message = as_mapping(record.get("message"))
    # Shortened copies of session lines, as tests and viewers keep them.
    return 0.4 if kind in MESSAGES and "content" in message and "cwd" in record else 0.0


@dataclass(slots=True)
class _Chain:
    """The lines of one agent: the main one, or one sub-agent."""

    agent: str
    lines: list[Line]
    id: str | None = None
    """Id of the sub-agent; None for the main one."""
    parent: int | None = None


@dataclass(slots=True)
class _Delegation:
    """A call that started a sub-agent."""

    step: int
    call: ToolCall

    @property
    def arguments(self) -> Mapping[str, JSON]:
        return as_mapping(self.call.arguments)


class _Run:
    """Turns the lines of one session into a trace."""

    def __init__(self, group: Group, parents: Mapping[str, str | None]) -> None:
        main = [line for line in group.lines if not line.sidechain]
        main = last_branch(main, parents) if main else []
        aside = [line for line in group.lines if line.sidechain]
        chains: dict[str, _Chain] = {}
        for line, name in chain_names(aside):
            chains.setdefault(name, _Chain(line.agent_type or SUB_AGENT, [], name)).lines.append(line)
        self.main = _Chain(MAIN_AGENT, main) if main else next(iter(chains.values()))
        self._chains = [self.main, *(chain for chain in chains.values() if chain is not self.main)]
        self._responses = _responses(line for chain in self._chains for line in chain.lines)
        self._link(chains)

    def steps(self) -> tuple[Step, ...]:
        """The acts of every agent, in the order they were written."""
        steps = (step for chain in self._chains for step in self._steps_of(chain))
        return tuple(sorted(steps, key=lambda step: step.index))

    def _link(self, chains: Mapping[str, _Chain]) -> None:
        """Finds the call that started each sub-agent: by id or, in old versions, by its prompt."""
        lines = [line for chain in self._chains for line in chain.lines]
        answered = {
            result.call_id: line.result_chain
            for line in lines
            if line.result_chain
            for result in line.message.results
        }
        by_chain: dict[str, _Delegation] = {}
        by_prompt: dict[str, deque[_Delegation]] = {}
        for place, response in enumerate(self._responses.values()):
            for call in (
                call for line in response for call in line.message.calls if call.name in _DELEGATIONS
            ):
                delegation = _Delegation(place, call)
                name = answered.get(call.id)
                if name is not None:
                    by_chain[name] = delegation
                prompt = as_string(delegation.arguments.get("prompt")) or ""
                by_prompt.setdefault(prompt, deque()).append(delegation)
        for name, chain in chains.items():
            same = by_prompt.get(chain.lines[0].message.text)
            started = by_chain.get(name) or (same.popleft() if same else None)
            if started is not None and chain is not self.main:
                chain.parent = started.step
                chain.agent = as_string(started.arguments.get("subagent_type")) or chain.agent

    def _steps_of(self, chain: _Chain) -> Iterator[Step]:
        builder = ConversationBuilder()
        ended: dict[str | None, int | None] = {}
        places = {key: place for place, key in enumerate(self._responses)}
        for line in chain.lines:
            if line.kind == "user":
                builder.hear(_heard(line, chain))
                ended.update((result.call_id, line.time) for result in line.message.results)
                continue
            response = self._responses.get(_key(line))
            if response is not None and response[0] is line:
                step = _step(response, places[_key(line)], chain)
                builder.act(step, tuple(_calls(response)))
        for step in builder.steps():
            calls = tuple(
                replace(call, end=ended.get(call.id)) if call.id else call for call in step.tool_calls
            )
            yield replace(step, tool_calls=calls)


def _trace(session: str | None, group: Group, parents: Mapping[str, str | None], document: Document) -> Trace:
    run = _Run(group, parents)
    steps = run.steps()
    own = [step for step in steps if step.agent == run.main.agent and step.parent is None]
    last = own[-1] if own else None
    waiting = last is not None and any(call.result is None and call.error is None for call in last.tool_calls)
    stem = PurePath(document.path).stem if document.path else None
    name = session or stem or "session"
    return Trace(
        id=f"{name}/{run.main.id}" if run.main.id else name,
        format=ClaudeCodeLoader.id,
        task=_task(run.main.lines),
        steps=steps,
        agents=tuple(dict.fromkeys(step.agent for step in steps)),
        final_answer=last.text if last is not None and last.text and not last.tool_calls else None,
        complete=not (document.growing or waiting),
        outcome="aborted" if _aborted(run.main.lines) else None,
        metadata={"version": group.version} if group.version else {},
        at=group.at,
    )


def _key(line: Line) -> str:
    return line.response or f"line {line.number}"


def _responses(lines: Iterable[Line]) -> dict[str, list[Line]]:
    """The lines of each API response, in the order of their first lines."""
    acts = [line for line in lines if line.kind == "assistant" and (line.failed or line.model != _SYNTHETIC)]
    responses: dict[str, list[Line]] = {}
    for line in sorted(acts, key=lambda line: line.number):
        responses.setdefault(_key(line), []).append(line)
    return responses


def _step(response: list[Line], index: int, chain: _Chain) -> Step:
    texts = [line.message.text for line in response if line.message.text]
    thoughts = [line.message.reasoning for line in response if line.message.reasoning]
    failed = any(line.failed for line in response)
    finish = [line.message.finish_reason for line in response if line.message.finish_reason]
    text = "\n".join(texts)
    return Step(
        index=index,
        agent=chain.agent,
        text="" if failed else text,
        reasoning="\n".join(thoughts) or None,
        model=None if failed else response[0].model,
        usage=None if failed else _usage(response[-1].usage),
        start=response[0].time,
        end=response[-1].time,
        finish_reason=None if failed or not finish else finish[-1],
        error=(text or "API error") if failed else None,
        parent=chain.parent,
        at=response[0].at,
    )


def _calls(response: list[Line]) -> Iterator[ToolCall]:
    for line in response:
        for call in line.message.calls:
            yield replace(call, start=line.time)


def _usage(usage: Mapping[str, JSON]) -> Usage | None:
    fresh = as_integer(usage.get("input_tokens"))
    written = as_integer(usage.get("cache_creation_input_tokens"))
    cached = as_integer(usage.get("cache_read_input_tokens"))
    output = as_integer(usage.get("output_tokens"))
    if fresh is None and output is None:
        return None
    # The API counts fresh, newly cached and cached input apart.
    return Usage(
        input_tokens=(fresh or 0) + (written or 0) + (cached or 0), output_tokens=output, cached_tokens=cached
    )


def _heard(line: Line, chain: _Chain) -> ChatMessage:
    """A user line as the agent is given it: the prompt, or what the program says, or results."""
    prompt = line.prompt
    if prompt and chain.parent is not None:
        # What stands in the user's place for a sub-agent was written by the agent that called it.
        return replace(line.message, role="assistant", text=prompt)
    if prompt:
        return replace(line.message, text=prompt)
    return line.message if line.interrupt else replace(line.message, role="system")


def _task(lines: Iterable[Line]) -> str | None:
    commands: list[str] = []
    for line in lines:
        if line.prompt:
            return line.prompt
        if line.kind == "user" and (name := wrapped(line.message.text, "command-name")):
            commands.append(f"{name} {wrapped(line.message.text, 'command-args')}".strip())
    return commands[0] if commands else None


def _aborted(lines: list[Line]) -> bool:
    """The user stopped the run, and the agent did not act again."""
    for line in reversed(lines):
        if line.interrupt:
            return True
        if line.kind == "assistant" and line.model != _SYNTHETIC:
            return False
    return False
