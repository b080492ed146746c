"""The OpenAI Responses API: lists of items, response objects, and logs of both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pisama.loaders.base import Document, Loaded
from pisama.loaders.chat_records import error_of, tools_of
from pisama.loaders.items import Batch, batches, sample_batches
from pisama.loaders.messages import ChatMessage
from pisama.loaders.responses_items import ResponsesReader, is_item
from pisama.loaders.runs import Act, RunBuilder, inside, run_name
from pisama.loaders.usages import usage_of
from pisama.loaders.values import as_list, as_mapping, as_nanoseconds, as_string, first, open_json
from pisama.report import LoadError
from pisama.trace import JSON, Location

_LISTS = ("items", "input_items", "input", "data", "responses")
_IDS = ("id", "session_id", "conversation_id", "thread_id")
_ENDED = frozenset(("response.completed", "response.incomplete", "response.failed"))


class OpenAIResponsesLoader:
    """A list of items is a run; so are the responses of one file, unless they belong to different conversations."""

    id: ClassVar[str] = "openai-responses"
    title: ClassVar[str] = "OpenAI Responses items"
    recognised_by: ClassVar[str] = (
        "items of type `function_call`, `function_call_output` …, or `object` is `response`"
    )

    def sniff(self, document: Document) -> float:
        """By response objects, and by items that no other API has."""
        values = [as_mapping(value) for value in sample_batches(document, *_LISTS)]
        if any(_response_of(value) is not None for value in values):
            return 0.95
        marks = sum(map(is_item, values))
        return 0.8 if marks and marks * 3 >= len(values) else 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each run."""
        number = 0
        for batch in batches(document, *_LISTS):
            if isinstance(batch, LoadError):
                yield batch
                continue
            conversation = _Conversation(batch, document, number)
            yield from conversation.load()
            number += conversation.count


def _response_of(value: Mapping[str, JSON]) -> Mapping[str, JSON] | None:
    """The response object in a record: the record itself, a line of a log, or the last event of a stream."""
    for candidate in (value, as_mapping(open_json(value.get("response")))):
        if candidate.get("object") == "response" and isinstance(candidate.get("output"), list):
            kind = value.get("type")
            streamed = candidate is not value and isinstance(kind, str) and kind.startswith("response.")
            return None if streamed and kind not in _ENDED else candidate
    return None


class _Conversation:
    """The runs in one list of items or responses."""

    def __init__(self, batch: Batch, document: Document, number: int) -> None:
        self._batch = batch
        self._document = document
        self._number = number
        self._readers: dict[str, ResponsesReader] = {}
        self._names: dict[str, str] = {}
        self._last = ""
        self._instructions: dict[str, str] = {}
        self._heard: dict[str, int] = {}

    @property
    def count(self) -> int:
        """How many runs were found."""
        return len(self._readers)

    def load(self) -> Iterator[Loaded]:
        """The traces, and an error for each record that is no item."""
        header = self._batch.header
        for index, record in enumerate(self._batch.records):
            value = as_mapping(record.value)
            response = _response_of(value)
            if response is not None:
                self._response(value, response, record.at)
            elif str(value.get("type")).startswith("response."):
                continue
            elif not isinstance(record.value, dict) or not self._reader("").read(value, record.at, index):
                yield LoadError("no item of the Responses API", record.at)
        if header:
            self._output(header)
        for position, (name, reader) in enumerate(self._readers.items()):
            reader.end_turn()
            if reader.run.last_step is None and reader.run.task is None:
                continue
            own = name or as_string(first(header, *_IDS)) or run_name(self._document, self._number + position)
            yield reader.run.trace(own, OpenAIResponsesLoader.id, complete=not self._document.growing)

    def _output(self, header: Mapping[str, JSON]) -> None:
        """A row with the input beside the output: the output is the last turn."""
        for place, item in enumerate(as_list(header.get("output"))):
            self._reader("").read(as_mapping(item), inside(self._batch.at, "output", place))

    def _reader(self, name: str) -> ResponsesReader:
        if name not in self._readers:
            self._readers[name] = ResponsesReader(RunBuilder(self._batch.at))
        return self._readers[name]

    def _response(self, row: Mapping[str, JSON], response: Mapping[str, JSON], at: Location) -> None:
        reader = self._reader(self._run_of(response))
        place = at if response is row else inside(at, "response")
        self._request(reader, row, response, at)
        reader.run.offer(tools_of(response))
        start = len(as_list(response.get("output")))
        for number, item in enumerate(as_list(response.get("output"))):
            reader.read(as_mapping(item), inside(place, "output", number))
        act = Act(
            model=as_string(response.get("model")),
            usage=usage_of(response.get("usage")),
            start=as_nanoseconds(response.get("created_at")),
            error=error_of(response),
        )
        if start or act.error is not None:
            reader.end_turn(act, _finish(response))

    def _run_of(self, response: Mapping[str, JSON]) -> str:
        """Which run a response belongs to: its conversation's, its predecessor's, else the last one's."""
        own = as_string(response.get("id"))
        conversation = response.get("conversation")
        named = as_string(as_mapping(conversation).get("id")) or as_string(conversation)
        before = as_string(response.get("previous_response_id"))
        name = named or self._names.get(before or "") or self._last
        if own is not None:
            self._names[own] = name
        self._last = name
        return name

    def _request(
        self, reader: ResponsesReader, row: Mapping[str, JSON], response: Mapping[str, JSON], at: Location
    ) -> None:
        """What the model was given: its instructions, and the input where a log keeps it."""
        instructions = response.get("instructions")
        if isinstance(instructions, str) and self._instructions.get(self._last) != instructions:
            self._instructions[self._last] = instructions
            reader.run.hear(ChatMessage("system", instructions, at=at))
        request = as_mapping(open_json(row.get("request"))) if response is not row else {}
        given = request.get("input") if request else row.get("input")
        if isinstance(given, str) and given.strip() and given.strip() != reader.run.task:
            reader.run.hear(ChatMessage("user", given, at=at))
        # Without a predecessor to refer to, a request resends all that was said before.
        known = 0 if response.get("previous_response_id") is not None else self._heard.get(self._last, 0)
        said = 0
        for number, value in enumerate(as_list(open_json(given))):
            item = as_mapping(value)
            place = inside(at, "request", "input", number)
            if str(item.get("type")).endswith("_output"):
                reader.read(item, place)
            elif item.get("role") in ("user", "system", "developer"):
                said += 1
                if said > known:
                    reader.read(item, place)
        self._heard[self._last] = max(said, known)


def _finish(response: Mapping[str, JSON]) -> str | None:
    reason = as_string(as_mapping(response.get("incomplete_details")).get("reason"))
    if reason is None:
        return "stop" if response.get("status") == "completed" else None
    return "length" if reason == "max_output_tokens" else reason.lower()
