"""smolagents: the memory of an agent, its steps, and the result of a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pisama.loaders.base import Document, Loaded
from pisama.loaders.items import Batch, batches, sample_batches
from pisama.loaders.messages import ChatMessage, ToolResult, content_text, read_message
from pisama.loaders.runs import Act, RunBuilder, inside, run_name
from pisama.loaders.usages import usage_of
from pisama.loaders.values import as_list, as_mapping, as_nanoseconds, as_string, as_text
from pisama.report import LoadError
from pisama.trace import JSON, Location, ToolCall

_LISTS = ("steps", "full_steps")
_ENDS: Mapping[str, str] = {"max_steps_error": "max_steps"}
_MAX_STEPS = "AgentMaxStepsError"
_GENERATION = "AgentGenerationError"
_INTERPRETER = "python_interpreter"
_FINAL = "final_answer"
_ACTION = frozenset(("step_number", "model_output_message", "observations", "action_output", "code_action"))


class SmolagentsLoader:
    """A list of steps is a run; what managed agents did is not in it."""

    id: ClassVar[str] = "smolagents"
    title: ClassVar[str] = "smolagents memory"
    recognised_by: ClassVar[str] = "steps with `step_number` and `model_output_message` or `observations`"

    def sniff(self, document: Document) -> float:
        """By the fields of an action step."""
        values = [as_mapping(value) for value in sample_batches(document, *_LISTS)]
        return 0.95 if any(len(_ACTION & value.keys()) >= 3 for value in values) else 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each list of steps."""
        for number, batch in enumerate(batches(document, *_LISTS)):
            if isinstance(batch, LoadError):
                yield batch
            else:
                yield from _Run(batch).load(document, number)


class _Run:
    """Reads one list of steps."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._run = RunBuilder(batch.at)

    def load(self, document: Document, number: int) -> Iterator[Loaded]:
        """The trace, and an error for each step that could not be read."""
        header = self._batch.header
        prompt = header.get("system_prompt")
        prompt = as_mapping(prompt).get("system_prompt") if isinstance(prompt, dict) else prompt
        if isinstance(prompt, str):
            self._run.hear(ChatMessage("system", prompt, at=inside(self._batch.at, "system_prompt")))
        for record in self._batch.records:
            value = as_mapping(record.value)
            if not value:
                yield LoadError("not a step of smolagents", record.at)
            elif _ACTION & value.keys():
                self._action(value, record.at)
            else:
                self._other(value, record.at)
        state = as_string(header.get("state"))
        if state is not None:
            self._run.outcome = _ENDS.get(state, state)
        answer = as_text(header.get("output"))
        if answer is not None and self._run.answer is None:
            self._run.answer = answer
        yield self._run.trace(run_name(document, number), SmolagentsLoader.id, complete=not document.growing)

    def _other(self, value: Mapping[str, JSON], at: Location) -> None:
        """A task, a plan, a system prompt or the final answer."""
        if isinstance(value.get("plan"), str):
            self._run.act(ChatMessage("assistant", str(value["plan"]), at=at), _timed(value))
        elif value.get("task") is not None:
            self._run.hear(ChatMessage("user", as_text(value.get("task")) or "", at=at))
        elif isinstance(value.get("system_prompt"), str):
            self._run.hear(ChatMessage("system", str(value["system_prompt"]), at=at))
        elif "output" in value:
            self._run.answer = as_text(value.get("output"))

    def _action(self, value: Mapping[str, JSON], at: Location) -> None:
        error = as_mapping(value.get("error"))
        kind = as_string(error.get("type"))
        if kind == _MAX_STEPS:
            self._run.outcome = "max_steps"
        said = as_mapping(value.get("model_output_message"))
        message = read_message({**said, "role": "assistant"}, inside(at, "model_output_message"))
        text = message.text or content_text(value.get("model_output")) or ""
        if kind == _MAX_STEPS and not said and not value.get("model_output"):
            # What the framework asked for after the limit is the answer that it gave up with.
            text = as_text(value.get("action_output")) or ""
        calls = _calls(value, message, at)
        failure = as_text(error.get("message"))
        act = _timed(value, error=failure if kind == _GENERATION else None)
        choice = as_mapping(next(iter(as_list(as_mapping(said.get("raw")).get("choices"))), None))
        finish = as_string(choice.get("finish_reason"))
        done = ChatMessage(
            "assistant", text, reasoning=message.reasoning, calls=calls, finish_reason=finish, at=at
        )
        self._run.act(done, act)
        self._results(value, calls, failure if kind != _GENERATION else None, at)
        if value.get("is_final_answer") is True or any(call.name == _FINAL for call in calls):
            self._run.answer = as_text(value.get("action_output")) or as_text(value.get("observations"))

    def _results(
        self, value: Mapping[str, JSON], calls: tuple[ToolCall, ...], failure: str | None, at: Location
    ) -> None:
        """What came back, as the model is shown it: one observation for all calls of the step."""
        observed = as_text(value.get("observations"))
        text = "\n".join(filter(None, (observed, failure))) or None
        if not calls:
            if text:
                self._run.hear(ChatMessage("tool", text, at=at))
            return
        if observed is None and failure is None:
            return
        first_call, *others = calls
        results = [ToolResult(text, first_call.id, first_call.name, failure)]
        # Which of several calls an observation belongs to is not recorded.
        results += [ToolResult(None, call.id, call.name, failure) for call in others if failure is not None]
        self._run.hear(ChatMessage("tool", results=tuple(results), at=at))


def _calls(value: Mapping[str, JSON], message: ChatMessage, at: Location) -> tuple[ToolCall, ...]:
    """The calls of a step; where a tool raised they are only in the message of the model."""
    recorded = as_list(value.get("tool_calls"))
    found = read_message({"role": "assistant", "tool_calls": recorded}, at).calls or message.calls
    calls = []
    for call in found:
        code = call.arguments
        is_code = call.name == _INTERPRETER and isinstance(code, str)
        arguments: JSON = {"code": code} if is_code else code
        calls.append(ToolCall(call.name, arguments, call.id, at=call.at))
    return tuple(calls)


def _timed(value: Mapping[str, JSON], *, error: str | None = None) -> Act:
    timing = as_mapping(value.get("timing"))
    raw = as_mapping(as_mapping(value.get("model_output_message")).get("raw"))
    return Act(
        model=as_string(raw.get("model")),
        usage=usage_of(value.get("token_usage")),
        start=as_nanoseconds(timing.get("start_time")),
        end=as_nanoseconds(timing.get("end_time")),
        error=error,
    )
