"""LangChain messages: dumps of lists and of states, and what `pretty_print` prints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pisama.loaders.base import Document, Loaded
from pisama.loaders.items import Batch, batches, sample_batches
from pisama.loaders.langchain_messages import is_langchain, message_id
from pisama.loaders.langchain_runs import LangChainRun
from pisama.loaders.langchain_text import is_pretty_text, read_pretty_text
from pisama.loaders.runs import RunBuilder, run_name
from pisama.loaders.values import as_string, first
from pisama.report import LoadError
from pisama.trace import Location

_LISTS = ("messages", "chat_history", "history")
_IDS = ("thread_id", "session_id", "run_id", "id")


class LangChainLoader:
    """A list of messages is a run; states that go on with the same messages are one run together."""

    id: ClassVar[str] = "langchain"
    title: ClassVar[str] = "LangChain messages"
    recognised_by: ClassVar[str] = (
        "messages with `lc`, or whose `type` is `human` and `ai`; text with `==== Ai Message ====`"
    )

    def sniff(self, document: Document) -> float:
        """By constructors of messages, by types that have no role, and by the headings of printed ones."""
        if document.text is not None:
            return 0.9 if is_pretty_text(document.text) else 0.0
        values = sample_batches(document, *_LISTS)
        marks = sum(map(is_langchain, values))
        return 0.85 if marks and marks * 2 >= len(values) else 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each run."""
        if document.text is not None:
            yield self._printed(document, document.text)
            return
        runs: dict[str, tuple[str, LangChainRun]] = {}
        for number, batch in enumerate(batches(document, *_LISTS)):
            if isinstance(batch, LoadError):
                yield batch
                continue
            own = as_string(first(batch.header, *_IDS))
            key = own or _first_id(batch) or str(number)
            state = runs.setdefault(
                key, (own or run_name(document, len(runs)), LangChainRun(RunBuilder(batch.at)))
            )[1]
            for index, record in enumerate(batch.records):
                if not state.read(record.value, record.at, index=index):
                    yield LoadError("not a LangChain message", record.at)
        for name, state in runs.values():
            yield state.run.trace(name, self.id, complete=not document.growing)

    def _printed(self, document: Document, text: str) -> Loaded:
        state = LangChainRun(RunBuilder(Location(document.path)))
        for index, (line, fields) in enumerate(read_pretty_text(text)):
            state.read(fields, Location(document.path, line), index=index)
        return state.run.trace(run_name(document), self.id)


def _first_id(batch: Batch) -> str | None:
    """The id of the first message: states of one run, streamed one after another, have it in common."""
    return message_id(batch.records[0].value) if batch.records else None
