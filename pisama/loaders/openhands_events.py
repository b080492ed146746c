"""The events of OpenHands 0.x, turned into steps: actions of agents, and what was observed after them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pisama.loaders.base import Document
from pisama.loaders.chat_records import tools_of
from pisama.loaders.messages import ChatMessage, ToolResult
from pisama.loaders.turns import Branch, Turns, session_trace, shell_result, together
from pisama.loaders.usages import usage_of
from pisama.loaders.values import (
    as_integer,
    as_list,
    as_mapping,
    as_nanoseconds,
    as_string,
    as_text,
    first,
    open_json,
)
from pisama.trace import JSON, Location, Tool, ToolCall, Trace, Usage

MAIN_AGENT = "openhands"
_SILENT = frozenset(
    ("null", "agent_state_changed", "change_agent_state", "recall", "microagent", "loop_recovery")
)
_STILL_RUNNING = -1
"""Exit code of a command that has not ended."""
_OUTCOMES = {"finished": "success", "error": "error", "stopped": "aborted", "rejected": "rejected"}
_ABOUT = frozenset(
    (
        *("id", "timestamp", "source", "message", "action", "thought", "timeout", "cause", "is_confirmed"),
        *(
            "action_risk",
            "security_risk",
            "confirmation_state",
            "hidden",
            "blocking",
            "keep_prompt",
            "tool_call_metadata",
        ),
        *("llm_metrics", "impl_source", "translated_ipython_code", "kernel_init_code"),
    )
)
"""Fields of an action that are no arguments of it."""


@dataclass(slots=True)
class Events:
    """One run, half read."""

    at: Location
    task: str | None = None
    outcome: str | None = None
    tools: tuple[Tool, ...] | None = None
    _answer: str | None = None
    _agents: list[Turns] = field(default_factory=lambda: [Turns(MAIN_AGENT)])
    """The one that acts now is the last; those before it wait for it."""
    _branches: list[tuple[Turns, tuple[Turns, str] | None]] = field(default_factory=list)
    """Every agent with the one that called it and the id of the call."""
    _response: str | None = None
    _calls: dict[str, str] = field(default_factory=dict)
    """Ids of calls, by the id of their action."""
    _counted: bool = False

    def __post_init__(self) -> None:
        self._branches.append((self._agents[0], None))

    def add(self, event: Mapping[str, JSON], at: Location) -> bool:
        """Takes the next event in; False when it is none."""
        action, observed = event.get("action"), event.get("observation")
        time = as_nanoseconds(event.get("timestamp"))
        if isinstance(observed, str):
            self._observe(observed, event, at, time)
        elif isinstance(action, str):
            self._act(action, event, at, time)
        else:
            return False
        return True

    def add_totals(self, usage: Usage) -> None:
        """Tokens and cost of the whole run; tokens count only where no response has its own."""
        if self._counted:
            usage = Usage(cost=usage.cost)
        if usage.tokens or usage.cost:
            self._agents[0].close()
            self._agents[0].spend_more(usage)

    def trace(self, document: Document, loader: str, name: str | None) -> Trace:
        """The run as read so far."""
        steps = {id(turns): turns.steps() for turns, _ in self._branches}
        places = {
            (agent, call.id): step.index
            for agent, own in steps.items()
            for step in own
            for call in step.tool_calls
        }
        branches = []
        for turns, caller in self._branches:
            place = places.get((id(caller[0]), caller[1])) if caller is not None else None
            parent = None if place is None or caller is None else (str(id(caller[0])), place)
            branches.append(Branch(str(id(turns)), steps[id(turns)], parent))
        return session_trace(
            document,
            loader,
            name,
            together(branches),
            self.task,
            self.at,
            answer=self._answer,
            ended=True if self._answer is not None or self.outcome in ("success", "error") else None,
            outcome=self.outcome,
            tools=self.tools,
        )

    def _act(self, action: str, event: Mapping[str, JSON], at: Location, time: int | None) -> None:
        arguments = as_mapping(event.get("args")) or event
        source = event.get("source") or (
            "user" if action == "message" and "thought" not in event and not self._calls else "agent"
        )
        turns = self._agents[-1]
        if action in _SILENT:
            return
        text = as_text(first(arguments, "content", "message")) or ""
        if action == "system":
            self.tools = tools_of(arguments) or self.tools
            turns.hear(ChatMessage("system", text, at=at))
        elif source != "agent":
            self._response = None
            if action == "message":
                self.task = self.task or text.strip() or None
                turns.hear(ChatMessage("user", text, at=at))
        elif action.startswith("condensation"):
            turns.hear(ChatMessage("system", as_string(arguments.get("summary")) or "", at=at))
        else:
            self._agent(action, event, arguments, at, time)

    def _agent(
        self,
        action: str,
        event: Mapping[str, JSON],
        arguments: Mapping[str, JSON],
        at: Location,
        time: int | None,
    ) -> None:
        """An act of an agent: a message, or a call with the thought that came with it."""
        turns = self._agents[-1]
        metadata = as_mapping(event.get("tool_call_metadata"))
        response = as_mapping(metadata.get("model_response"))
        said = (
            as_text(
                first(arguments, "thought", "content") if action == "message" else arguments.get("thought")
            )
            or ""
        )
        name = as_string(response.get("id"))
        if name is None or name != self._response:
            turns.close()
            turns.model = as_string(response.get("model")) or turns.model
            turns.say(said, at, time)
        self._response = name
        answer = self._finish(event, arguments, said) if action == "finish" else None
        if action != "message" and (action != "finish" or metadata):
            call = _call(action, event, arguments, metadata, at, time)
            self._calls[str(event.get("id"))] = call.id or ""
            turns.call(call)
            if action == "finish":
                turns.answer_later(ToolResult("", call.id), at, time)
        elif answer and answer != said:
            turns.say(answer, at, time)
        choice = as_mapping(next(iter(as_list(response.get("choices"))), None))
        turns.finish(as_string(choice.get("finish_reason")), time)
        usage = usage_of(response.get("usage"))
        if usage is not None and turns.spend(usage):
            self._counted = True
        if action == "delegate":
            self._delegate(turns, str(event.get("id")), arguments)

    def _finish(self, event: Mapping[str, JSON], arguments: Mapping[str, JSON], said: str) -> str:
        """The answer with which an agent ends; that of a delegate is not the run's."""
        outputs = as_mapping(arguments.get("outputs"))
        found = (first(arguments, "final_thought", "message"), outputs.get("content"), event.get("message"))
        answer = next((as_text(value) or "" for value in found if value), said)
        if len(self._agents) == 1:
            self._answer = answer or None
            self.outcome = self.outcome or "success"
        return answer

    def _delegate(self, turns: Turns, action: str, arguments: Mapping[str, JSON]) -> None:
        called = Turns(as_string(arguments.get("agent")) or "delegate", turns.model)
        turns.close()
        inputs = as_text(arguments.get("inputs"))
        if inputs:
            called.hear(ChatMessage("assistant", inputs, at=None))
        self._branches.append((called, (turns, self._calls.get(action, ""))))
        self._agents.append(called)

    def _observe(self, kind: str, event: Mapping[str, JSON], at: Location, time: int | None) -> None:
        extras = as_mapping(event.get("extras"))
        content = as_text(event.get("content")) or ""
        if kind == "agent_state_changed":
            self.outcome = _OUTCOMES.get(str(extras.get("agent_state")), self.outcome)
            return
        if kind == "delegate" and len(self._agents) > 1:
            self._agents.pop()
        turns = self._agents[-1]
        call_id = self._calls.get(str(event.get("cause"))) if event.get("cause") is not None else None
        if kind in _SILENT:
            # What the program looked up for the agent.
            turns.hear(ChatMessage("system", content if kind == "recall" else "", at=at))
        elif call_id is None and (event.get("cause") is not None or not self._calls):
            turns.hear(ChatMessage("tool", content, at=at))
        else:
            turns.answer(_result(kind, event, extras, content, call_id), at, time)


def _call(
    action: str,
    event: Mapping[str, JSON],
    arguments: Mapping[str, JSON],
    metadata: Mapping[str, JSON],
    at: Location,
    time: int | None,
) -> ToolCall:
    """The call as the model made it, where its response is recorded; else as the program understood it."""
    call_id = as_string(metadata.get("tool_call_id"))
    choice = as_mapping(next(iter(as_list(as_mapping(metadata.get("model_response")).get("choices"))), None))
    for value in as_list(as_mapping(choice.get("message")).get("tool_calls")):
        made = as_mapping(value)
        if call_id is not None and as_string(made.get("id")) == call_id:
            function = as_mapping(made.get("function"))
            name = as_string(function.get("name")) or action
            return ToolCall(name, open_json(function.get("arguments")), call_id, start=time, at=at)
    given = {name: value for name, value in arguments.items() if name not in _ABOUT}
    name = as_string(metadata.get("function_name")) or action
    # Without an id of the provider the action's own number tells calls apart.
    own = as_string(event.get("id"))
    return ToolCall(
        name, given, call_id or (f"action {own}" if own else f"action at {at}"), start=time, at=at
    )


def _result(
    kind: str, event: Mapping[str, JSON], extras: Mapping[str, JSON], content: str, call_id: str | None
) -> ToolResult:
    code = as_integer(first(as_mapping(extras.get("metadata")), "exit_code"))
    if code is None:
        code = as_integer(first({**extras, **event}, "exit_code"))
    outputs = extras.get("outputs") if kind == "delegate" else None
    text = shell_result(content or (as_text(outputs) or ""), None if code == _STILL_RUNNING else code)
    failed = kind in ("error", "user_rejected") or (event.get("success") is False and code is None)
    return ToolResult(text, call_id, error=(text or "failed") if failed else None)
