"""Reading runs that were recorded as the messages of a chat API.

One reader for OpenAI chat completions and Anthropic messages, since files mix their dialects. It
takes rows with a list of messages, bare lists, loose messages (together one run), responses without
their requests, and logs of requests that resend the conversation every time.

Only what the run itself recorded is read. Labels, rewards and right answers, which data sets keep
beside the messages, never get into a trace.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from itertools import islice
from pathlib import PurePath

from pisama.loaders.base import Document, Loaded, Record
from pisama.loaders.chat_records import (
    Exchange,
    answer_of,
    are_messages,
    error_of,
    exchange_of,
    is_message,
    messages_field,
)
from pisama.loaders.chat_run import ChatRun
from pisama.loaders.messages import ChatMessage, read_message
from pisama.loaders.values import as_list, as_mapping, as_string, first, open_json, to_json
from pisama.report import LoadError
from pisama.trace import JSON, Location, Trace

_IDS = ("trace_id", "run_id", "session_id", "conversation_id", "id", "uuid", "instance_id", "task_id")
_SUFFIXES = frozenset((".json", ".jsonl", ".ndjson", ".gz", ".log", ".txt"))


def read_chats(document: Document, format_id: str) -> Iterator[Loaded]:
    """The traces of a document, and an error for each part that is no message."""
    return _Reader(document, format_id).read()


class _Reader:
    """Sorts the records of one document into runs."""

    def __init__(self, document: Document, format_id: str) -> None:
        self._document = document
        self._format = format_id
        self._ids: dict[str, int] = {}
        self._loose: ChatRun | None = None
        self._log = _Log()

    def read(self) -> Iterator[Loaded]:
        """All traces and errors."""
        for position, item in enumerate(_parts(self._document)):
            if isinstance(item, LoadError):
                yield item
            else:
                yield from self._read_part(item, position)
        open_runs = [self._loose] if self._loose else []
        for run in (*open_runs, *self._log.runs):
            yield self._trace(run, complete=not self._document.growing)

    def _read_part(self, item: Record, position: int) -> Iterator[Loaded]:
        if isinstance(item.value, list):
            yield from self._read_list({}, item.value, item.at, item.at)
            return
        row = as_mapping(item.value)
        exchange = exchange_of(row)
        name = None if exchange else messages_field(row)
        if exchange:
            yield from self._log.add(row, exchange, item.at)
        elif name is not None:
            place = replace(item.at, pointer=f"{item.at.pointer}/{name}")
            yield from self._read_list(row, open_json(row[name]), item.at, place)
        else:
            yield from self._read_loose(row, item.at, position)

    def _read_loose(self, row: Mapping[str, JSON], at: Location, position: int) -> Iterator[LoadError]:
        """A message, or a response, that stands alone: part of the one run of this document."""
        answer = answer_of(row)
        if answer is None and not is_message(dict(row)):
            yield LoadError("neither a message nor a row with a list of messages", at)
            return
        if self._loose is None:
            self._loose = ChatRun(Location(at.path), {})
        if answer is None:
            self._loose.add(row, at, position)
        else:
            record = {"model": row.get("model"), "usage": row.get("usage"), **answer[0]}
            self._loose.add(record, replace(at, pointer=at.pointer + answer[1]), position)

    def _read_list(
        self, row: Mapping[str, JSON], values: JSON, at: Location, place: Location
    ) -> Iterator[Loaded]:
        """A list of messages: a run of its own."""
        messages = as_list(values)
        if not are_messages(messages):
            yield LoadError("no messages in it" if not messages else "not a list of messages", place)
            return
        run = ChatRun(at, row)
        yield from _add_all(run, messages, place)
        yield self._trace(run, complete=True)

    def _trace(self, run: ChatRun, *, complete: bool) -> Trace:
        return run.trace(self._new_id(run), self._format, complete=complete)

    def _new_id(self, run: ChatRun) -> str:
        """The recorded id, else one made of the file's name and the place in it; unique in this document."""
        named = as_string(first(run.row, *_IDS))
        trial = as_string(run.row.get("trial"))
        if named and trial:
            named = f"{named}/{trial}"
        wanted = named or _place_name(run.at)
        number = self._ids[wanted] = self._ids.get(wanted, 0) + 1
        return wanted if number == 1 else f"{wanted}#{number}"


@dataclass(slots=True)
class _Log:
    """The runs of a log of requests and responses, each request told to its run by what it resends."""

    runs: list[ChatRun] = field(default_factory=list)
    _known: dict[bytes, tuple[ChatRun, bool]] = field(default_factory=dict)
    """By digest of a conversation: its run, and whether the run already holds the answer to it."""

    def add(self, row: Mapping[str, JSON], exchange: Exchange, at: Location) -> Iterator[LoadError]:
        """One exchange: what is new in its request, then its response."""
        request, response = exchange.request, exchange.response
        messages = as_list(open_json(request[exchange.field]))
        place = replace(at, pointer=f"{at.pointer}{exchange.request_pointer}/{exchange.field}")
        digests = _digests(request, messages)
        run, start = self._continued(digests, messages)
        if run is None:
            run = ChatRun(replace(at, pointer="") if self.runs else Location(at.path), request)
            self.runs.append(run)
        else:
            run.offer(request)
        yield from _add_all(run, messages, place, start)
        self._known[digests[-1]] = (run, True)
        answer = answer_of(response)
        error = error_of(response) or error_of(row)
        answered, inside = answer or ({"role": "assistant"}, "")
        if answer is None and error is None:
            yield LoadError(
                "a response without a message", replace(at, pointer=at.pointer + exchange.response_pointer)
            )
            return
        model = first(response, "model") or first(request, "model")
        record = {"model": model, "usage": response.get("usage"), **answered}
        pointer = f"{at.pointer}{exchange.response_pointer}{inside}"
        run.add(record, replace(at, pointer=pointer), len(messages), error)
        if answer is not None:
            self._known[_next_digest(digests[-1], read_message(answered))] = (run, False)

    def _continued(self, digests: list[bytes], messages: list[JSON]) -> tuple[ChatRun | None, int]:
        """The run whose conversation this request resends, and the first message that is new."""
        for count in range(len(messages), 0, -1):
            run, answered = self._known.get(digests[count], (None, False))
            if run is None:
                continue
            if answered and count == len(messages) and not run.failed:
                # The same words once more after an answer: another run of the same task.
                return None, 0
            if answered and count < len(messages) and as_mapping(messages[count]).get("role") == "assistant":
                # The answer, resent with some changes.
                return run, count + 1
            return run, count
        return None, 0


def _parts(document: Document) -> Iterator[Record | LoadError]:
    """The records; in place of a list that is no conversation, what is in it."""
    for record in document.records():
        if isinstance(record, LoadError) or not isinstance(record.value, list) or are_messages(record.value):
            yield record
        else:
            for place, value in enumerate(record.value):
                yield Record(value, replace(record.at, pointer=f"{record.at.pointer}/{place}"))


def _add_all(run: ChatRun, messages: list[JSON], place: Location, start: int = 0) -> Iterator[LoadError]:
    """Adds the messages from `start` on; one error tells of all that are none."""
    bad: list[Location] = []
    for index, message in enumerate(islice(messages, start, None), start):
        at = Location(place.path, place.line, f"{place.pointer}/{index}")
        if isinstance(message, dict) and isinstance(message.get("role"), str):
            run.add(message, at, index)
        else:
            bad.append(at)
    if bad:
        more = f"; nor are {len(bad) - 1} more of this list" if len(bad) > 1 else ""
        yield LoadError(f"not a message: it has no role{more}", bad[0])


def _digests(request: Mapping[str, JSON], messages: list[JSON]) -> list[bytes]:
    """Digests of the conversation after 0, 1, 2 … messages."""
    digests = [blake2b(to_json(request.get("system")).encode(), digest_size=16).digest()]
    for message in messages:
        digests.append(_next_digest(digests[-1], read_message(as_mapping(message))))
    return digests


def _next_digest(before: bytes, message: ChatMessage) -> bytes:
    """Only what providers resend faithfully: words, calls and results."""
    calls: list[JSON] = [[call.name, call.arguments, call.id] for call in message.calls]
    results: list[JSON] = [[result.text, result.call_id] for result in message.results]
    text = to_json([message.role, message.text, calls, results])
    return blake2b(before + text.encode("utf-8", "replace"), digest_size=16).digest()


def _place_name(at: Location) -> str:
    path = PurePath(at.path or "trace")
    while path.suffix.lower() in _SUFFIXES:
        path = path.with_suffix("")
    line = "" if at.line is None else f":{at.line}"
    return f"{path.name}{line}{at.pointer}"
