"""CrewAI: the output of a crew, and the log of its tasks."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import ClassVar

from pisama.loaders.base import Document, Loaded, Record
from pisama.loaders.crewai_text import is_task_log, read_task_log
from pisama.loaders.items import items, sample_items
from pisama.loaders.messages import ChatMessage, ToolResult, read_message
from pisama.loaders.runs import Act, RunBuilder, inside, run_name
from pisama.loaders.values import as_list, as_mapping, as_nanoseconds, as_string, as_text, first
from pisama.report import LoadError
from pisama.trace import JSON, Location

_LOG = frozenset(("task", "agent", "status", "timestamp"))
_ANSWER = "Final Answer:"
_STATES = ("started", "completed", "failed")


class CrewAILoader:
    """An output is a run, and so is a log; each task has a conversation of its own."""

    id: ClassVar[str] = "crewai"
    title: ClassVar[str] = "CrewAI output"
    recognised_by: ClassVar[str] = "`tasks_output`, or entries with `task`, `agent` and `status`"

    def sniff(self, document: Document) -> float:
        """By the tasks of an output, and by the fields of an entry of the log."""
        if document.text is not None:
            return 0.9 if is_task_log(document.text) else 0.0
        values = [as_mapping(value) for value in sample_items(document)]
        if any(isinstance(value.get("tasks_output"), list) for value in values):
            return 1.0
        return 0.9 if any(map(_is_entry, values)) else 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each output, and one for the log."""
        log = _TaskLog(RunBuilder(Location(document.path)))
        number = 0
        for record in _records(document):
            if isinstance(record, LoadError):
                yield record
                continue
            value = as_mapping(record.value)
            if isinstance(value.get("tasks_output"), list):
                yield from _output(value, record.at, document, number)
                number += 1
            elif _is_entry(value):
                log.read(value, record.at)
            else:
                yield LoadError("neither an output of a crew nor an entry of its log", record.at)
        if log.run.task is not None or log.run.last_step is not None:
            yield log.run.trace(run_name(document, number), self.id, complete=log.complete)


def _records(document: Document) -> Iterator[Record | LoadError]:
    if document.text is None:
        yield from items(document)
        return
    for line, entry in read_task_log(document.text):
        yield Record(entry, Location(document.path, line))


def _is_entry(value: Mapping[str, JSON]) -> bool:
    return value.keys() >= _LOG and value.get("status") in _STATES


def _output(value: Mapping[str, JSON], at: Location, document: Document, number: int) -> Iterator[Loaded]:
    """The run whose output this is."""
    run = RunBuilder(at)
    for place, recorded in enumerate(as_list(value.get("tasks_output"))):
        task = as_mapping(recorded)
        if not task:
            yield LoadError("not a task", inside(at, "tasks_output", place))
            continue
        _task(run, task, inside(at, "tasks_output", place), str(place))
    totals = as_mapping(value.get("token_usage"))
    metadata: dict[str, JSON] = {
        "input_tokens": totals.get("prompt_tokens"),
        "output_tokens": totals.get("completion_tokens"),
    }
    run.answer = (as_string(value.get("raw")) or "").rpartition(_ANSWER)[2].strip() or None
    yield run.trace(run_name(document, number), CrewAILoader.id, metadata=metadata if totals else {})


def _task(run: RunBuilder, task: Mapping[str, JSON], at: Location, context: str) -> None:
    """What the agent of one task did; older versions keep only its answer."""
    agent = as_string(task.get("agent")) or "agent"
    description = as_text(task.get("description")) or ""
    run.task = run.task or description or None
    messages = as_list(task.get("messages"))
    if not messages:
        run.hear(ChatMessage("user", description, at=at), context)
        run.act(ChatMessage("assistant", as_text(task.get("raw")) or "", at=at), Act(agent), context=context)
        return
    failures = deque(map(as_mapping, as_list(task.get("tool_failures"))))
    answered = False
    for place, recorded in enumerate(messages):
        message = read_message(as_mapping(recorded), inside(at, "messages", place))
        if message.role == "assistant":
            answered = not message.calls
            run.act(message, Act(agent), context=context)
            continue
        results = tuple(_with_failure(result, failures) for result in message.results)
        run.hear(ChatMessage(message.role, message.text, results=results, at=message.at), context)
    if not answered and isinstance(task.get("raw"), str):
        run.act(ChatMessage("assistant", str(task["raw"]), at=at), Act(agent), context=context)


def _with_failure(result: ToolResult, failures: deque[dict[str, JSON]]) -> ToolResult:
    """Failures are listed in the order in which they happened."""
    if not failures or failures[0].get("tool_name") != result.name:
        return result
    message = as_string(as_mapping(failures[0].get("failure")).get("message"))
    if message is None or message not in (result.text or ""):
        return result
    failures.popleft()
    return ToolResult(result.text, result.call_id, result.name, message)


class _TaskLog:
    """Tells a run what the log of tasks says: what was asked of each agent, and its answer."""

    def __init__(self, run: RunBuilder) -> None:
        self.run = run
        self._started: dict[tuple[str, str], int | None] = {}

    @property
    def complete(self) -> bool:
        """Whether every task that was started has ended."""
        return not self._started

    def read(self, entry: Mapping[str, JSON], at: Location) -> None:
        """The next entry."""
        agent = as_string(entry.get("agent")) or "agent"
        asked = as_text(first(entry, "task", "task_name")) or ""
        time = as_nanoseconds(entry.get("timestamp"))
        if entry.get("status") == "started":
            self._started[agent, asked] = time
            self.run.hear(ChatMessage("user", asked, at=at), asked)
            return
        start = self._started.pop((agent, asked), None)
        output = as_text(entry.get("output")) or ""
        error = (output or "failed") if entry.get("status") == "failed" else None
        act = Act(agent, start=start, end=time, error=error)
        self.run.act(ChatMessage("assistant", "" if error else output, at=at), act, context=asked)
