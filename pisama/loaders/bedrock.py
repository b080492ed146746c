"""Amazon Bedrock Converse: lists of messages, requests and responses; also what Strands agents keep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pisama.loaders.base import Document, Loaded
from pisama.loaders.chat_records import error_of
from pisama.loaders.items import Batch, batches, sample_batches
from pisama.loaders.messages import read_message
from pisama.loaders.runs import Act, RunBuilder, inside, run_name
from pisama.loaders.usages import usage_of
from pisama.loaders.values import as_list, as_mapping, as_string, first
from pisama.report import LoadError
from pisama.trace import JSON, Location, Tool

_LISTS = ("messages",)
_IDS = ("session_id", "sessionId", "id", "agent_id", "requestId")
_BLOCKS = frozenset(("toolUse", "toolResult", "reasoningContent"))


class BedrockLoader:
    """A list of messages is a run; so are the responses of one file together."""

    id: ClassVar[str] = "bedrock"
    title: ClassVar[str] = "Bedrock Converse messages (Strands)"
    recognised_by: ClassVar[str] = (
        "content blocks `toolUse` and `toolResult`, or responses with `output.message`"
    )

    def sniff(self, document: Document) -> float:
        """By blocks that are known by their key, which other APIs give a type."""
        values = [as_mapping(value) for value in sample_batches(document, *_LISTS)]
        if any(_answer_of(value) is not None for value in values):
            return 0.9
        return 0.85 if any(map(_is_marked, values)) else 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each run."""
        for number, batch in enumerate(batches(document, *_LISTS)):
            if isinstance(batch, LoadError):
                yield batch
            else:
                yield from _load(batch, document, number)


def _is_marked(value: Mapping[str, JSON]) -> bool:
    if value.get("role") not in ("user", "assistant"):
        # Strands' session files keep each message in a record of its own.
        value = as_mapping(value.get("message"))
    blocks = as_list(value.get("content"))[:8]
    keys = {key for block in blocks for key in as_mapping(block)}
    untyped = "type" not in keys and "text" in keys and "tracking_id" in value
    return ("type" not in keys and bool(_BLOCKS & keys)) or untyped


def _answer_of(value: Mapping[str, JSON]) -> Mapping[str, JSON] | None:
    message = as_mapping(as_mapping(value.get("output")).get("message"))
    return message if "stopReason" in value and isinstance(message.get("content"), list) else None


def _load(batch: Batch, document: Document, number: int) -> Iterator[Loaded]:
    header = batch.header
    run = RunBuilder(batch.at)
    agent = as_string(first(header, "agent_name", "agent_id")) or "assistant"
    run.offer(_tools(header))
    prompt = first(header, "system", "system_prompt")
    if prompt is not None:
        run.hear(read_message({"role": "system", "content": prompt}, inside(batch.at, "system")))
    for index, record in enumerate(batch.records):
        value = as_mapping(record.value)
        answer = _answer_of(value)
        if answer is not None:
            _respond(run, value, answer, record.at, agent)
            continue
        message = value if isinstance(value.get("role"), str) else as_mapping(value.get("message"))
        if not isinstance(message.get("role"), str):
            yield LoadError("not a message: it has no role", record.at)
            continue
        at = record.at if message is value else inside(record.at, "message")
        _add(run, message, at, index, agent)
    answer = _answer_of(header)
    if answer is not None:
        _respond(run, header, answer, batch.at, agent)
    own = as_string(first(header, *_IDS))
    yield run.trace(own or run_name(document, number), BedrockLoader.id, complete=not document.growing)


def _add(run: RunBuilder, value: Mapping[str, JSON], at: Location, index: int, agent: str) -> None:
    message = read_message(value, at)
    if message.role != "assistant":
        run.hear(message)
        return
    metadata = as_mapping(value.get("metadata"))
    run.act(message, Act(agent, usage=usage_of(metadata.get("usage"))), index=index)


def _respond(
    run: RunBuilder, row: Mapping[str, JSON], answer: Mapping[str, JSON], at: Location, agent: str
) -> None:
    reason = as_string(row.get("stopReason"))
    message = read_message({**answer, "finish_reason": reason}, inside(at, "output", "message"))
    model = as_string(first(row, "modelId", "model"))
    run.act(message, Act(agent, model=model, usage=usage_of(row.get("usage")), error=error_of(row)))


def _tools(header: Mapping[str, JSON]) -> tuple[Tool, ...] | None:
    recorded = as_mapping(header.get("toolConfig")).get("tools")
    if not isinstance(recorded, list):
        return None
    tools: list[Tool] = []
    for value in recorded:
        record = as_mapping(as_mapping(value).get("toolSpec"))
        name = as_string(record.get("name"))
        schema = as_mapping(record.get("inputSchema")).get("json")
        if name is not None:
            description = as_string(record.get("description"))
            tools.append(Tool(name, description, schema if isinstance(schema, dict) else None))
    return tuple(tools)
