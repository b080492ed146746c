"""What the agents of a run could know so far: what users gave, what tools returned, and every word of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pisama.elements import Element, ElementKind
from pisama.facts import PROSE, ElementsOf, Told, all_told, fields, opened, telling
from pisama.patterns import lazy
from pisama.trace import Step, ToolCall

READ = 200_000
"""Characters of a text whose words count as known."""
WISHES = 40
"""Messages of users whose elements are compared with arguments."""
LOOK_UPS = 200
"""Times all texts are searched for a value that is none of their words."""
_TOKEN = lazy(r"\w+(?:[@.+\-]\w+){0,12}")
_PART = lazy(r"\w+")
_YEAR = lazy(r"(?:19|20)\d\d(?<!\d.{4})(?!\d)")


@dataclass(slots=True)
class Given:
    """A value that was given for a field, and where."""

    value: str
    step: int
    """Index of the step that was given it."""
    text: str
    """The text that gives it."""
    used: bool = False


@dataclass(slots=True)
class Known:
    """What the agents of a run could know so far. Feed it the steps in order."""

    elements_of: ElementsOf
    """The elements of a text; `Features.elements` where texts are shared with other detectors."""
    told_of: Callable[[str], Told] | None = None
    """What a text tells; `Features.told` where texts are shared, `all_told` when None."""
    wishes: str = ""
    """Users' words, the first `READ` characters."""
    given: dict[str, Given] = field(default_factory=dict)
    """By field: what a person gave for it."""
    recorded: dict[str, Given] = field(default_factory=dict)
    """By field: what tools returned for it last."""
    relative: bool = False
    """Whether users' words speak of ranges of days, or of days by their distance from others."""
    questions: tuple[str, ...] = ()
    """Fields the last step asked for."""
    first: int = 0
    """Index of the first step heard."""
    _wishes: list[str] = field(default_factory=list)
    _wished: list[Element] = field(default_factory=list)
    _wished_of: int = 0
    _texts: list[str] = field(default_factory=list)
    _tokens: set[str] = field(default_factory=set)
    _heard: set[str] = field(default_factory=set)
    _unread: list[str] = field(default_factory=list)
    _days: set[str] = field(default_factory=set)
    _failed: list[str] = field(default_factory=list)
    _looked: int = 0

    def hear(self, step: Step) -> None:
        """Take in what a step was given."""
        if not self.wishes:
            self.first = step.index
        for message in step.seen:
            self.read(message.text)
            if message.role == "user":
                self._listen(message.text, step.index)

    def learn(self, call: ToolCall, *, failed: bool) -> None:
        """Take in a call and what it returned; what a failed call used may rightly be asked for again."""
        sent = " ".join(fact.value for fact in fields(call.arguments))[:READ].lower()
        for given in self.given.values():
            given.used = given.used or (bool(sent) and given.value.lower() in sent)
        if failed:
            self._failed.append(sent)
        text = call.result or call.error or ""
        self.read(text)
        value = opened(text)
        if value is not None and not failed:
            for fact in fields(value):
                self.recorded[fact.key] = Given(fact.value, -1, text)

    def read(self, text: str) -> None:
        """Remember the words of a text."""
        piece = text[:READ]
        if piece not in self._heard:
            self._heard.add(piece)
            self._unread.append(piece)

    def has(self, value: str) -> bool:
        """Whether any text so far holds this value. True when that can no longer be found out cheaply."""
        lowered = value.lower()
        if lowered not in self._tokens:
            self._index()
        if lowered in self._tokens:
            return True
        self._looked += 1
        return self._looked > LOOK_UPS or any(lowered in text for text in self._texts)

    def expected(self, key: str) -> Given | None:
        """What was given or returned for a field."""
        return self.given.get(key) or self.recorded.get(key)

    @property
    def wished(self) -> Sequence[Element]:
        """The elements of users' first `WISHES` messages."""
        while self._wished_of < min(len(self._wishes), WISHES):
            self._wished.extend(self.elements_of(self._wishes[self._wished_of]))
            self._wished_of += 1
        return self._wished

    def mentioned(self, value: str) -> bool:
        """Whether users' words hold this as a word of its own."""
        return re.search(rf"(?<!\w){re.escape(value)}(?!\w)", self.wishes[: 4 * PROSE]) is not None

    def wish(self, phrase: str) -> Given:
        """A phrase of users' words as a value that was given by the first step's task."""
        return Given(phrase, self.first, self.wishes)

    def failed_with(self, value: str) -> bool:
        """Whether a call that used this value failed or found nothing."""
        name = value.lower().rsplit("/", 1)[-1]
        return any(name in sent for sent in self._failed)

    def invented_year(self, year: str, day: str) -> bool:
        """Whether a user named this day (`05-20`) without a year, and only other years were ever mentioned."""
        if day not in self._days:
            return False
        self._index()
        if year in self._tokens:
            return False
        years = {found for text in self._texts for found in _YEAR.findall(text[:PROSE])}
        return bool(years) and year not in years

    def _index(self) -> None:
        # Most runs never ask, so words are taken apart only when somebody does.
        for text in self._unread:
            lowered = text.lower()
            self._texts.append(lowered)
            self._tokens.update(_TOKEN.findall(lowered))
            self._tokens.update(_PART.findall(lowered))
        self._unread.clear()

    def _listen(self, text: str, index: int) -> None:
        self.wishes = f"{self.wishes}\n{text}"[:READ] if len(self.wishes) < READ else self.wishes
        if len(self._wishes) < WISHES:
            self._wishes.append(text[:PROSE])
        said = self.told_of(text) if self.told_of is not None else all_told(text, self.elements_of)
        self.relative = self.relative or said.relative
        self._days |= said.days
        for fact in said.facts:
            before = self.given.get(fact.key)
            if before is None or before.value != fact.value:
                self.given[fact.key] = Given(fact.value, index, text)
        if len(self.questions) == 1:
            self._answered(self.questions[0], text, index)

    def _answered(self, question: str, text: str, index: int) -> None:
        """A code in the reply to the one question that was asked is its answer."""
        found = self.elements_of(text[:PROSE])
        self._days.update(element.value[2:] for element in found if element.value.startswith("--"))
        codes = [
            element.text
            for element in found
            if element.kind == ElementKind.IDENTIFIER and telling(element.text)
        ]
        if len(codes) == 1:
            self.given.setdefault(question, Given(codes[0], index, text))
