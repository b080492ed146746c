"""One thread of the Codex CLI, from the lines of its rollout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pisama.loaders.message_parts import content_text
from pisama.loaders.messages import ChatMessage, read_message, role_of
from pisama.loaders.responses_items import read_call, read_result
from pisama.loaders.turns import Turns
from pisama.loaders.values import as_integer, as_list, as_mapping, as_string, first, open_json
from pisama.trace import JSON, Location, Step, Usage

MAIN_AGENT = "codex"
SUB_AGENT = "subagent"
_SPAWN = "spawn_agent"
_BOILERPLATE = (
    *("<environment_context>", "<user_instructions>", "<permissions instructions>", "<skills_instructions>"),
    *("<collaboration_mode>", "<turn_aborted>", "<subagent_notification>", "<INSTRUCTIONS>", "<skill>"),
    *("# AGENTS.md instructions", "<model_switch>", "<personality_spec>", "<apps_instructions>"),
)
"""How messages begin that the program writes in the user's name."""


@dataclass(slots=True)
class RunningTotal:
    """Tells from cumulative counts, which events repeat, what each response used."""

    _counted: Usage = field(default_factory=lambda: Usage(0, 0, 0))

    def add_total(self, total: Usage) -> Usage | None:
        """What is new since the last total; None when nothing is."""
        before = self._counted
        if (total.input_tokens or 0) < (before.input_tokens or 0):
            # A resumed thread counts from nothing again.
            before = Usage(0, 0, 0)
        new = Usage(
            (total.input_tokens or 0) - (before.input_tokens or 0),
            (total.output_tokens or 0) - (before.output_tokens or 0),
            (total.cached_tokens or 0) - (before.cached_tokens or 0),
        )
        self._counted = total
        return new if new.tokens > 0 else None

    def add(self, usage: Usage) -> None:
        """Tokens that were counted apart, and that the next total includes."""
        before = self._counted
        self._counted = Usage(
            (before.input_tokens or 0) + (usage.input_tokens or 0),
            (before.output_tokens or 0) + (usage.output_tokens or 0),
            (before.cached_tokens or 0) + (usage.cached_tokens or 0),
        )


@dataclass(slots=True)
class Thread:
    """One thread, half read."""

    key: str
    at: Location
    id: str | None = None
    agent: str = MAIN_AGENT
    parent: str | None = None
    forked: str | None = None
    version: str | None = None
    turns: Turns = field(default_factory=lambda: Turns(MAIN_AGENT))
    total: RunningTotal = field(default_factory=RunningTotal)
    asked: str | None = None
    """What the user wrote, by the event that says so."""
    first_words: str | None = None
    """The last message of the user before the first act."""
    outcome: str | None = None
    children: dict[str, str] = field(default_factory=dict)
    """Threads that calls of this one started, with the id of the call."""

    def begin(self, meta: Mapping[str, JSON]) -> None:
        """Takes the header in."""
        self.id = as_string(meta.get("id"))
        source = as_mapping(as_mapping(as_mapping(meta.get("source")).get("subagent")).get("thread_spawn"))
        self.parent = as_string(first(meta, "parent_thread_id")) or as_string(source.get("parent_thread_id"))
        self.forked = as_string(meta.get("forked_from_id"))
        self.version = as_string(meta.get("cli_version"))
        if self.parent is not None:
            names = (
                as_string(record.get(name))
                for record in (meta, source)
                for name in ("agent_nickname", "agent_role")
            )
            self.agent = next((name for name in names if name), SUB_AGENT)
        self.turns.agent = self.agent
        base = meta.get("base_instructions")
        instructions = as_string(as_mapping(base).get("text")) or as_string(meta.get("instructions"))
        if instructions:
            self.turns.hear(ChatMessage("system", instructions, at=self.at))

    def read_item(self, item: Mapping[str, JSON], at: Location, time: int | None) -> None:
        """An item of the Responses API."""
        kind = as_string(item.get("type")) or "message"
        if kind == "message":
            self._message(item, at, time)
        elif kind == "reasoning":
            said = first(item, "summary", "content")
            text = content_text(said) if said != [] else content_text(item.get("content"))
            self.turns.think(text or "", at, time)
        elif kind.endswith("_output"):
            answer = read_result(item, as_string(item.get("call_id")))
            self.turns.answer(answer._replace(text=_output(item) or answer.text), at, time)
        elif kind.endswith("_call"):
            call, result = read_call(item, kind, at)
            self.turns.call(replace(call, start=time))
            if result is not None:
                self.turns.answer(result, at, time)

    def read_event(self, event: Mapping[str, JSON], at: Location, time: int | None) -> None:
        """An event, where it says what the items do not."""
        kind = event.get("type")
        if kind == "token_count":
            counted = as_mapping(as_mapping(event.get("info")).get("total_token_usage"))
            self._spend(self.total.add_total(codex_usage(counted)) if counted else None)
        elif kind == "user_message":
            self.asked = self.asked or as_string(event.get("message"))
        elif kind == "error":
            self.turns.fail(as_string(event.get("message")) or "error", at, time)
            self.outcome = "error"
        elif kind == "turn_aborted":
            self.outcome = "aborted"
        elif kind in ("task_complete", "turn_complete"):
            self.outcome = "success"
        elif kind in ("task_started", "turn_started"):
            self.outcome = None
        elif kind == "item_completed":
            self._children_of(as_mapping(event.get("item")))

    def read_usage(self, record: Mapping[str, JSON]) -> None:
        """The tokens of one response."""
        usage = codex_usage(as_mapping(record.get("usage")))
        self.total.add(usage)
        self._spend(usage)

    def _message(self, item: Mapping[str, JSON], at: Location, time: int | None) -> None:
        message = read_message(item, at)
        if role_of(item.get("role")) == "assistant":
            self.turns.say(message.text, at, time)
            return
        written = message.role == "user" and not message.text.lstrip().startswith(_BOILERPLATE)
        if written and self.first_words is None:
            self.first_words = message.text.strip() or None
        self.turns.hear(message if written else replace(message, role="system"))

    def _spend(self, usage: Usage | None) -> None:
        # Version 0.47 counts a response before it writes it.
        if usage is not None and not self.turns.spend(usage):
            self.turns.expect(usage)

    def _children_of(self, item: Mapping[str, JSON]) -> None:
        call_id = as_string(item.get("id"))
        if (
            item.get("type") == "CollabAgentToolCall"
            and call_id is not None
            and item.get("tool") == "spawn_agent"
        ):
            for child in as_list(item.get("receiver_thread_ids")):
                name = as_string(child)
                if name is not None:
                    self.children[name] = call_id


def spawned(thread: Thread, steps: tuple[Step, ...]) -> dict[str, int]:
    """The threads that this one started, each with the number of the step that did."""
    by_call: dict[str, int] = {}
    found: dict[str, int] = {}
    for step in steps:
        for call in step.tool_calls:
            if call.id is not None:
                by_call[call.id] = step.index
            answer = as_mapping(open_json(call.result)) if call.name == _SPAWN else {}
            name = as_string(first(answer, "agent_id", "thread_id"))
            if name is not None:
                found[name] = step.index
    found.update({child: by_call[call] for child, call in thread.children.items() if call in by_call})
    return found


def _output(item: Mapping[str, JSON]) -> str | None:
    """The text of an output that is an object, as some versions write it."""
    output = item.get("output")
    return content_text(output.get("content")) if isinstance(output, dict) and "content" in output else None


def codex_usage(record: Mapping[str, JSON]) -> Usage:
    """Tokens as Codex counts them; those from the cache are part of the input."""
    return Usage(
        as_integer(record.get("input_tokens")),
        as_integer(record.get("output_tokens")),
        as_integer(record.get("cached_input_tokens")),
    )
