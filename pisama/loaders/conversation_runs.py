"""Runs of several agents from the messages that they wrote to each other.

Only the conversation and the question are read. What such files say about the verdict (the right
answer, who made the mistake) is none of a detector's business and is never touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePath

from pisama.loaders.base import Document, Loaded, Record
from pisama.loaders.code_actions import browser_report, written_action
from pisama.loaders.conversation_entries import Entry, read_entry
from pisama.loaders.conversation_marks import PLAIN_ROLES, is_message, list_key
from pisama.loaders.items import items
from pisama.loaders.messages import ChatMessage, ConversationBuilder
from pisama.loaders.runs import with_recipients
from pisama.loaders.values import as_list, as_mapping, as_string, first
from pisama.report import LoadError
from pisama.trace import JSON, Location, Message, Step, ToolCall, Trace

_TASKS = ("question", "task", "problem", "query", "goal")
_IDS = ("question_ID", "id", "trace_id", "conversation_id", "session_id", "run_id", "chat_id")
_ANSWER = "FINAL ANSWER:"
_TERMINATE = "TERMINATE"
_OUTCOMES = (("Max rounds", "max_steps"), ("Max time", "timeout"))
"""How Magentic-One says why it stopped, and what that is called here."""
_STOPS = (
    ("Maximum number of", "max_steps"),
    ("Token usage limit", "budget"),
    ("Timeout", "timeout"),
    ("External termination", "aborted"),
)
"""The same of AutoGen's conditions of termination."""


def read_conversations(document: Document, format_id: str) -> Iterator[Loaded]:
    """A trace for each object with a list of messages, and one for all loose messages together."""
    loose: list[Record] = []
    count = 0
    for record in items(document):
        if isinstance(record, LoadError):
            yield record
            continue
        value = as_mapping(record.value)
        key = list_key(value)
        if key is not None:
            yield from Conversation(value, listed(value, key, record.at), record.at, format_id).load(
                document, count
            )
            count += 1
        else:
            loose.append(record)
    if any(is_message(record.value) for record in loose):
        at = replace(loose[0].at, pointer="")
        yield from Conversation({}, loose, at, format_id).load(document, count)
    else:
        yield from (LoadError("not a message", record.at) for record in loose)


def listed(value: Mapping[str, JSON], key: str, at: Location) -> list[Record]:
    """The messages in this field of an object that stands at `at`."""
    pointer = f"{at.pointer}/{key}"
    return [
        Record(item, replace(at, pointer=f"{pointer}/{place}"))
        for place, item in enumerate(as_list(value.get(key)))
    ]


@dataclass(slots=True)
class _Acted:
    """What an entry does beyond its words."""

    calls: list[ToolCall] = field(default_factory=list)
    text: str | None = None
    """Set when only a part of the message is the agent's own words."""


class Conversation:
    """Turns a list of messages into a trace."""

    def __init__(
        self, record: Mapping[str, JSON], messages: list[Record], at: Location, format_id: str
    ) -> None:
        self._format = format_id
        self._record = record
        self._messages = messages
        self._at = at
        self._entries: list[Entry] = []
        self._acted: dict[int, _Acted] = {}

    def load(self, document: Document, number: int) -> Iterator[Loaded]:
        """The trace, and an error for each message that could not be read."""
        for index, message in enumerate(self._messages):
            if not isinstance(message.value, dict) or not is_message(message.value):
                yield LoadError("not a message", message.at)
                continue
            entry = read_entry(index, message.value, message.at)
            if entry is not None and not self._repeats(entry):
                self._entries.append(entry)
        self._name_the_nameless()
        self._find_actions()
        steps = tuple(with_recipients(self._steps()))
        stem = PurePath(document.path).stem if document.path else "conversation"
        yield Trace(
            id=as_string(first(self._record, *_IDS)) or (f"{stem}-{number + 1}" if number else stem),
            format=self._format,
            task=self._task(),
            steps=steps,
            agents=tuple(dict.fromkeys(step.agent for step in steps)),
            final_answer=_final_answer(steps),
            complete=not document.growing,
            outcome=self._outcome(),
            at=self._at,
        )

    def _name_the_nameless(self) -> None:
        """In a chat of two, AG2 leaves the name out of an agent's messages with calls."""
        named = {entry.speaker for entry in self._entries if entry.acts} - PLAIN_ROLES.keys()
        if len(named) != 1:
            return
        (name,) = named
        self._entries = [
            replace(entry, speaker=name) if entry.message.calls and entry.speaker == "assistant" else entry
            for entry in self._entries
        ]

    def _repeats(self, entry: Entry) -> bool:
        """AutoGen follows the results of calls with a message that only says them again."""
        before = self._entries[-1] if self._entries else None
        if before is None or not before.message.results or before.speaker != entry.speaker:
            return False
        return entry.message.text == "\n".join(result.text or "" for result in before.message.results)

    def _find_actions(self) -> None:
        """Pairs what executors answered with the code or the call they ran."""
        open_from = 0
        for place, entry in enumerate(self._entries):
            report = browser_report(entry.message.text) if entry.acts and not entry.detail else None
            if report is not None:
                self._acted[place] = _Acted([replace(report[1], at=entry.message.at)], report[0])
            if entry.reply is None or not entry.reply.ran:
                continue
            self._pair(entry, open_from, place)
            open_from = place + 1

    def _pair(self, entry: Entry, start: int, stop: int) -> None:
        assert entry.reply is not None
        for place in range(stop - 1, start - 1, -1):
            asked = self._entries[place]
            if not asked.acts or asked.detail or place in self._acted:
                continue
            call = written_action(asked.message.text)
            if call is not None:
                done = replace(call, result=entry.reply.text, error=entry.reply.error, at=asked.message.at)
                self._acted[place] = _Acted([done])
                return

    def _steps(self) -> tuple[Step, ...]:
        builder = ConversationBuilder()
        delegated: dict[str, int] = {}
        prompts = self._record.get("system_prompt")
        if isinstance(prompts, str):
            builder.hear(ChatMessage("system", prompts, at=self._inside("system_prompt")))
        for place, entry in enumerate(self._entries):
            if not entry.acts:
                builder.hear(_heard(entry))
                continue
            acted = self._acted.get(place, _Acted([*entry.message.calls]))
            builder.act(_step(entry, acted, delegated), tuple(acted.calls))
            if acted.text is not None:
                builder.hear(ChatMessage("tool", acted.calls[0].result or "", at=entry.message.at))
            if entry.recipient is not None:
                delegated[entry.recipient] = entry.index
        return self._prompted(builder.steps(), as_mapping(prompts))

    def _prompted(self, steps: tuple[Step, ...], prompts: Mapping[str, JSON]) -> tuple[Step, ...]:
        """The steps, the first of each agent with that agent's system prompt."""
        left = {agent: prompt for agent, prompt in prompts.items() if isinstance(prompt, str)}
        prompted: list[Step] = []
        for step in steps:
            prompt = left.pop(step.agent, None)
            if prompt is not None:
                message = Message("system", prompt, at=self._inside("system_prompt", step.agent))
                step = replace(step, seen=(message, *step.seen))  # noqa: PLW2901
            prompted.append(step)
        return tuple(prompted)

    def _inside(self, *names: str) -> Location:
        escaped = (name.replace("~", "~0").replace("/", "~1") for name in names)
        return replace(self._at, pointer="/".join((self._at.pointer, *escaped)))

    def _task(self) -> str | None:
        asked = first(self._record, *_TASKS)
        if isinstance(asked, str) and asked.strip():
            return asked.strip()
        said = (entry.message.text for entry in self._entries if entry.role == "user" and entry.reply is None)
        return next((text.strip() for text in said if text.strip()), None)

    def _outcome(self) -> str | None:
        stopped = self._record.get("stop_reason")
        if isinstance(stopped, str):
            return next((outcome for words, outcome in _STOPS if stopped.startswith(words)), None)
        last = self._entries[-1] if self._entries else None
        if last is None or last.detail != "termination condition":
            return None
        return next((outcome for words, outcome in _OUTCOMES if last.message.text.startswith(words)), None)


def _heard(entry: Entry) -> ChatMessage:
    if entry.reply is None:
        return entry.message
    return ChatMessage("tool", entry.reply.text, entry.speaker, at=entry.message.at)


def _step(entry: Entry, acted: _Acted, delegated: Mapping[str, int]) -> Step:
    message = entry.message
    thought = entry.detail == "thought"
    text = message.text if acted.text is None else acted.text
    return Step(
        index=entry.index,
        agent=entry.speaker,
        text="" if thought else text,
        reasoning=text if thought else message.reasoning,
        recipient=entry.recipient,
        usage=entry.usage,
        start=entry.start,
        finish_reason=message.finish_reason,
        parent=delegated.get(entry.speaker),
        at=message.at,
    )


def _final_answer(steps: tuple[Step, ...]) -> str | None:
    """The last thing an agent said aloud, or what it marked as the answer in it."""
    for step in reversed(steps):
        text = step.text.strip().removesuffix(_TERMINATE).rstrip()
        if text:
            marked = text.rpartition(_ANSWER)[2].strip() if _ANSWER in text else text
            return marked.partition("\n")[0] if _ANSWER in text else marked
    return None
