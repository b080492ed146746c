"""The events that Dify streams while a run goes on, gathered by run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pisama.loaders.base import Record
from pisama.loaders.runs import inside
from pisama.loaders.values import as_mapping, as_string, as_text, open_json
from pisama.trace import JSON, Location

_PREFIX = "data:"
_ANSWERS = frozenset(("message", "agent_message"))
EVENTS = frozenset(
    (
        *("workflow_started", "workflow_finished", "workflow_paused", "node_started", "node_finished"),
        *("node_retry", "iteration_started", "iteration_next", "iteration_completed", "loop_started"),
        *("loop_next", "loop_completed", "agent_log", "agent_thought", "text_chunk", "text_replace"),
        *("message", "agent_message", "message_end", "message_replace", "message_file", "error", "ping"),
        *("tts_message", "tts_message_end"),
    )
)
"""The names of all events."""


@dataclass(slots=True)
class Found:
    """What is known of one run, from whatever records."""

    at: Location
    name: str | None = None
    record: dict[str, JSON] = field(default_factory=dict)
    """The run itself: inputs, outputs, status."""
    nodes: list[Record] = field(default_factory=list)
    thoughts: list[Record] = field(default_factory=list)
    """The turns of an agent app that has no workflow."""
    answer: str = ""
    """The answer as it was streamed."""


@dataclass(slots=True)
class _Stream:
    """A run while its events are being read."""

    found: Found
    started: dict[str, Record] = field(default_factory=dict)
    finished: dict[str, Record] = field(default_factory=dict)
    thoughts: dict[str, Record] = field(default_factory=dict)
    logs: dict[str, dict[str, JSON]] = field(default_factory=dict)
    answer: list[str] = field(default_factory=list)

    def read(self, event: Mapping[str, JSON], at: Location) -> None:
        """The next event. Events about one thing replace each other."""
        kind = as_string(event.get("event")) or ""
        data = as_mapping(event.get("data"))
        key = as_string(data.get("id")) or as_string(event.get("id")) or str(at)
        if kind in ("workflow_started", "workflow_finished"):
            self.found.record |= {name: value for name, value in data.items() if value is not None}
        elif kind == "node_started":
            self.started[key] = Record(data, inside(at, "data"))
        elif kind == "node_finished":
            self.finished[key] = Record(data, inside(at, "data"))
        elif kind == "agent_log":
            node = as_string(data.get("node_execution_id")) or as_string(data.get("node_id")) or ""
            self.logs.setdefault(node, {})[key] = data
        elif kind == "agent_thought":
            self.thoughts[key] = Record({**event}, at)
        elif kind in _ANSWERS:
            self.answer.append(as_text(event.get("answer")) or "")
        elif kind == "message_replace":
            self.answer = [as_text(event.get("answer")) or ""]
        elif kind == "error":
            self.found.record |= {"status": "failed", "error": event.get("message")}

    def end(self) -> Found:
        """All of it. A node that never finished is as it was when it started."""
        self.found.nodes = [self._with_log(record) for record in ({**self.started, **self.finished}).values()]
        self.found.thoughts = list(self.thoughts.values())
        self.found.answer = "".join(self.answer)
        if self.found.record and "status" not in self.found.record:
            self.found.record["status"] = "running"
        return self.found

    def _with_log(self, record: Record) -> Record:
        node = as_mapping(record.value)
        log = self.logs.get(as_string(node.get("id")) or "") or self.logs.get(
            as_string(node.get("node_id")) or ""
        )
        metadata = as_mapping(node.get("execution_metadata"))
        if not log or metadata.get("agent_log"):
            return record
        entries: list[JSON] = list(log.values())
        return Record({**node, "execution_metadata": {**metadata, "agent_log": entries}}, record.at)


def read_events(records: Iterable[Record]) -> Iterator[Found]:
    """The runs in a list of events, in the order in which they began."""
    streams: dict[str, _Stream] = {}
    for record in records:
        event = as_mapping(record.value)
        name = as_string(event.get("workflow_run_id")) or as_string(event.get("task_id")) or ""
        stream = streams.get(name)
        if stream is None:
            stream = streams[name] = _Stream(Found(record.at, name or None))
        stream.read(event, record.at)
    return (stream.end() for stream in streams.values())


def text_events(text: str) -> Iterator[tuple[int, JSON]]:
    """The events in a text of server-sent events, with the numbers of their lines from 1."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(_PREFIX):
            value = open_json(line[len(_PREFIX) :].strip())
            if isinstance(value, dict):
                yield number, value
