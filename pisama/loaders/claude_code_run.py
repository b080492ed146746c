"""One run of Claude Code: its main agent and its sub-agents, from the lines of a session or of a stream."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePath

from pisama.loaders.base import Document
from pisama.loaders.claude_code_lines import Group, Line, chain_names, last_branch, wrapped
from pisama.loaders.messages import ChatMessage, ConversationBuilder
from pisama.loaders.values import as_integer, as_mapping, as_string
from pisama.trace import JSON, Step, ToolCall, Trace, Usage

MAIN_AGENT = "claude"
SUB_AGENT = "subagent"
SYNTHETIC = "<synthetic>"
"""Model of the lines the program itself writes as the assistant."""
_DELEGATIONS = ("Task", "Agent")
_WARM_UP = "Warmup"
"""Prompt with which version 2.0 starts sub-agents that it then never uses."""


@dataclass(slots=True)
class _Chain:
    """The lines of one agent: the main one, or one sub-agent."""

    agent: str
    lines: list[Line]
    id: str | None = None
    """Id of the sub-agent; None for the main one."""
    parent: int | None = None


def _is_warm_up(chain: _Chain) -> bool:
    return chain.lines[0].message.text == _WARM_UP and len(chain.lines) <= 2


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
        if main:
            chains = {name: chain for name, chain in chains.items() if not _is_warm_up(chain)}
        self.main = _Chain(MAIN_AGENT, main) if main else next(iter(chains.values()))
        self._chains = [self.main, *(chain for chain in chains.values() if chain is not self.main)]
        self._responses = _responses(line for chain in self._chains for line in chain.lines)
        self._places = {key: place for place, key in enumerate(self._responses)}
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
                # In a stream the lines of a sub-agent name the call itself.
                for name in (answered.get(call.id), call.id):
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
        for line in chain.lines:
            if line.kind == "user":
                builder.hear(_heard(line, chain))
                ended.update((result.call_id, line.time) for result in line.message.results)
                continue
            response = self._responses.get(_key(line))
            if response is not None and response[0] is line:
                step = _step(response, self._places[_key(line)], chain)
                builder.act(step, tuple(_calls(response)))
        for step in builder.steps():
            calls = tuple(
                replace(call, end=ended.get(call.id)) if call.id else call for call in step.tool_calls
            )
            yield replace(step, tool_calls=calls)


def session_trace(
    session: str | None, group: Group, parents: Mapping[str, str | None], document: Document, loader: str
) -> Trace:
    """The trace of the lines of one session. `parents` maps the uuid of every line to that of its parent."""
    run = _Run(group, parents)
    steps = run.steps()
    own = [step for step in steps if step.agent == run.main.agent and step.parent is None]
    last = own[-1] if own else None
    waiting = last is not None and any(call.result is None and call.error is None for call in last.tool_calls)
    stem = PurePath(document.path).stem if document.path else None
    name = session or stem or "session"
    return Trace(
        id=f"{name}/{run.main.id}" if run.main.id else name,
        format=loader,
        task=_task(run.main.lines),
        steps=steps,
        agents=tuple(dict.fromkeys(step.agent for step in steps)),
        final_answer=last.text if last is not None and last.text and not last.tool_calls else None,
        complete=not (document.growing or waiting),
        outcome="aborted" if _aborted(run.main.lines) else None,
        metadata={"version": group.version} if group.version else {},
        at=run.main.lines[0].at if run.main.lines else group.at,
    )


def _key(line: Line) -> str:
    return line.response or f"line {line.number}"


def _responses(lines: Iterable[Line]) -> dict[str, list[Line]]:
    """The lines of each API response, in the order of their first lines."""
    acts = [line for line in lines if line.kind == "assistant" and (line.failed or line.model != SYNTHETIC)]
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
        usage=None if failed else read_usage(response[-1].usage),
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


def read_usage(usage: Mapping[str, JSON]) -> Usage | None:
    """Tokens as the Anthropic API counts them; None when there are none."""
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
        if line.kind == "assistant" and line.model != SYNTHETIC:
            return False
    return False
