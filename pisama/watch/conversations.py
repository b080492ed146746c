"""What is new in a request. Providers keep no memory, so programs send the whole conversation with every call."""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import dropwhile, takewhile

from pisama.loaders.values import as_list, as_mapping, as_string, first, to_json
from pisama.trace import JSON
from pisama.watch.providers import MESSAGES, Api

MAX_CONVERSATIONS = 256
"""Conversations that are remembered, the latest used ones."""
_MAX_ALIKE = 16
"""Of those that began alike."""
_MAX_NAMED = 4_096
"""Responses and exchanges whose conversation is remembered."""
_MAX_LATEST = 64
"""Messages of a conversation that are recognised when the ones before them were left out."""
_MIN_ROW = 3
"""Messages in a row that tell where a shortened conversation goes on."""
_MAX_OPENING = 4
"""Messages among which the first words of the user are looked for."""

_FRAME = (
    *("system", "instructions", "systemInstruction", "system_instruction"),
    *("tools", "functions"),
)
_OWN_ROLES = ("assistant", "model")
_ANSWERED = ("_output", "_response")


@dataclass(slots=True)
class Conversation:
    """A conversation as its latest request told it. Of its messages only digests are kept."""

    trace_id: str
    root_id: str
    count: int = 0
    """Messages of the latest request."""
    hashed: hashlib._Hash = field(default_factory=hashlib.sha256)
    """Of the digests of all of them."""
    latest: deque[bytes] = field(default_factory=lambda: deque(maxlen=_MAX_LATEST))
    frame: dict[str, bytes] = field(default_factory=dict)
    before: dict[str, JSON] = field(default_factory=dict)
    """Fields ahead of the messages."""
    answered: bool = False

    def go_on(self, digests: Sequence[bytes]) -> None:
        """Adds messages."""
        self.count += len(digests)
        self.hashed.update(b"".join(digests))
        self.latest.extend(digests)

    def restart(self, digests: Sequence[bytes], fields: Mapping[str, JSON]) -> None:
        """Takes these messages, and the fields ahead of them, for the whole conversation."""
        self.count = 0
        self.hashed = hashlib.sha256()
        self.latest.clear()
        self.go_on(digests)
        self.before = dict(fields)

    def begins(self, digests: Sequence[bytes]) -> bool:
        """Whether these messages begin with those of the conversation."""
        if len(digests) < self.count:
            return False
        return hashlib.sha256(b"".join(digests[: self.count])).digest() == self.hashed.digest()


@dataclass(frozen=True, slots=True)
class News:
    """A request, cut down to what it adds to its conversation."""

    conversation: Conversation
    request: dict[str, JSON]
    is_cut: bool
    """Whether what was known has been left out."""
    begins: bool
    """Whether it begins the conversation."""


class Conversations:
    """Tells requests to conversations. The work on one depends on the length of what it is given, not on the run."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, list[Conversation]] = OrderedDict()
        self._by_response: OrderedDict[str, Conversation] = OrderedDict()
        self._by_exchange: OrderedDict[int, Conversation] = OrderedDict()

    def take(self, api: Api, request: dict[str, JSON], exchange: int, after: int | None = None) -> News:
        """The request of the next exchange; `after` names the one it was cut down from."""
        name = MESSAGES[api]
        messages = _messages(request.get(name))
        digests = [_digest(message) for message in messages]
        before = self._by_exchange.pop(after, None) if after is not None else None
        if before is not None:
            news = _news(before, {**before.before, **request}, name, messages, known=0)
            before.go_on(digests)
        else:
            conversation, known = self._conversation(api, request, messages, digests)
            news = _news(conversation, request, name, messages, known=known)
            ahead = takewhile(lambda each: each != name, request)
            conversation.restart(digests, {each: request[each] for each in ahead if each not in _FRAME})
        self._by_exchange[exchange] = news.conversation
        if len(self._by_exchange) > _MAX_NAMED:
            self._by_exchange.popitem(last=False)
        return news

    def answered(self, news: News, answer: Mapping[str, JSON]) -> None:
        """The request was answered with this."""
        news.conversation.answered = True
        own = as_string(answer.get("id"))
        if own is not None:
            self._by_response[own] = news.conversation
            if len(self._by_response) > _MAX_NAMED:
                self._by_response.popitem(last=False)

    def _conversation(
        self, api: Api, request: Mapping[str, JSON], messages: list[JSON], digests: list[bytes]
    ) -> tuple[Conversation, int | None]:
        """Where a whole request belongs, and how many of its messages are known; None when it tells all anew."""
        before = self._by_response.get(as_string(request.get("previous_response_id")) or "")
        if before is not None:
            return before, 0
        same = self._beginning_alike(api, request, messages)
        for conversation in same:
            repeated = conversation.answered and len(messages) == conversation.count
            if conversation.begins(digests) and not repeated:
                return conversation, conversation.count
        if same and any(map(_is_own, messages)):
            # The history was shortened or rewritten on the way.
            known = [_known_to(conversation, messages, digests) for conversation in same]
            place = max(range(len(same)), key=lambda number: (known[number], number))
            return same[place], known[place] or None
        conversation = Conversation(secrets.token_hex(16), secrets.token_hex(8))
        same.append(conversation)
        del same[:-_MAX_ALIKE]
        return conversation, None

    def _beginning_alike(
        self, api: Api, request: Mapping[str, JSON], messages: list[JSON]
    ) -> list[Conversation]:
        frame = [request.get(name) or None for name in _FRAME[:4]]
        key = _digest([api, _opening(messages), *frame])
        same = self._known.setdefault(key, [])
        self._known.move_to_end(key)
        if len(self._known) > MAX_CONVERSATIONS:
            self._known.popitem(last=False)
        return same


def _news(
    conversation: Conversation,
    request: dict[str, JSON],
    name: str,
    messages: list[JSON],
    *,
    known: int | None,
) -> News:
    begins = not conversation.count and not conversation.answered
    new = messages[known or 0 :]
    if known is not None and conversation.answered:
        new = list(dropwhile(_is_own, new))
    # What frames a conversation is told when it begins, and again where it changes.
    frame = {each: _digest(request[each]) for each in _FRAME if request.get(each)}
    told = {
        each: request[each]
        for each, digest in frame.items()
        if known is None or conversation.frame.get(each) != digest
    }
    rest = {each: value for each, value in request.items() if each not in _FRAME}
    conversation.frame |= frame
    conversation.answered = False
    return News(conversation, {**rest, **told, name: new}, known is not None, begins)


def _known_to(conversation: Conversation, messages: list[JSON], digests: list[bytes]) -> int:
    """After how many messages the request goes on with what is new, when older ones were left out; 0 if it does not.

    The latest messages that are known have to stand there in a row, and then the answer to them.
    """
    latest = list(conversation.latest)
    for place in range(len(digests) - 1, 0, -1):
        if digests[place] != latest[-1] or not (
            conversation.answered and place + 1 < len(messages) and _is_own(messages[place + 1])
        ):
            continue
        pairs = zip(reversed(digests[: place + 1]), reversed(latest), strict=False)
        if sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs)) >= _MIN_ROW:
            return place + 1
    return 0


def _digest(value: JSON) -> bytes:
    return hashlib.sha256(to_json(value).encode()).digest()


def _messages(value: JSON) -> list[JSON]:
    return [{"role": "user", "content": value}] if isinstance(value, str) else as_list(value)


def _opening(messages: list[JSON]) -> list[JSON]:
    """What a conversation begins with, up to the first words of its user."""
    opening = messages[:_MAX_OPENING]
    for count, message in enumerate(opening, 1):
        if as_mapping(message).get("role") == "user":
            return opening[:count]
    return opening


def _is_own(message: JSON) -> bool:
    """Whether the model said this: a message of its, or an item of the Responses API that is no result."""
    record = as_mapping(message)
    role = first(record, "role")
    if role is not None:
        return role in _OWN_ROLES
    kind = as_string(record.get("type")) or ""
    return bool(kind) and not kind.endswith(_ANSWERED)
