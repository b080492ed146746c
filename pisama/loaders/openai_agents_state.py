"""What the OpenAI Agents SDK keeps of a run to go on with it: `RunState` as JSON."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from pisama.loaders.base import Document, Loaded
from pisama.loaders.items import items, sample_items
from pisama.loaders.messages import ChatMessage
from pisama.loaders.responses_items import ResponsesReader
from pisama.loaders.runs import Act, RunBuilder, inside, run_name
from pisama.loaders.usages import usage_of
from pisama.loaders.values import as_integer, as_list, as_mapping, as_string, as_text, first
from pisama.report import LoadError
from pisama.trace import JSON, Location, Trace

_INPUT_ITEMS = frozenset(("tool_call_output_item", "handoff_output_item"))
_ITEM_KEYS = ("call_id", "id")
_FAKE_ID = "__fake_id__"


class OpenAIAgentsStateLoader:
    """One saved `RunState`: the input, the responses of the model, and the items of the run with their agents."""

    id: ClassVar[str] = "openai-agents-state"
    title: ClassVar[str] = "OpenAI Agents SDK run state"
    recognised_by: ClassVar[str] = "`$schemaVersion` with `model_responses` and `current_agent`"

    def sniff(self, document: Document) -> float:
        """Certain of the fields that only this state has."""
        return 1.0 if any(_is_state(value) for value in sample_items(document)[:3]) else 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each state."""
        number = 0
        for record in items(document):
            if isinstance(record, LoadError):
                yield record
            elif not _is_state(record.value):
                yield LoadError("not a run state", record.at)
            else:
                name = run_name(document, number)
                number += 1
                yield _State(as_mapping(record.value), record.at).trace(name, growing=document.growing)


def _is_state(value: JSON) -> bool:
    record = as_mapping(value)
    return "model_responses" in record and ("$schemaVersion" in record or "current_agent" in record)


@dataclass(slots=True)
class _Responses:
    """The model's responses, found by what they put out, to know where a turn ends and what it cost."""

    left: deque[Mapping[str, JSON]]
    _of_item: dict[str, Mapping[str, JSON]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for response in self.left:
            for item in as_list(response.get("output")):
                key = _key(as_mapping(item))
                if key is not None:
                    self._of_item.setdefault(key, response)

    def of(self, item: Mapping[str, JSON]) -> Mapping[str, JSON] | None:
        """The response that put this item out; without an id it is the next one that is left."""
        key = _key(item)
        found = self._of_item.get(key) if key is not None else None
        return found if found is not None else (self.left[0] if self.left else None)


def _key(item: Mapping[str, JSON]) -> str | None:
    found = (as_string(item.get(name)) for name in _ITEM_KEYS)
    return next((key for key in found if key is not None and key != _FAKE_ID), None)


class _State:
    """One state being read."""

    def __init__(self, record: Mapping[str, JSON], at: Location) -> None:
        self._record = record
        self._at = at
        listed = [as_mapping(response) for response in as_list(record.get("model_responses"))]
        self._responses = _Responses(deque(listed))
        self._reader = ResponsesReader(RunBuilder(at))
        self._turn: Mapping[str, JSON] | None = None

    def trace(self, name: str, *, growing: bool) -> Trace:
        """The run so far; it waits for somebody while a step of it is open."""
        self._read_input()
        field_name = "generated_items" if self._record.get("generated_items") else "session_items"
        for number, value in enumerate(as_list(self._record.get(field_name))):
            self._read_item(as_mapping(value), inside(self._at, field_name, number))
        self._end_turn()
        waiting = as_mapping(first(self._record, "current_step", "interruption")).get("type") == (
            "next_step_interruption"
        )
        session = as_string(self._record.get("conversation_id"))
        limit = as_integer(self._record.get("max_turns"))
        turn = as_integer(self._record.get("current_turn"))
        if limit is not None and turn is not None and turn > limit:
            self._reader.run.outcome = "max_steps"
        return self._reader.run.trace(
            as_string(first(as_mapping(self._record.get("trace")), "id", "trace_id")) or name,
            OpenAIAgentsStateLoader.id,
            complete=not growing and not waiting,
            metadata={"session": session} if session else None,
        )

    def _read_input(self) -> None:
        given = self._record.get("original_input")
        if isinstance(given, str):
            at = inside(self._at, "original_input")
            self._reader.run.hear(ChatMessage("user", given, at=at))
        for number, item in enumerate(as_list(given)):
            self._reader.read(as_mapping(item), inside(self._at, "original_input", number))

    def _read_item(self, item: Mapping[str, JSON], at: Location) -> None:
        raw = as_mapping(item.get("raw_item"))
        if as_string(item.get("type")) in _INPUT_ITEMS or str(raw.get("type")).endswith("_output"):
            self._end_turn()
        else:
            response = self._responses.of(raw)
            if response is not self._turn:
                self._end_turn()
                self._turn = response
            agent = as_string(as_mapping(first(item, "agent", "source_agent")).get("name"))
            self._reader.agent = agent or self._reader.agent
        self._reader.read(raw, inside(at, "raw_item"))

    def _end_turn(self) -> None:
        response, self._turn = self._turn, None
        if response is None:
            self._reader.end_turn()
            return
        if self._responses.left and self._responses.left[0] is response:
            self._responses.left.popleft()
        provider = as_mapping(as_mapping((as_list(response.get("output")) or [None])[0]).get("provider_data"))
        self._reader.end_turn(
            Act(
                model=as_string(first(response, "model")) or as_string(provider.get("model")),
                usage=usage_of(_flat(as_mapping(response.get("usage")))),
                span_id=as_text(response.get("response_id")) or as_text(provider.get("response_id")),
            )
        )


def _flat(usage: Mapping[str, JSON]) -> dict[str, JSON]:
    """The usage with its details as one object; the state keeps them in a list."""
    details = usage.get("input_tokens_details")
    return {**usage, "input_tokens_details": as_list(details)[0] if as_list(details) else details}
