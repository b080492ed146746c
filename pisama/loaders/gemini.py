"""Google Gemini: lists of contents, requests with them, responses, and logs of both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pisama.loaders.base import Document, Loaded
from pisama.loaders.chat_records import error_of, tools_of
from pisama.loaders.items import Batch, batches, sample_batches
from pisama.loaders.messages import read_message
from pisama.loaders.runs import Act, RunBuilder, inside, run_name
from pisama.loaders.usages import usage_of
from pisama.loaders.values import as_list, as_mapping, as_nanoseconds, as_string, first, open_json
from pisama.report import LoadError
from pisama.trace import JSON, Location, Tool

_LISTS = ("contents", "history", "responses")
_IDS = ("id", "session_id", "sessionId", "conversation_id")
_PART_KEYS = frozenset(
    ("functionCall", "function_call", "functionResponse", "function_response", "text", "inlineData")
)


class GeminiLoader:
    """A list of contents is a run; so are the responses of one file together."""

    id: ClassVar[str] = "gemini"
    title: ClassVar[str] = "Gemini contents"
    recognised_by: ClassVar[str] = "contents with role `model` and `parts`, or responses with `candidates`"

    def sniff(self, document: Document) -> float:
        """By `parts` without types under role `model`, and by the candidates of responses."""
        values = [as_mapping(value) for value in sample_batches(document, *_LISTS)]
        if any(_answer_of(value) is not None for value in values):
            return 0.9
        marks = sum(map(_is_content, values))
        return 0.75 if marks and marks * 2 >= len(values) else 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each run."""
        for number, batch in enumerate(batches(document, *_LISTS)):
            if isinstance(batch, LoadError):
                yield batch
            else:
                yield from _Run(batch).load(document, number)


def _is_content(value: Mapping[str, JSON]) -> bool:
    parts = as_list(value.get("parts"))
    if value.get("role") not in ("user", "model", "function", None) or not parts or "kind" in value:
        return False
    part = as_mapping(parts[0])
    return "type" not in part and bool(_PART_KEYS & part.keys())


def _answer_of(value: Mapping[str, JSON]) -> Mapping[str, JSON] | None:
    """The response in a record: the record itself, or a line of a log."""
    for candidate in (value, as_mapping(open_json(value.get("response")))):
        listed = candidate.get("candidates")
        if isinstance(listed, list) and first(candidate, *_RESPONSE_MARKS) is not None:
            return candidate
        if isinstance(listed, list) and listed and "content" in as_mapping(listed[0]):
            return candidate
    return None


_RESPONSE_MARKS = (
    *("usageMetadata", "usage_metadata", "modelVersion", "model_version"),
    *("promptFeedback", "prompt_feedback"),
)


class _Run:
    """Reads one list."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._run = RunBuilder(batch.at)
        self._said = 0
        self._prompt: str | None = None

    def load(self, document: Document, number: int) -> Iterator[Loaded]:
        """The trace, and an error for each record that is no content."""
        header = self._batch.header
        self._request(header, self._batch.at)
        for index, record in enumerate(self._batch.records):
            value = as_mapping(record.value)
            answer = _answer_of(value)
            if answer is not None:
                self._response(value, answer, record.at)
            elif isinstance(value.get("parts"), list):
                self._content(value, record.at, index, Act())
            else:
                yield LoadError("neither a content nor a response", record.at)
        answer = _answer_of(header)
        if answer is not None:
            self._response(header, answer, self._batch.at)
        own = as_string(first(header, *_IDS))
        yield self._run.trace(
            own or run_name(document, number), GeminiLoader.id, complete=not document.growing
        )

    def _request(self, header: Mapping[str, JSON], at: Location) -> None:
        """The system instruction and the tools of a request."""
        config = as_mapping(first(header, "config", "generationConfig"))
        for place in (header, config):
            self._run.offer(_tools(place))
            instruction = first(place, "systemInstruction", "system_instruction")
            if instruction is None:
                continue
            record = instruction if isinstance(instruction, dict) else {"parts": instruction}
            message = read_message({**record, "role": "system"}, inside(at, "systemInstruction"))
            if message.text != self._prompt:
                self._prompt = message.text
                self._run.hear(message)

    def _content(self, value: Mapping[str, JSON], at: Location, index: int | None, act: Act) -> None:
        message = read_message(value, at)
        if message.role == "assistant":
            self._run.act(message, act, index=index)
        else:
            self._run.hear(message)

    def _response(self, row: Mapping[str, JSON], answer: Mapping[str, JSON], at: Location) -> None:
        self._given(row, answer, at)
        candidate = as_mapping(next(iter(as_list(answer.get("candidates"))), None))
        blocked = as_mapping(first(answer, "promptFeedback", "prompt_feedback"))
        reason = as_string(first(candidate, "finishReason", "finish_reason"))
        reason = reason or as_string(first(blocked, "blockReason", "block_reason"))
        error = error_of(answer) or error_of(row)
        content = as_mapping(candidate.get("content"))
        act = Act(
            model=as_string(first(answer, "modelVersion", "model_version")) or as_string(row.get("model")),
            usage=usage_of(first(answer, "usageMetadata", "usage_metadata")),
            start=as_nanoseconds(first(answer, "createTime", "create_time")),
            error=error,
        )
        place = at if answer is row else inside(at, "response")
        record = {**content, "role": "model", "finish_reason": reason}
        self._content(record, inside(place, "candidates", 0, "content"), None, act)
        # The answer comes back as the next content of the request after it.
        self._said += 1

    def _given(self, row: Mapping[str, JSON], answer: Mapping[str, JSON], at: Location) -> None:
        """What is new in the request of a logged exchange."""
        request = as_mapping(open_json(row.get("request"))) or (row if answer is not row else {})
        contents = as_list(request.get("contents"))
        if not contents:
            return
        self._request(request, at)
        for place, value in enumerate(contents[self._said :], self._said):
            self._content(as_mapping(value), inside(at, "request", "contents", place), None, Act())
        self._said = len(contents)


def _tools(record: Mapping[str, JSON]) -> tuple[Tool, ...] | None:
    """Gemini wraps its tools: `{"functionDeclarations": […]}`."""
    recorded = record.get("tools")
    if not isinstance(recorded, list):
        return None
    tools: list[Tool] = []
    for value in recorded:
        declared = first(as_mapping(value), "functionDeclarations", "function_declarations")
        tools += tools_of({"tools": declared}) or ()
    return tuple(tools)
