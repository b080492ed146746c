"""What is new in a request. Providers keep no memory, so programs send the whole conversation with every call."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from pisama.loaders.values import as_list, as_mapping, as_string, first, to_json
from pisama.trace import JSON
from pisama.watch.providers import Api

MAX_CONVERSATIONS = 256
"""Conversations that are remembered, the latest used ones."""
_MAX_NAMED = 4_096
"""Responses whose conversation is remembered by their id."""

_MAX_OPENING = 4
"""Messages among which the first words of the user are looked for."""

_FIELDS = {Api.CHAT: "messages", Api.MESSAGES: "messages", Api.RESPONSES: "input", Api.GENERATE: "contents"}
_FRAME = (
    *("system", "instructions", "systemInstruction", "system_instruction"),
    *("tools", "functions"),
)
_OWN_ROLES = ("assistant", "model")
_ANSWERED = ("_output", "_response")


@dataclass(slots=True)
class Conversation:
    """A conversation as its latest request told it."""

    trace_id: str
    root_id: str
    messages: list[JSON]
    frame: dict[str, JSON]
    answered: bool = False


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
    """Tells requests to conversations. Comparing is the only work that grows with the length of a request."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, list[Conversation]] = OrderedDict()
        self._by_response: OrderedDict[str, Conversation] = OrderedDict()

    def take(self, api: Api, request: dict[str, JSON]) -> News:
        """The next request."""
        field = _FIELDS[api]
        messages = _messages(request.get(field))
        frame = {name: request[name] for name in _FRAME if request.get(name)}
        before = self._by_response.get(as_string(request.get("previous_response_id")) or "")
        if before is not None:
            return self._news(before, request, field, messages, frame, known=0)
        key = to_json([api, _opening(messages), *(frame.get(name) for name in _FRAME[:4])])
        same = self._known.setdefault(key, [])
        self._known.move_to_end(key)
        if len(self._known) > MAX_CONVERSATIONS:
            self._known.popitem(last=False)
        for conversation in same:
            count = len(conversation.messages)
            if messages[:count] == conversation.messages and not (
                conversation.answered and len(messages) == count
            ):
                return self._news(conversation, request, field, messages, frame, known=count)
        if same and any(_is_own(message) for message in messages):
            # The history was shortened or rewritten on the way.
            return self._news(same[-1], request, field, messages, frame, known=None)
        conversation = Conversation(secrets.token_hex(16), secrets.token_hex(8), [], {})
        same.append(conversation)
        del same[:-MAX_CONVERSATIONS]
        return self._news(conversation, request, field, messages, frame, known=None)

    def answered(self, news: News, answer: Mapping[str, JSON]) -> None:
        """The request was answered with this."""
        news.conversation.answered = True
        own = as_string(answer.get("id"))
        if own is not None:
            self._by_response[own] = news.conversation
            if len(self._by_response) > _MAX_NAMED:
                self._by_response.popitem(last=False)

    def _news(
        self,
        conversation: Conversation,
        request: dict[str, JSON],
        field: str,
        messages: list[JSON],
        frame: dict[str, JSON],
        *,
        known: int | None,
    ) -> News:
        begins = not conversation.messages and not conversation.answered
        start = known or 0
        if known is not None and conversation.answered:
            while start < len(messages) and _is_own(messages[start]):
                start += 1
        # What frames a conversation is told when it begins, and again where it changes.
        told = {
            name: value
            for name, value in frame.items()
            if known is None or conversation.frame.get(name) != value
        }
        cut = {
            **{name: value for name, value in request.items() if name not in _FRAME},
            **told,
            field: messages[start:],
        }
        conversation.messages = messages
        conversation.frame = frame
        conversation.answered = False
        return News(conversation, cut, known is not None, begins)


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
