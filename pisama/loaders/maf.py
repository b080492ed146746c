"""Microsoft Agent Framework: the response of an agent's run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pisama.loaders.base import Document, Loaded
from pisama.loaders.items import Batch, batches, sample_items
from pisama.loaders.messages import read_message
from pisama.loaders.runs import Act, RunBuilder, run_name
from pisama.loaders.usages import usage_of
from pisama.loaders.values import as_list, as_mapping, as_string, first
from pisama.report import LoadError
from pisama.trace import JSON, Usage

_LISTS = ("messages",)
_RESPONSES = ("agent_response", "agent_run_response")


class MafLoader:
    """A response is a run; it records the tokens of all its steps together."""

    id: ClassVar[str] = "maf"
    title: ClassVar[str] = "Microsoft Agent Framework response"
    recognised_by: ClassVar[str] = "`type` is `agent_response`, with messages that have `contents`"

    def sniff(self, document: Document) -> float:
        """By the type of a response, or by messages with `contents` and an author."""
        return 0.95 if any(_is_response(as_mapping(value)) for value in sample_items(document)) else 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each response."""
        for number, batch in enumerate(batches(document, *_LISTS)):
            if isinstance(batch, LoadError):
                yield batch
            else:
                yield from _load(batch, document, number)


def _is_response(value: Mapping[str, JSON]) -> bool:
    if value.get("type") in _RESPONSES:
        return True
    messages = [as_mapping(message) for message in as_list(value.get("messages"))[:4]]
    return any("contents" in message and "author_name" in message for message in (value, *messages))


def _load(batch: Batch, document: Document, number: int) -> Iterator[Loaded]:
    header = batch.header
    run = RunBuilder(batch.at)
    for index, record in enumerate(batch.records):
        value = as_mapping(record.value)
        role = value.get("role")
        # Early versions wrote the role as an object.
        role = as_mapping(role).get("value") if isinstance(role, dict) else role
        if not isinstance(role, str):
            yield LoadError("not a message: it has no role", record.at)
            continue
        message = read_message({**value, "role": role}, record.at)
        if message.role == "assistant" and (message.calls or message.text or not message.results):
            agent = as_string(first(value, "author_name", "authorName")) or "assistant"
            run.act(message, Act(agent), index=index)
        else:
            run.hear(message)
    own = as_string(first(header, "response_id", "responseId", "id"))
    trace = run.trace(
        own or run_name(document, number),
        MafLoader.id,
        complete=not document.growing,
        metadata=_totals(usage_of(first(header, "usage_details", "usageDetails"))),
    )
    yield trace


def _totals(usage: Usage | None) -> dict[str, JSON]:
    """The tokens of the whole run, which cannot be told apart by step."""
    if usage is None:
        return {}
    return {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
